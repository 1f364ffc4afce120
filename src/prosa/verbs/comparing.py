"""`prosa compare`: models side by side, or the whole ladder of families, trained and compared."""

import math
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prosa import files, runs
from prosa.data.kinds import Kind
from prosa.errors import InputError
from prosa.i18n import _
from prosa.verbs.holdout import held_out
from prosa.verbs.request import Request, look
from prosa.verbs.training import Run, tell, train

if TYPE_CHECKING:
    import pyarrow as pa

    from prosa.comparison import Comparison, Entry
    from prosa.data.prepare import Prepared
    from prosa.models.family import Family
    from prosa.samples.probes import Probe
    from prosa.training.events import Listener

PROBED, PROBES = "historias", 400
"""The sample that has probes, and how many are asked: one standard error is 2.5 points over all
kinds, 6 within one."""
PROMPTS, WORDS, CHARACTERS = 3, 8, 80
"""Prompts taken from the data where none is given, and how long the beginning of a text is."""
MINUTES = 10.0
CLOSING_SHARE, CLOSING_SECONDS = 0.2, 60.0
"""What of a ladder's time is kept for comparing, and how long that is at most."""


def compare(
    models: Iterable[Any],
    data: Any,
    *,
    prompts: str | Iterable[str] = (),
    split: str | None = None,
    listen: Callable[[str], None] = lambda _model: None,
    **reading: Any,
) -> "Comparison":
    """Measure models on the same data, and let each answer the same prompts.

    Args:
        models: Names and folders of models, ids of the hub; or what `train` and `load` return.
        data: Whatever `prosa.read` takes. If a model was trained on it, the part that it has not
            learned from is taken, as `evaluate` does, or the `split` that is named.
        prompts: Texts, and files with one prompt a line; without any, beginnings of the data.
        split: The part to measure on.
        listen: Called with the name of each model before it is measured, and with what there is to
            know of it.
        reading: `raw`, `kind` and `columns` of `prosa.read`.

    Raises:
        InputError: A model, the data or a prompt is at fault.
    """
    places = _places(models)
    manifests = [runs.read_manifest(Path(folder)) for folder in places.values()]
    texts = list(_prompts(prompts))
    from prosa.comparison import Data
    from prosa.comparison import compare as compare_entries
    from prosa.data.read import read

    records = read(data, **reading)
    chosen = held_out(manifests, records, split=split, raw=reading.get("raw", False))

    def entries() -> "Iterator[Entry]":
        from prosa.models.pretrained import load

        rows = zip(places.items(), manifests, chosen.seen, strict=True)
        for (name, folder), manifest, seen in rows:
            listen(name)
            yield _entry(name, Path(folder), load(folder, say=listen), manifest, seen)

    measured = Data(records.source, chosen.part, chosen.table, records.kind)
    result = compare_entries(
        entries(),
        measured,
        prompts=texts or _beginnings(chosen.table, records.kind),
        probes=_probes(data),
    )
    origins = _origins(dict(zip(places, manifests, strict=True)))
    return replace(result, notes=[*records.notes, *chosen.notes, *origins, *result.notes])


@dataclass(frozen=True)
class Ladder:
    """The families that can learn from some data, trained and compared."""

    runs: list[Run]
    comparison: "Comparison"


def ladder(
    data: Any,
    *,
    minutes: float = MINUTES,
    prompts: str | Iterable[str] = (),
    listen: "Callable[[str], Listener] | None" = None,
    command: Sequence[str] = (),
    **reading: Any,
) -> Ladder:
    """Train a model of every family that can learn from the data, and compare them.

    All of it takes so many minutes, from reading the data to the last answer. Families that count
    take the seconds that they need and come first; each of the others gets its recipe's share of
    what is left then. The runs stay, as those of `train` do.

    Args:
        data: Whatever `prosa.read` takes; it is prepared once.
        minutes: How long the person will wait.
        prompts: As for `compare`.
        listen: Called with the title of each part; the listener it returns hears that part.
        command: The command line, for the manifests.
        reading: `raw`, `kind` and `columns` of `prosa.read`.

    Raises:
        InputError: The data, the minutes or a prompt is at fault.
    """
    began = time.monotonic()
    if not 0 < minutes < math.inf:
        from prosa.models.sizes import wrong

        raise wrong("minutes", minutes, _("a number above zero"))
    texts = list(_prompts(prompts))
    request = Request(**reading)
    source, prepared = look(data, request)
    if listen:
        tell(prepared, listen(source))
    until = began + 60 * minutes
    closing = min(CLOSING_SHARE * 60 * minutes, CLOSING_SECONDS)
    trained = climb(prepared, source, request, until - closing, listen=listen, command=command)
    compared = side_by_side(trained, prepared, source, until, prompts=texts, probes=_probes(data))
    return Ladder(trained, compared)


def climb(
    prepared: "Prepared",
    source: str,
    request: Request,
    until: float,
    *,
    listen: "Callable[[str], Listener] | None" = None,
    ranked: bool = False,
    command: Sequence[str] = (),
) -> list[Run]:
    """Train every family that can learn from prepared data, until the clock says so.

    Args:
        prepared: The data.
        source: What it is called.
        request: The settings of all runs; its output is where their folders' names begin.
        until: When the last one is to be done, by `time.monotonic()`.
        listen: Called with the title of each part; the listener it returns hears that part.
        ranked: Leave out families that cannot be ranked with others.
        command: The command line, for the manifests.
    """
    from prosa.models.registry import REGISTRY, family

    able = [f for f in map(family, REGISTRY) if _learns(f, prepared.kind, ranked=ranked)]
    able.sort(key=lambda known: known.learning != "count")
    shared, trained = files.scratch(), []
    for number, known in enumerate(able):
        parts = sum(later.recipe.share for later in able[number:])
        share = max(1.0, until - time.monotonic()) * known.recipe.share / parts
        own = replace(
            request,
            family=known.name,
            minutes=share / 60,
            output=f"{request.output}-{known.name}" if request.output else None,
        )
        heard = listen(f"{known.name}: {_(known.about.what)}") if listen else None
        run = train(prepared, own, listen=heard, command=command, name=source, shared=shared)
        trained.append(run)
    files.remove(shared)
    return trained


