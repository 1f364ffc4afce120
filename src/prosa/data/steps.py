"""What is done to one batch of records: repair, fingerprints, filters and classic steps at once.

A record's texts become Python strings here, once, and go back to Arrow. Runs in the process or in
workers (see `parallel`). What is noted about the records are columns whose names begin with `#`.
"""

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa

from prosa.data import signatures
from prosa.data.classic import pipeline
from prosa.data.filters import REASONS, Filters
from prosa.data.kinds import SCHEMAS, Kind
from prosa.data.repair import Repair, repair

Settings = Mapping[str, Any]
"""Plain JSON values; see `prepared`."""

Values = dict[str, list[Any]]
"""A batch as Python lists: the values of each column."""

WRITTEN: dict[Kind, tuple[str, ...]] = {
    Kind.TEXT: ("text",),
    Kind.QUESTION_ANSWER: ("question", "answer"),
    Kind.CONVERSATION: ("messages",),
    Kind.PAIR: ("source", "target"),
    Kind.LABELLED: ("text",),
    Kind.SPAN_QA: ("context", "question", "answers"),
}
"""The columns that people wrote, which are repaired; the others (labels) are taken as they are."""

COMPARED: dict[Kind, tuple[str, ...]] = {**WRITTEN, Kind.SPAN_QA: ("context",)}
"""The columns whose likeness puts records on one side of a split."""

_JOINED: dict[Kind, tuple[str, ...]] = {
    Kind.TEXT: ("text",),
    Kind.LABELLED: ("text",),
    Kind.QUESTION_ANSWER: ("answer",),
}
"""The columns whose hard-wrapped lines are joined: a translation or a span is never moved."""


def said(value: Any) -> str:
    """One value as one text: a string, messages, or spans."""
    if isinstance(value, str):
        return value
    return "\n".join(str(part.get("content", part.get("text")) or "") for part in value or ())


def prepared(batch: pa.RecordBatch, settings: Settings) -> pa.RecordBatch:
    """Repair every text, take its fingerprints, judge it by the filters, do the classic steps.

    Args:
        batch: Records of a kind.
        settings: "kind"; "steps", names of classic steps; "filters", the fields of `Filters`.

    Returns:
        The kind's columns; where there are classic steps, the repaired ones too, under `#NAME`.
        `#repair` (uint8, `Repair`), `#exact` (uint64, the hash of all a record says), `#bytes`
        (uint32, UTF-8), `#empty` (bool, nothing is left of a text), `#lost` (bool, it has answers
        and none stands in its context), `#filter` (uint8, which of
        `REASONS`, counted from 1), and for each compared column N `#identityN` (uint64),
        `#wordsN` (int32), `#minhashN` (binary).
    """
    kind = Kind(settings["kind"])
    values = _values(batch, kind)
    repairs = np.zeros(batch.num_rows, np.uint8)
    for name in WRITTEN[kind]:
        _repair(values[name], repairs, join_lines=name in _JOINED.get(kind, ()))
    facts = {"#repair": pa.array(repairs), **_fingerprints(values, kind, batch.num_rows)}
    if kind is Kind.SPAN_QA:
        _relocate(values)
    facts["#lost"] = pa.array(_lost(values, batch.num_rows), pa.bool_())
    facts["#filter"] = pa.array(_filtered(values, kind, settings, batch.num_rows), pa.uint8())
    columns = {field.name: pa.array(values[field.name], field.type) for field in SCHEMAS[kind]}
    if settings["steps"]:
        rewrite = pipeline(settings["steps"])
        for name in WRITTEN[kind]:
            facts[f"#{name}"] = columns[name]
            values[name] = [_changed(value, rewrite) for value in values[name]]
            columns[name] = pa.array(values[name], columns[name].type)
    empty = np.zeros(batch.num_rows, np.bool_)
    for name in WRITTEN[kind]:
        if name != "answers":
            empty |= np.array([not said(value).strip() for value in values[name]], np.bool_)
    return pa.RecordBatch.from_pydict({**columns, "#empty": pa.array(empty), **facts})


