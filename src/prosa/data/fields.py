"""Where the texts of a record are, for each kind of data."""

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

from prosa.data.kinds import SCHEMAS, Kind

Rows = dict[str, list[Any]]
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

FACETS: dict[Kind, tuple[str, ...]] = {
    **WRITTEN,
    Kind.SPAN_QA: ("context",),
}
"""The columns whose likeness puts records on one side of a split."""

JOINED: dict[Kind, tuple[str, ...]] = {
    Kind.TEXT: ("text",),
    Kind.LABELLED: ("text",),
    Kind.QUESTION_ANSWER: ("answer",),
}
"""The columns whose hard-wrapped lines are joined: a translation or a span is never moved."""


def rows(batch: pa.RecordBatch, kind: Kind) -> Rows:
    """The columns of a kind as lists; what is missing is empty, never None."""
    return {
        name: [
            ([] if name in ("messages", "answers") else "") if value is None else value
            for value in batch.column(name).to_pylist()
        ]
        for name in SCHEMAS[kind].names
    }


def arrays(values: Rows, kind: Kind) -> list["pa.Array[Any]"]:
    """The lists as Arrow arrays, in the order of the kind's columns."""
    return [pa.array(values[field.name], field.type) for field in SCHEMAS[kind]]


def change(value: Any, rewrite: Callable[[str], str]) -> Any:
    """Rewrite the texts within one value: a string, messages, or spans."""
    if isinstance(value, str):
        return rewrite(value)
    key = "content" if value and "content" in value[0] else "text"
    return [{**part, key: rewrite(part[key] or "")} for part in value]


def said(value: Any) -> str:
    """One value as one text."""
    if isinstance(value, str):
        return value
    return "\n".join(str(part.get("content", part.get("text")) or "") for part in value)


def written(values: Rows, kind: Kind, number: int) -> Sequence[str]:
    """The texts of one record."""
    return [said(values[name][number]) for name in WRITTEN[kind]]