def _learns(family: "Family", kind: Kind, *, ranked: bool) -> bool:
    from prosa.tasks.task import task_for

    try:
        return not (task_for(family, kind).loss_only and ranked)
    except InputError:
        return False


def side_by_side(
    trained: Sequence[Run],
    prepared: "Prepared",
    source: str,
    until: float,
    *,
    prompts: Sequence[str] = (),
    probes: "Sequence[Probe]" = (),
) -> "Comparison":
    """Compare finished runs on the part of their data that was kept for the end."""
    from prosa.comparison import Data
    from prosa.comparison import compare as compare_entries

    manifests = [runs.read_manifest(run.path) for run in trained]
    chosen = held_out(manifests, prepared)
    entries = [
        _entry(run.path.name, run.path, (run.model, run.tokenizer), manifest, seen)
        for run, manifest, seen in zip(trained, manifests, chosen.seen, strict=True)
    ]
    return compare_entries(
        entries,
        Data(source, chosen.part, chosen.table, prepared.kind),
        prompts=prompts or _beginnings(chosen.table, prepared.kind),
        probes=probes,
        seconds=max(0.5, until - time.monotonic()),
    )


def _places(models: Iterable[Any]) -> dict[str, str]:
    """Each model once: what to call it, and its folder or id."""
    given = {
        runs.resolve(str(getattr(model, "path", model))): str(getattr(model, "path", model))
        for model in models
    }
    if not given:
        raise InputError(
            _("{name} is missing.").format(name="MODEL"),
            expected=_("models to compare"),
            hint=_("Or train models too, with: prosa compare --ladder DATA --minutes 10"),
        )
    short = {place: Path(place).resolve().name for place in given if Path(place).is_dir()}
    names = {place: short.get(place, place) for place in given}
    once = [name for name in names.values() if list(names.values()).count(name) == 1]
    return {name if name in once else given[place]: place for place, name in names.items()}


def _prompts(given: str | Iterable[str]) -> Iterator[str]:
    """The texts, and the lines of those that are files."""
    from prosa.data.read import read

    for text in [given] if isinstance(given, str) else given:
        if re.fullmatch(r"\S+\.(txt|md)", text) or _is_file(text):
            lines = read(text, raw=True, kind="text").table.column("text")
            yield from (line for line in map(str, lines.to_pylist()) if line.strip())
        elif text.strip():
            yield text
        else:
            raise InputError(_("A prompt is empty"), expected=_("a text, or a file of them"))


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # too long for a name, or not one at all
        return False


def _beginnings(table: "pa.Table", kind: Kind) -> list[str]:
    """Some prompts out of the data: how a text begins, or what is asked first."""
    from prosa.tokens.conversation import messages

    if kind in (Kind.LABELLED, Kind.SPAN_QA):  # whose models write nothing
        return []
    count = min(PROMPTS, len(table))
    found: list[str] = []
    for row in table.take([len(table) * i // count for i in range(count)]).to_pylist():
        if kind is Kind.TEXT:
            words = max(1, min(WORDS, len(row["text"].split()) // 2))
            begun = re.match(rf"\s*\S+(?:\s+\S+){{0,{words - 1}}}", row["text"])
            found.append(begun[0].strip()[:CHARACTERS] if begun else "")
        else:
            found += [m["content"] for m in messages(kind, row) if m["role"] != "assistant"][:1]
    return [prompt for prompt in dict.fromkeys(found) if prompt]


def _probes(data: Any) -> "list[Probe]":
    from prosa.samples.probes import probes

    return probes(PROBES) if isinstance(data, str) and data == PROBED else []


def _entry(
    name: str, folder: Path, loaded: Any, manifest: runs.Manifest | None, seen: int
) -> "Entry":
    from prosa.comparison import Entry
    from prosa.models.registry import family_of

    model, tokenizer = loaded
    known = family_of(model.config.to_dict())
    return Entry(
        name=name,
        family=known.name if known else model.config.model_type,
        model=model.eval(),
        tokenizer=tokenizer,
        folder=folder if folder.is_dir() else None,
        train_seconds=manifest.result.get("seconds") if manifest else None,
        curve=manifest.curve if manifest else (),
        seen=seen,
    )


def _origins(manifests: Mapping[str, runs.Manifest | None]) -> Iterator[str]:
    """What there is to know of what the models learned from."""
    unknown = [name for name, manifest in manifests.items() if manifest is None]
    if unknown:
        yield _("What {names} learned from is not known: it may have been this very text").format(
            names=", ".join(unknown)
        )
    origins = {name: manifest.data for name, manifest in manifests.items() if manifest}
    if len({origin.get("fingerprint") for origin in origins.values()}) > 1:
        each = "; ".join(f"{name}: {origin.get('source')}" for name, origin in origins.items())
        yield _("They learned from different data, or split it differently: {each}").format(
            each=each
        )
