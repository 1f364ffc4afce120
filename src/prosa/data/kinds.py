"""The kinds of data prosa understands, and the types that data is on its way in.

A reader makes a `Source` out of a file or an object; it gives batches of rows by column, under the
source's own names. `read` makes `Records` out of sources, and every later room takes `Records`.
"""

import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeAlias, TypeVar

import pyarrow as pa

from prosa.i18n import N_


class Kind(StrEnum):
    """What a record is; it decides which columns a table has."""

    TEXT = "text"
    QUESTION_ANSWER = "question-answer"
    CONVERSATION = "conversation"
    PAIR = "pair"
    LABELLED = "labelled"
    SPAN_QA = "span-qa"


_MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
_SPANS = pa.list_(pa.struct([("text", pa.string()), ("start", pa.int64())]))

SCHEMAS: dict[Kind, pa.Schema] = {
    Kind.TEXT: pa.schema([("text", pa.string())]),
    Kind.QUESTION_ANSWER: pa.schema([("question", pa.string()), ("answer", pa.string())]),
    Kind.CONVERSATION: pa.schema([("messages", _MESSAGES)]),
    Kind.PAIR: pa.schema([("source", pa.string()), ("target", pa.string())]),
    Kind.LABELLED: pa.schema([("text", pa.string()), ("label", pa.string())]),
    Kind.SPAN_QA: pa.schema(
        [("context", pa.string()), ("question", pa.string()), ("answers", _SPANS)]
    ),
}
"""The columns of each kind. Tables may carry `split` and `group` (both string) besides."""

KIND_NAMES = {
    Kind.TEXT: N_("texts"),
    Kind.QUESTION_ANSWER: N_("questions and answers"),
    Kind.CONVERSATION: N_("conversations"),
    Kind.PAIR: N_("pairs: from one text to another, such as translations"),
    Kind.LABELLED: N_("texts with labels"),
    Kind.SPAN_QA: N_("questions about a text, answered in its words"),
}
"""Kinds as a person says them."""

COLUMN_NAMES = {
    "text": N_("text"),
    "question": N_("question"),
    "answer": N_("answer"),
    "messages": N_("conversation"),
    "source": N_("from"),
    "target": N_("to"),
    "label": N_("label"),
    "context": N_("text that answers"),
    "answers": N_("answers"),
}
"""Columns likewise."""

COLUMNS: dict[Kind, tuple[str, ...]] = {kind: tuple(s.names) for kind, s in SCHEMAS.items()}


@dataclass(frozen=True)
class Records:
    """Data past the door.

    Attributes:
        table: The columns of `SCHEMAS[kind]`; memory-mapped where it is large. Optional columns:
            `split` ("train", "validation", "test": the author's own split) and `group` (rows with
            the same value belong on one side of a split).
        source: Where it came from, for messages and manifests.
        columns: Which column of the source became which of ours: {"text": "headline"}.
        notes: Sentences on how the source was understood, already translated.
        given: The columns that the person gave for roles, as they wrote them.
    """

    kind: Kind
    table: pa.Table
    source: str
    columns: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    given: dict[str, str] = field(default_factory=dict)


Column: TypeAlias = "pa.Array[Any] | list[Any]"
"""The values of one column in a batch: an Arrow array, or a list where values are not uniform."""

Batch = dict[str, Column]
"""Some rows, by the source's own column names; all columns are equally long."""

Batches: TypeAlias = Generator[Batch, None, None]

ROWS = 2000
"""Rows of a batch, where the reader chooses."""


@dataclass(frozen=True)
class Source:
    """One file or object, opened and understood as far as its format goes.

    Attributes:
        name: What messages call it.
        batches: Reads it from the start, as often as asked; where `by_column` holds, it can be
            given the columns that are needed.
        notes: Sentences on how it was read, already translated.
        plain: It is plain text, which has no columns of its own: its batches hold `text`.
        by_column: Leaving out columns makes reading faster.
    """

    name: str
    batches: Callable[..., Batches]
    notes: tuple[str, ...] = ()
    plain: bool = False
    by_column: bool = False


Item = TypeVar("Item")


def in_batches(
    items: Iterable[Item], size_of: Callable[[Item], int], most: int, rows: int = sys.maxsize
) -> Iterator[list[Item]]:
    """Items in lists of so many `rows`, or of fewer whose sizes come to `most` together."""
    batch: list[Item] = []
    size = 0
    for item in items:
        batch.append(item)
        size += size_of(item)
        if size >= most or len(batch) >= rows:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def from_rows(rows: Sequence[Mapping[str, Any]]) -> Batch:
    """Rows into columns; what a row lacks is None."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {sound(str(name)): [row.get(name) for row in rows] for name in names}


def from_arrow(batch: pa.RecordBatch) -> Batch:
    """An Arrow batch, without copying."""
    return dict(zip(batch.schema.names, batch.columns, strict=True))


def rows_of(batch: Batch) -> int:
    """How many rows a batch has."""
    return max(map(len, batch.values()), default=0)


def values(column: Column) -> list[Any]:
    """A column as Python values."""
    return column if isinstance(column, list) else column.to_pylist()


def as_text(value: Any) -> str:
    """A value as Python writes it, a whole number of thousands of digits too."""
    try:
        return str(value)
    except ValueError:  # Python writes no whole number of more than 4,300 digits
        return str(Decimal(value))


def sound(text: str) -> str:
    """Text with halves of characters joined, as JSON escapes part them; a lone one is U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
