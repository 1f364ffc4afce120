"""Models side by side: one table in one unit, and the same prompts answered by each.

All are measured on the same text, one after the other. Bits per byte makes different tokenizers
comparable. What cannot be compared stands apart and says why.
"""

import math
import statistics
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from prosa import files
from prosa.chat import Chat
from prosa.data.kinds import Kind
from prosa.data.report import byte_count
from prosa.errors import InputError
from prosa.generation import decode
from prosa.generation.options import Decoding
from prosa.i18n import _
from prosa.measure.metrics import Metrics
from prosa.measure.probes import ask
from prosa.models.registry import CAUSAL
from prosa.report import render
from prosa.samples.probes import Probe
from prosa.tasks.labels import names, probabilities
from prosa.tasks.task import Task, task_of, writing_task

TEXT = Decoding(max_new_tokens=80, temperature=0.4, seed=0)
TURNS = Decoding(max_new_tokens=120, temperature=0.0)
"""How prompts are continued, cool enough that each says what it is surest of; and answered."""
_TRIAL_BYTES, _TRIAL_PROBES = 4_000, 10
"""On so much the speed of measuring is tried where there may not be time for all. The probes come
by kind, and in pairs of a probe and its mirror image: ten are a pair of each kind."""
_SCORING, _ANSWERING, _LEAST_PATIENCE = 0.4, 0.2, 0.1
"""Shares of the time for scoring, at most, and for answers, the rest being for probes; and seconds
that an answer may take in any case."""

_SCORES = ("macro_f1", "majority_accuracy", "exact_match", "f1")


@dataclass(frozen=True)
class Entry:
    """A model that takes part.

    Attributes:
        folder: Where it lies; None for a model of the hub.
        train_seconds: How long its training took, where that is known.
        curve: Points of its training; those with "bits_per_byte" are kept.
        seen: How many of the records to be measured on it was trained on.
    """

    name: str
    family: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    folder: Path | None = None
    train_seconds: float | None = None
    curve: Sequence[dict[str, float]] = ()
    seen: int = 0


@dataclass(frozen=True)
class Row:
    """One model's line; the names are the documented keys of `prosa compare --json`.

    Attributes:
        tokens_per_second: Of reading: the speed at which the text was scored.
        first_token_seconds: From a prompt to the first words of the answer, the median.
        memory_bytes: Of the model's tensors. What working with them takes on top cannot be told
            apart from the rest of the process, and is small for all but long contexts.
        comparable: Whether its figures may be set beside those of the others; else `why` not.
        probes: Shares of probes that it got right, by kind.
        macro_f1: Of a classifier, as `majority_accuracy` is: always guessing the most frequent.
        exact_match: Of a reader, as `f1` is.
    """

    name: str
    family: str
    parameters: int
    bits_per_byte: float | None
    perplexity: float | None
    accuracy: float | None
    tokens_per_second: float | None
    train_seconds: float | None
    memory_bytes: int
    disk_bytes: int | None
    task: str | None
    first_token_seconds: float | None
    comparable: bool
    why: str | None
    curve: list[dict[str, float]]
    probes: dict[str, float]
    macro_f1: float | None = None
    majority_accuracy: float | None = None
    exact_match: float | None = None
    f1: float | None = None

    @property
    def score(self) -> float:
        """What rows are ranked by, the best first: the fewest bits a byte, else the highest F1."""
        if self.bits_per_byte is not None:
            return self.bits_per_byte
        found = self.macro_f1 if self.macro_f1 is not None else self.f1
        return math.inf if found is None else -found


@dataclass(frozen=True)
class Data:
    """The records that all are measured on; `part` is "test", "validation", "train" or "all"."""

    name: str
    part: str
    table: pa.Table
    kind: Kind

    def to_json(self) -> dict[str, Any]:
        """The documented keys."""
        size = {"documents": len(self.table), "bytes": byte_count(self.table)}
        return {"name": self.name, "part": self.part, **size}