def _values(batch: pa.RecordBatch, kind: Kind) -> Values:
    """The columns of a kind as lists; what is missing is empty, never None."""
    return {
        name: [
            ([] if name in ("messages", "answers") else "") if value is None else value
            for value in batch.column(name).to_pylist()
        ]
        for name in SCHEMAS[kind].names
    }


def _changed(value: Any, rewrite: Callable[[str], str]) -> Any:
    """Rewrite the texts within one value."""
    if isinstance(value, str):
        return rewrite(value)
    key = "content" if value and "content" in value[0] else "text"
    return [{**part, key: rewrite(part[key] or "")} for part in value]


def _repair(values: list[Any], repairs: "np.ndarray[Any, Any]", *, join_lines: bool) -> None:
    """Repair the values of a column in their place, and note what was repaired."""
    done = Repair.NONE

    def rewrite(text: str) -> str:
        nonlocal done
        text, what = repair(text, join_lines=join_lines)
        done |= what
        return text

    for row, value in enumerate(values):
        values[row] = _changed(value, rewrite)
        if done:
            repairs[row] |= done
            done = Repair.NONE


def _relocate(values: Values) -> None:
    """Find the spans again in the repaired contexts: the nearest place to where they were."""
    for context, answers in zip(values["context"], values["answers"], strict=True):
        for span in answers:
            text, start = span["text"] or "", span["start"] or 0
            if context[start : start + len(text)] != text:
                near = context.find(text, max(0, start - 64))
                span["start"] = near if near >= 0 else context.find(text)


def _lost(values: Values, count: int) -> list[bool]:
    """Whether a record has answers, and none of them stands where it says."""
    if "answers" not in values:
        return [False] * count
    return [
        bool(answers) and not any(located(context, answer) for answer in answers)
        for context, answers in zip(values["context"], values["answers"], strict=True)
    ]


def located(context: str, answer: Mapping[str, Any]) -> bool:
    """Whether an answer stands in its context where it says."""
    text, start = answer["text"] or "", answer["start"]
    return bool(text) and start >= 0 and context.startswith(text, start)


def _fingerprints(values: Values, kind: Kind, count: int) -> dict[str, "pa.Array[Any]"]:
    exact = np.zeros(count, np.uint64)
    sizes = np.zeros(count, np.uint32)
    for row in range(count):
        whole = "\x1f".join(said(values[name][row]) for name in values).encode()
        exact[row] = int.from_bytes(blake2b(whole, digest_size=8).digest(), "little")
        sizes[row] = len(whole)
    facts: dict[str, pa.Array[Any]] = {"#exact": pa.array(exact), "#bytes": pa.array(sizes)}
    for place, name in enumerate(COMPARED[kind]):
        words = signatures.words([said(value) for value in values[name]])
        long = words.counts >= signatures.SHORT
        made = signatures.minhash(signatures.shingles(words.only(long)))
        facts[f"#identity{place}"] = pa.array(signatures.identities(words))
        facts[f"#words{place}"] = pa.array(words.counts.astype(np.int32))
        facts[f"#minhash{place}"] = signatures.column(made, long)
    return facts


def _filtered(values: Values, kind: Kind, settings: Settings, count: int) -> list[int]:
    """For each record which filter drops it, counted from 1; 0 where none does."""
    given = settings["filters"]
    filters = Filters(**{**given, "blocked": tuple(given["blocked"])})
    if not filters.active:
        return [0] * count
    numbers: dict[str | None, int] = {None: 0}
    numbers |= {reason: number for number, reason in enumerate(REASONS, 1)}
    return [
        numbers[filters.reason("\n".join(said(values[name][row]) for name in WRITTEN[kind]))]
        for row in range(count)
    ]
