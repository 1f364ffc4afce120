"""The one verb of learning: prepared data in, a fitted model out, counted or descended.

The working folder holds everything a killed run needs to go on: tokenizer, token streams, plan and
checkpoints. Saving the model where a person will find it is not this room's business.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerFast

from prosa.data.kinds import Kind
from prosa.errors import InputError
from prosa.i18n import _
from prosa.measure.metrics import Metrics
from prosa.models.family import Sizes, SpecialIds
from prosa.models.registry import count, family, start_from_frequencies
from prosa.tasks.task import Batches, Task
from prosa.tokens import conversation
from prosa.tokens.learn import check, is_ours, learn, put_around
from prosa.tokens.stream import TokenStream
from prosa.training import further, threads, world
from prosa.training import machine as machines
from prosa.training import plan as plans
from prosa.training.checkpoint import latest
from prosa.training.control import Hooks, Timer
from prosa.training.descend import descend
from prosa.training.events import Listener, Planned, silent
from prosa.training.plan import Options, Plan
from prosa.training.size_ladder import Corpus
from prosa.training.word_vectors import start_from_vectors

SCORED_TOKENS = 30_000
"""Training tokens that the final training loss is measured on, from the beginning of the data: good
to 0.02 nats. 100,000 of them took about ten seconds more at the end of a run."""
WATCHED_TOKENS = 20_000
"""Validation tokens that are measured on the way."""
VALIDATED_TOKENS = 300_000
"""Validation tokens that the end measures at most, unless they are counted: a tenth of 314 MB has
seven million, and a small model on two cores needs more than ten minutes for them."""
_LEAST_SCORED_TOKENS = 2_000
SCORING_SHARE = 0.06
"""Share of a timed run's time that its last three scores may take: half of it the validation data's
at the end, the rest that of the training data and the last validation on the way. No larger, as a
machine that is busy just then can make them several times as long, and nothing mends that."""
SAVING_SECONDS = 0.5
"""Kept for writing the model and leaving the process."""

Sampler = Callable[[PreTrainedModel, PreTrainedTokenizerFast], str]


@dataclass(frozen=True)
class Vocabulary:
    """How text becomes tokens: an algorithm and a size, or a tokenizer that exists already."""

    algorithm: str = "bpe"
    size: int | None = None
    tokenizer: PreTrainedTokenizerFast | None = None

    def __post_init__(self) -> None:
        check(self.algorithm)


@dataclass(frozen=True)
class Job:
    """What is to be learned.

    Attributes:
        splits: Tables "train" and, if there is one, "validation"; empty when a run is resumed.
        kind: What their rows are.
        task: What is learned from them.
        options: What the person asked of the run.
        vocabulary: How text becomes tokens.
        start: A model to teach further, instead of a new one; it is changed.
        word_vectors: A file of vectors that the words of a new one begin with.
    """

    splits: dict[str, pa.Table]
    kind: Kind
    task: Task
    options: Options
    vocabulary: Vocabulary
    start: PreTrainedModel | None = None
    word_vectors: str | None = None


@dataclass(frozen=True)
class Fitted:
    """A fitted model and what its making measured.

    Attributes:
        plan: None for a counted model.
        seconds: Of learning alone: reading, cleaning and tokenising are not in it.
        train: Measured on the first `SCORED_TOKENS` of the training data, without dropout.
        validation: Measured on up to `VALIDATED_TOKENS` of the validation data, spread over it; of
            a counted model on all; None where there is none. `prosa evaluate` measures all.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    seconds: float
    train: Metrics
    validation: Metrics | None
    train_tokens: int
    documents: int
    plan: Plan | None = None
    steps: int = 0
    stopped: str | None = None
    curve: list[dict[str, float]] = field(default_factory=list)


def fit(
    job: Job,
    folder: Path,
    *,
    listen: Listener = silent,
    sampler: Sampler | None = None,
    began: float | None = None,
) -> Fitted | None:
    """Learn a tokenizer and a model from prepared data.

    Where there are several processes, each must call this. The first one writes the working folder,
    which all must be able to read, makes the plan and keeps the clock; it alone is given the data,
    is heard, and has the model in the end.

    Args:
        job: The data and the wishes.
        folder: The working folder; what an earlier, killed run left in it is continued.
        listen: Hears the events.
        sampler: Writes a sample with the model as it is.
        began: `time.monotonic()` when the person began to wait.

    Returns:
        The model; None in the other processes of a run.

    Raises:
        InputError: Too little data, or sizes that do not fit together.
    """
    asked = time.monotonic() if began is None else began
    with threads.kept():
        return _fit(job, folder, listen, sampler, world.share(lambda: asked))


