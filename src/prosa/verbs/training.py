"""`prosa train`: from a person's data to a run's folder."""

import json
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from prosa import files, runs
from prosa.data.kinds import Kind
from prosa.errors import InputError
from prosa.i18n import _
from prosa.verbs.request import Request, look
from prosa.verbs.working import DATA, shared_tokens, working

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from prosa.data.prepare import Prepared
    from prosa.models.family import Family
    from prosa.tasks.task import Task
    from prosa.training.events import Listener
    from prosa.training.fit import Fitted, Job, Sampler, Vocabulary
    from prosa.training.plan import Options

DEFAULT_FAMILY = "decoder"


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        path: Its folder.
        result: The documented keys of `prosa train --json`.
    """

    path: Path
    result: dict[str, Any]
    model: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerFast"

    @property
    def name(self) -> str:
        """What to call it in a command: its name under `runs`, or its path."""
        return self.path.name if self.path.parent == runs.RUNS else str(self.path)


def train(
    data: Any,
    request: Request | None = None,
    *,
    listen: "Listener | None" = None,
    command: Sequence[str] = (),
    name: str | None = None,
    shared: Path | None = None,
    **settings: Any,
) -> Run:
    """Train a model on data, and leave it in a run's folder.

    In a program that torchrun or `accelerate launch` started several times, each process calls
    this. The first one reads the data, writes and is heard; all are given the finished run.

    Args:
        data: Whatever `prosa.read` takes: a path, a sample's name, a data frame, a list of dicts;
            or what `prosa.data.prepare` made of it.
        request: All settings; or give them by name.
        listen: Hears the events of the run.
        command: The command line, for the manifest.
        name: What to call data that has no path.
        shared: Where runs on the same prepared data, with the same tokenizer, keep what they all
            need: the tokenizer and the encoded texts of each task.
        settings: Fields of `Request`, such as `family="lstm", minutes=2`.

    Returns:
        The run.

    Raises:
        InputError: The data or a setting is at fault.
    """
    began = time.monotonic()
    from prosa.models.pretrained import load, save
    from prosa.training import machine, world
    from prosa.training.events import silent
    from prosa.training.fit import fit

    request = replace(request or Request(), **settings)
    source = str(data) if isinstance(data, str | Path) else name or "data"
    world.join(cpu=machine.choose_device() == "cpu")
    with world.together(), ExitStack() as opened:
        # What is wrong with flags or data the first process finds, and says, for all.
        wanted = world.first(partial(_wanted, request, listen)) or _wanted(request)
        splits: dict[str, Any] = {}

        def begin() -> tuple[Path, dict[str, Any]]:
            place = _place(request, source, wanted.family)
            work = runs.working_folder(place)
            if not opened.enter_context(working(work, request, source)):
                return place, json.loads((work / DATA).read_text(encoding="utf-8"))
            prepared, info = _prepare(data, source, wanted.family, request, listen)
            splits.update(prepared)
            text = json.dumps(info, ensure_ascii=False)
            (work / DATA).write_text(text, encoding="utf-8")
            return place, info

        place, info = world.share(begin)
        job = wanted.job(splits, Kind(info["kind"]))
        heard = listen if world.is_first() else None
        writes = heard and job.task.writes
        sample = _sampler(job.task, job.kind, splits.get("train")) if writes else None
        work = runs.working_folder(place)
        kept = shared / job.task.name if shared and world.is_first() else None
        with shared_tokens(kept, work):
            fitted = fit(job, work, listen=heard or silent, sampler=sample, began=began)

        def finish() -> dict[str, Any]:
            assert fitted is not None
            manifest = _manifest(fitted, job, place, info, command)
            with files.replacing(place, overwrite=request.overwrite) as folder:
                save(fitted.model, fitted.tokenizer, folder)
                manifest.write(folder)
            return manifest.result

        result = world.share(finish)
    if fitted is None:
        model, tokenizer = load(place)
        return Run(place, result, model, cast(Any, tokenizer))
    return Run(place, result, fitted.model, fitted.tokenizer)


@dataclass(frozen=True)
class _Wanted:
    """What a request says of the run, without its data."""

    family: "Family"
    options: "Options"
    vocabulary: "Vocabulary"
    start: "PreTrainedModel | None"
    word_vectors: str | None

    def job(self, splits: dict[str, Any], kind: Kind) -> "Job":
        from prosa.tasks.task import task_for
        from prosa.training.fit import Job

        task = task_for(self.family, kind)
        return Job(splits, kind, task, self.options, self.vocabulary, self.start, self.word_vectors)


def _wanted(request: Request, listen: "Listener | None" = None) -> _Wanted:
    start = _start(request, request.from_model, listen) if request.from_model else None
    family = _family(request, start)
    _check_launcher(family)
    options, vocabulary = _wishes(family, request, start)
    return _Wanted(family, options, vocabulary, start[0] if start else None, request.word_vectors)


def _check_launcher(family: "Family") -> None:
    """Say before the data is read what a launcher asked for that cannot be."""
    from prosa.training.world import is_set

    sharded = is_set("ACCELERATE_USE_FSDP") and family.learning == "descend"
    if sharded and not family.shards:
        raise InputError(
            _("The family {family} cannot be trained with sharded weights").format(
                family=family.name
            ),
            hint=_("Start it without FSDP: each process then holds the whole model"),
        )
    if is_set("ACCELERATE_USE_DEEPSPEED"):
        raise InputError(
            _("Training with DeepSpeed is not supported"),
            expected=_("accelerate launch with --multi_gpu or --use_fsdp, or torchrun"),
        )


def _place(request: Request, source: str, family: "Family") -> Path:
    if request.output:
        return files.free_place(request.output, overwrite=request.overwrite)
    return runs.default_place(source, family.name)


def _start(
    request: Request, name: str, listen: "Listener | None"
) -> "tuple[PreTrainedModel, PreTrainedTokenizerFast]":
    from prosa.models.pretrained import load
    from prosa.training.events import Note, silent

    def note(text: str) -> None:
        (listen or silent)(Note(text))

    dtype = "int4" if request.four_bit else "auto"
    model, tokenizer = load(runs.resolve(name), dtype=dtype, say=note)
    return model, cast(Any, tokenizer)


def _family(request: Request, start: Any) -> "Family":
    from prosa.models.registry import FOREIGN, check_name, family, family_of

    if (request.lora or request.four_bit) and start is None:
        raise InputError(
            _("--lora and --four-bit teach a model that there is already"),
            hint=_("Say which with --from MODEL"),
        )
    if start is None:
        check_name(request.family or DEFAULT_FAMILY)
        if request.family in FOREIGN:
            raise InputError(
                _("A model of the family {family} is not made here").format(family=request.family),
                hint=_("Say which with --from MODEL"),
            )
        return family(request.family or DEFAULT_FAMILY)
    known = family_of(start[0].config.to_dict()) or _foreign(start[0])
    if request.family not in (None, known.name):
        raise InputError(
            _("{model} is a {is_family}, not a {asked}").format(
                model=request.from_model, is_family=known.name, asked=request.family
            ),
            hint=_("Leave --family away"),
        )
    if known.learning == "count":
        raise InputError(
            _("An n-gram cannot start from another model: it counts its data anew"),
            hint=_("Leave --from away and give both data sets in one folder"),
        )
    return known


def _foreign(start: "PreTrainedModel") -> "Family":
    """The family of a model from elsewhere, with the tasks that its kind can learn."""
    from prosa.models.pretrained import HEADS, auto_class, described
    from prosa.models.registry import family
    from prosa.tasks.task import task

    known, auto = family("pretrained"), auto_class(described(start))
    able = tuple(name for name in known.tasks if task(name).auto in (auto, *HEADS))
    return replace(known, tasks=able)


def _prepare(
    data: Any, source: str, family: "Family", request: Request, listen: "Listener | None"
) -> "tuple[dict[str, Any], dict[str, Any]]":
    from prosa.data.labels import check_labels
    from prosa.data.prepare import Prepared
    from prosa.tasks.task import task_for

    prepared = data if isinstance(data, Prepared) else look(data, request)[1]
    task_for(family, prepared.kind, source)
    if prepared.kind is Kind.LABELLED:
        check_labels(prepared.splits, source)
    if listen and prepared is not data:
        tell(prepared, listen)
    info = {
        "source": source,
        "kind": str(prepared.kind),
        "fingerprint": runs.fingerprint(*prepared.splits.values()),
        "report": prepared.report.to_json(),
        "seed": request.seed,
        "split": {"validation": request.validation, "test": request.test},
        "clean": list(request.clean),
        "filter": list(request.filter),
        "raw": request.raw,
    }
    return prepared.splits, info


def tell(prepared: "Prepared", listen: "Listener") -> None:
    """Say what was made of the data."""
    from prosa.training.events import Note

    for line in prepared.report.lines():
        if not line.startswith(" "):  # an example, which `prosa inspect` shows
            listen(Note(line))


def _wishes(family: "Family", request: Request, start: Any) -> "tuple[Options, Vocabulary]":
    from prosa.models.family import Sizes
    from prosa.models.sizes import complete
    from prosa.training.fit import Vocabulary
    from prosa.training.plan import Options
    from prosa.training.word_vectors import width_for

    sizes = Sizes(**{field.name: getattr(request, field.name) for field in fields(Sizes)})
    if request.word_vectors:
        width = width_for(family, request.word_vectors, sizes.embedding_size, new=start is None)
        sizes = replace(sizes, embedding_size=width)
    if start is None:
        complete(family, sizes)
    shared = ("minutes", "epochs", "steps", "batch_size", "learning_rate", "seed", "lora")
    asked = {name: getattr(request, name) for name in shared}
    if request.four_bit:
        asked["lora"] = True
    options = Options(family.name, sizes=sizes, **asked)
    known = start[1] if start else None
    for flag, value in (("tokenizer", request.tokenizer), ("vocabulary", request.vocabulary)):
        if known is not None and value is not None:
            raise InputError(
                _("--{flag} makes no sense with --from: a trained model keeps its tokens").format(
                    flag=flag
                ),
                hint=_("Leave --{flag} away").format(flag=flag),
            )
    return options, Vocabulary(request.tokenizer or "bpe", request.vocabulary, known)


def _manifest(
    fitted: "Fitted", job: "Job", place: Path, info: dict[str, Any], command: Sequence[str]
) -> runs.Manifest:
    from prosa.tokens.learn import algorithm
    from prosa.training.machine import peak_memory

    validation = fitted.validation.values if fitted.validation else {}
    result = {
        "output": str(place),
        "family": job.options.family,
        "task": job.task.name,
        "parameters": fitted.model.num_parameters(),
        "tokenizer": algorithm(fitted.tokenizer),
        "vocabulary": len(fitted.tokenizer),
        "documents": fitted.documents,
        "train_tokens": fitted.train_tokens,
        "steps": fitted.steps,
        "seconds": round(fitted.seconds, 3),
        "train_loss": fitted.train["loss"],
        "validation_loss": validation.get("loss"),
        "validation_perplexity": validation.get("perplexity"),
        "validation_bits_per_byte": validation.get("bits_per_byte"),
        "peak_memory_bytes": peak_memory(),
    }
    if "macro_f1" in validation:
        names = ("accuracy", "macro_f1", "majority_accuracy")
        result |= {f"validation_{name}": validation[name] for name in names}
    plan = asdict(fitted.plan) if fitted.plan else {}
    return runs.Manifest(
        name=place.name,
        family=job.options.family,
        result=result,
        data=info,
        command=list(command),
        plan=plan,
        curve=fitted.curve,
    )


def _sampler(task: "Task", kind: Kind, train: Any) -> "Sampler":
    """A function that writes a short sample with a model as it is now.

    Args:
        task: What it learns.
        kind: The kind of data it learns from.
        train: The training table, whose first question is asked; None when a run is resumed.
    """
    from prosa.generation.decode import continue_ids, generate
    from prosa.generation.options import Decoding
    from prosa.tokens import conversation

    decoding = Decoding(max_new_tokens=40, temperature=0.7, seed=0)
    turns, begun = None, ""
    if train is not None and len(train):
        first = train.slice(0, 1).to_pylist()[0]
        if kind is not Kind.TEXT:
            turns = conversation.messages(kind, first)
        elif task.loss_only:  # it fills gaps, and needs something around them
            begun = first["text"][:60]

    def write(model: Any, tokenizer: Any) -> str:
        if turns is None:
            return generate(model, tokenizer, begun, decoding)
        question = [m for m in turns if m["role"] != "assistant"][:1]
        if not tokenizer.chat_template:
            said = question[0]["content"]
            return f"{said} – {generate(model, tokenizer, said, decoding)}"
        ids = conversation.prompt(tokenizer, question)
        answer = "".join(continue_ids(model, tokenizer, ids, decoding))
        return f"{question[0]['content']} – {answer}"

    return write