@dataclass(frozen=True)
class Comparison:
    """The table and the texts.

    Attributes:
        models: In the order in which they were given.
        prompts: {"prompt", "answers": {name: text}}; a model that does not write has no answer.
        data: What they were measured on.
        notes: What else there is to know, in sentences, translated.
    """

    models: list[Row]
    prompts: list[dict[str, Any]]
    data: Data
    notes: list[str] = field(default_factory=list)

    def ranked(self) -> list[Row]:
        """Those that can be compared, the best first."""
        rows = [row for row in self.models if row.comparable]
        return sorted(rows, key=lambda row: row.score)

    def apart(self) -> list[Row]:
        """Those that cannot."""
        return [row for row in self.models if not row.comparable]

    def to_json(self, page: Path | None = None) -> dict[str, Any]:
        """The documented keys; `page` is where the report lies, if it was written."""
        return {
            "models": [asdict(row) for row in self.models],
            "prompts": self.prompts,
            "report": str(page) if page else None,
            "data": self.data.to_json(),
            "notes": self.notes,
        }

    def report(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the comparison as one HTML page with charts, that needs no network.

        Raises:
            InputError: Something is there already, or nothing can be written there.
        """
        page = render(self.to_json())
        with files.replacing(path, overwrite=overwrite, file=True) as place:
            place.write_text(page, encoding="utf-8")
        return Path(path)


def compare(
    entries: Iterable[Entry],
    data: Data,
    *,
    prompts: Sequence[str] = (),
    probes: Sequence[Probe] = (),
    seconds: float | None = None,
) -> Comparison:
    """Measure models on the same data, and let each answer the same prompts.

    Args:
        entries: The models. They are taken one by one, so that a generator which loads them needs
            room for one alone.
        data: What to measure on.
        prompts: Continued by each, or answered where the data are questions or conversations.
        probes: Asked of each that can say how probable a continuation is.
        seconds: How long all of it may take. As much of the data and as many probes are taken as
            that allows, and answers end where their fifth of it ends.
    """
    notes, patience = [], math.inf
    if seconds is not None:
        entries = list(entries)
        answering = seconds * _ANSWERING / max(1, len(entries) * len(prompts))
        patience = max(_LEAST_PATIENCE, answering)
        part, asked = _affordable(entries, data, probes, seconds * (1 - _ANSWERING))
        if part is not data:
            text = _("Measured on {n} of {all} records: there was not time for more")
            notes.append(text.format(n=len(part.table), all=len(data.table)))
        if len(asked) < len(probes):
            text = _("Asked {n} of {all} probes: there was not time for more")
            notes.append(text.format(n=len(asked), all=len(probes)))
        data, probes = part, asked
    rows, answers = [], [dict[str, str]() for _prompt in prompts]
    for entry in entries:
        row, waits = _measured(entry, data, probes), []
        labels = data.kind is Kind.LABELLED
        if prompts and (row.macro_f1 is not None if labels else writing_task(entry.model).writes):
            try:
                _answer(entry, data.kind, prompts[0], 0)  # the first call in a process takes longer
                for prompt, told in zip(prompts, answers, strict=True):
                    told[entry.name], wait = _answer(entry, data.kind, prompt, patience)
                    waits.append(wait)
            except InputError as error:
                notes.append(f"{entry.name}: {error}")
        rows.append(replace(row, first_token_seconds=statistics.median(waits) if waits else None))
    texts = [{"prompt": p, "answers": a} for p, a in zip(prompts, answers, strict=True)]
    return Comparison(rows, texts, data, notes)


def _measured(entry: Entry, data: Data, probes: Sequence[Probe]) -> Row:
    task, why = None, None
    values: dict[str, Any] = {}
    try:
        task = task_of(entry.model, data.kind)
        values = _score(entry, task, data).to_json()
    except InputError as error:
        why = error.what
    if task and task.loss_only:
        why = _(
            "It guesses what is hidden inside a text and sees both sides of it ({task}): "
            "that is not the probability of the text"
        ).format(task=task.name)
    elif entry.seen:
        why = _("It has learned from {n} of these {all} records: the score says little").format(
            n=entry.seen, all=len(data.table)
        )
    tensors = [*entry.model.parameters(), *entry.model.buffers()]
    return Row(
        name=entry.name,
        family=entry.family,
        parameters=entry.model.num_parameters(),
        bits_per_byte=_finite(values.get("bits_per_byte")),
        perplexity=_finite(values.get("perplexity")),
        accuracy=_finite(values.get("accuracy")),
        tokens_per_second=values.get("tokens_per_second"),
        train_seconds=entry.train_seconds,
        memory_bytes=sum(tensor.numel() * tensor.element_size() for tensor in tensors),
        disk_bytes=files.size(entry.folder) if entry.folder else None,
        task=task.name if task else None,
        first_token_seconds=None,
        comparable=why is None,
        why=why,
        curve=[dict(point) for point in entry.curve if "bits_per_byte" in point],
        probes=_asked(entry, probes),
        **{name: values.get(name) for name in _SCORES},
    )


def _score(entry: Entry, task: Task, data: Data) -> Metrics:
    stream = task.encode(data.table, data.kind, entry.tokenizer, files.scratch())
    return task.measure(entry.model, entry.tokenizer, stream, whole=False)


def _finite(value: float | None) -> float | None:
    """None for the figures of a model that diverged."""
    return value if value is not None and math.isfinite(value) else None


def _answer(entry: Entry, kind: Kind, prompt: str, patience: float) -> tuple[str, float]:
    """What a model writes, for about so many seconds, and how long its first words took."""
    began = time.perf_counter()
    text, first = "", math.inf
    with closing(_pieces(entry, kind, prompt)) as pieces:
        for piece in pieces:
            took = time.perf_counter() - began
            first = min(first, took)
            text += piece
            if took > patience:
                break
    return text, min(first, time.perf_counter() - began)


def _pieces(entry: Entry, kind: Kind, prompt: str) -> Generator[str]:
    if kind is Kind.LABELLED:
        yield from _label(entry, prompt)
    elif kind is Kind.TEXT:
        yield from decode.stream(entry.model, entry.tokenizer, prompt, TEXT)
    else:
        yield from Chat(entry.model, entry.tokenizer, TURNS).say(prompt)


def _label(entry: Entry, prompt: str) -> Iterator[str]:
    found = probabilities(entry.model, entry.tokenizer, [prompt])[0]
    yield f"{names(entry.model)[found.argmax()]} ({100 * found.max():.0f} %)"


def _asked(entry: Entry, probes: Sequence[Probe]) -> dict[str, float]:
    """Shares of the probes, of a model that predicts a text from its beginning to its end."""
    causal = writing_task(entry.model).auto == CAUSAL
    return ask(entry.model, entry.tokenizer, probes) if probes and causal else {}


def _affordable(
    entries: Sequence[Entry], data: Data, probes: Sequence[Probe], seconds: float
) -> tuple[Data, Sequence[Probe]]:
    """So many records, spread over the data, and probes as there is time for with all models."""
    few = _spread(data, max(1, _TRIAL_BYTES * len(data.table) // byte_count(data.table)))
    began = time.perf_counter()
    for entry in entries:
        _measured(entry, few, ())
    tried = time.perf_counter()
    for entry in entries:
        _asked(entry, probes[:_TRIAL_PROBES])
    each, pair = (tried - began) / len(few.table), time.perf_counter() - tried
    seconds -= time.perf_counter() - began
    count = max(len(few.table), int(seconds * _SCORING / (1 - _ANSWERING) / each))
    part = _spread(data, count)
    pairs = int((seconds - each * len(part.table)) / pair)
    return part, probes[: _TRIAL_PROBES * max(1, pairs)]


def _spread(data: Data, count: int) -> Data:
    total = len(data.table)
    if count >= total:
        return data
    return replace(data, table=data.table.take([total * i // count for i in range(count)]))