def _fit(
    job: Job, folder: Path, listen: Listener, sampler: Sampler | None, began: float
) -> Fitted | None:
    machines.use_tensor_cores()
    tokenizer, streams = _tokens(job, folder)
    train = streams["train"]
    if len(train.tokens) < 3:
        raise InputError(
            _("There is too little text to learn from: {n} tokens").format(n=len(train.tokens)),
            hint=_("Give more text, or keep all of it for training: --validation 0 --test 0"),
        )
    task, known = job.task, family(job.options.family)
    ids = SpecialIds.of(tokenizer)
    measure = partial(task.measure, tokenizer=tokenizer)
    if known.learning == "count":
        if not world.is_first():
            return None
        start = time.monotonic()
        sizes = job.options.sizes
        counted = count(known, train, sizes, len(tokenizer), ids, task.auto)
        counted.config.learned = task.name
        seconds = time.monotonic() - start
        scored = {**streams, "train": train.head(SCORED_TOKENS)}
        return _finish(counted, tokenizer, train, scored, measure, seconds=seconds)
    corpus = _corpus(job, streams)
    if job.start is not None:
        headed = further.with_head(job.start, tokenizer, task.auto, train.classes, listen)
        job = replace(job, start=headed)
    seconds = 60 * (job.options.minutes or plans.DEFAULT_MINUTES)
    saved = _saved_plan(folder)
    setup = _setup(job, tokenizer, train, corpus, saved, listen)
    plan = saved or world.share(lambda: _plan(job, setup, corpus, folder, began))
    listen(Planned(plan))
    model = job.start or _new_model(plan, setup, train)
    model.config.learned = plan.task
    if job.word_vectors and latest(folder) is None:
        start_from_vectors(model, tokenizer, job.word_vectors, listen)
    watched, scored = _to_score(plan, streams, seconds)
    watched_tokens = len(watched.tokens) if watched else 0
    final_tokens = sum(len(stream.tokens) for stream in scored.values())
    hooks = Hooks(
        listen,
        partial(measure, stream=watched, whole=False) if watched else None,
        (lambda m: sampler(m, tokenizer)) if sampler else None,
        validation_steps=plan.scoring_steps * watched_tokens / 1_000,
        closing_steps=plan.scoring_steps * (watched_tokens + final_tokens) / 1_000,
        keep_best=not corpus.turns,
        loss=setup.loss,
    )
    timer = Timer(began, seconds - SAVING_SECONDS if plan.timed else None)
    data = setup.batches(plan.sizes.context or 1)
    result = descend(model, data, plan, folder, hooks, timer, latest(folder))
    if not world.is_first():
        return None
    fitted = _finish(result.model, tokenizer, train, scored, measure, seconds=result.seconds)
    return replace(
        fitted, plan=plan, steps=result.steps, stopped=result.stopped, curve=result.curve
    )


def _tokens(job: Job, folder: Path) -> tuple[PreTrainedTokenizerFast, dict[str, TokenStream]]:
    """The tokenizer and the token streams, written to the working folder if they are not there."""
    done = folder / "tokens.json"
    world.first(lambda: None if done.is_file() else _write_tokens(job, folder, done))
    tokenizer: Any = AutoTokenizer.from_pretrained(folder / "tokenizer")
    names = json.loads(done.read_text(encoding="utf-8"))
    return tokenizer, {name: TokenStream.open(folder / name) for name in names}


def _write_tokens(job: Job, folder: Path, done: Path) -> None:
    splits, kind, vocabulary = job.splits, job.kind, job.vocabulary
    if known := vocabulary.tokenizer:
        if job.task.chats(kind):
            conversation.add_turns(known)
        bare = known("a")["input_ids"] == known("a", add_special_tokens=False)["input_ids"]
        if bare and is_ours(known) and job.task.template:
            put_around(known.backend_tokenizer, job.task.template)
    tokenizer = known or learn(
        _texts(splits["train"], kind),
        vocabulary.algorithm,
        vocabulary.size,
        conversation=job.task.chats(kind),
        special=job.task.special,
        template=job.task.template,
    )
    tokenizer.save_pretrained(folder / "tokenizer")
    names = [name for name in ("train", "validation") if name in splits and len(splits[name])]
    for name in names:
        job.task.encode(splits[name], kind, tokenizer, folder / name)
    done.write_text(json.dumps(names), encoding="utf-8")


def _texts(table: pa.Table, kind: Kind) -> Iterator[str]:
    """Every text of a table, in order, without holding them all."""
    for batch in table.to_batches(max_chunksize=1_000):
        for row in batch.to_pylist():
            if kind in (Kind.TEXT, Kind.LABELLED):
                yield row["text"]
            elif kind is Kind.SPAN_QA:
                yield from (row["question"], row["context"])
            elif kind is Kind.PAIR:
                yield from (row["source"], row["target"])
            else:
                yield from (m["content"] for m in conversation.messages(kind, row))


def _setup(
    job: Job,
    tokenizer: PreTrainedTokenizerFast,
    train: TokenStream,
    corpus: Corpus,
    saved: Plan | None,
    listen: Listener,
) -> plans.Setup:
    """What is learned, how, and from what; a model that is taught further is made ready for it."""
    known, options, adapted = family(job.options.family), job.options, None
    if job.start is not None:
        further.grow(job.start, tokenizer)
        rank = partial(further.adapter_rank, job.start, known, options, corpus)
        adapted = saved.lora if saved else world.share(rank)
        further.prepare(job.start, adapted, options.seed, listen)
    recipe = plans.recipe_of(known.name, adapted)

    def batches(context: int) -> Batches:
        order = {"seed": options.seed, "shuffled": corpus.turns}
        return job.task.batches(train, tokenizer, recipe, context, **order)

    ids = SpecialIds.of(tokenizer)
    setup = plans.Setup(
        known, job.task, len(tokenizer), ids, batches, job.start, adapted, classes=train.classes
    )
    return further.with_answer_loss(setup, train) if recipe.apart else setup


def _saved_plan(folder: Path) -> Plan | None:
    """The plan of a run that goes on, for as many processes as there are now."""
    saved = folder / "plan.json"
    if not saved.is_file():
        return None
    try:
        values = json.loads(saved.read_text(encoding="utf-8"))
        return Plan(**{**values, "sizes": Sizes(**values["sizes"])}).on(world.size())
    except (KeyError, TypeError, ValueError) as error:  # damaged, or of another version
        raise InputError(
            _("This checkpoint cannot be read: {why}").format(why=error),
            path=saved,
            hint=_("Delete the folder and run again without --resume"),
        ) from error


def _plan(job: Job, setup: plans.Setup, corpus: Corpus, folder: Path, began: float) -> Plan:
    seconds = 60 * (job.options.minutes or plans.DEFAULT_MINUTES)
    left = max(began + seconds - time.monotonic(), seconds / 4)
    plan = plans.make(setup, job.options, corpus, left)
    text = json.dumps(asdict(plan), indent=2)
    (folder / "plan.json").write_text(text, encoding="utf-8")
    return plan


def _to_score(
    plan: Plan, streams: dict[str, TokenStream], seconds: float
) -> tuple[TokenStream | None, dict[str, TokenStream]]:
    """What is validated on the way and what is scored at the end, as there is time for it."""
    most = 4 * VALIDATED_TOKENS
    if plan.timed:
        thousand = plan.scoring_steps * plan.step_seconds
        affordable = int(1_000 * SCORING_SHARE * seconds / thousand)
        most = max(4 * _LEAST_SCORED_TOKENS, min(most, affordable))
    scored = {"train": streams["train"].head(min(SCORED_TOKENS, most // 4))}
    if "validation" not in streams:
        return None, scored
    validation = streams["validation"]
    scored["validation"] = validation.sample(min(VALIDATED_TOKENS, most // 2))
    return validation.sample(min(WATCHED_TOKENS, most // 4)), scored


def _corpus(job: Job, streams: dict[str, TokenStream]) -> Corpus:
    lengths = np.diff(np.asarray(streams["train"].offsets))
    return Corpus(
        tokens=len(streams["train"].tokens),
        documents=len(lengths),
        long_document=int(np.percentile(lengths, 90)),
        validated="validation" in streams,
        turns=job.kind in (Kind.QUESTION_ANSWER, Kind.CONVERSATION),
    )


def _new_model(plan: Plan, setup: plans.Setup, train: TokenStream) -> PreTrainedModel:
    torch.manual_seed(plan.seed)
    model = setup.build(plan.sizes)
    head: Any = model.get_output_embeddings()
    if head is None:  # it scores labels or places, and no words
        return model
    if setup.family.recipe.start_from_nothing and not model.config.tie_word_embeddings:
        torch.nn.init.zeros_(head.weight)
    if not setup.family.recipe.start_from_frequencies:
        return model
    # Ten million tokens say enough of how often each word comes.
    return start_from_frequencies(model, train.frequencies(setup.vocabulary, limit=10_000_000))


def _finish(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    train: TokenStream,
    scored: dict[str, TokenStream],
    measure: Callable[..., Metrics],
    *,
    seconds: float,
) -> Fitted:
    validation = scored.get("validation")
    return Fitted(
        model=model,
        tokenizer=tokenizer,
        seconds=seconds,
        train=measure(model, stream=scored["train"], whole=False),
        validation=measure(model, stream=validation) if validation is not None else None,
        train_tokens=len(train.tokens),
        documents=len(train.offsets) - 1,
    )
