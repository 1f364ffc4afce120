"""The kinds of data prosa understands, and the one type all data is from the door on.

Nothing here reads files: `read` makes `Records` out of them, and every later room takes `Records`.
"""

from dataclasses import dataclass, field
from enum import StrEnum

import pyarrow as pa


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

COLUMNS: dict[Kind, tuple[str, ...]] = {kind: tuple(s.names) for kind, s in SCHEMAS.items()}

TRAINABLE = (Kind.TEXT, Kind.QUESTION_ANSWER, Kind.CONVERSATION)
"""The kinds that language models learn from; the others are read and reported."""


@dataclass(frozen=True)
class Records:
    """Data past the door.

    Attributes:
        kind: What each row is.
        table: One row a record, the columns of `SCHEMAS[kind]`; memory-mapped where it is large.
            Optional columns: `split` ("train", "validation", "test": the author's own split) and
            `group` (rows with the same value belong on one side of a split).
        source: Where it came from, for messages and manifests.
        columns: Which column of the source became which of ours: {"text": "headline"}.
        notes: Sentences on how the source was understood, already translated.
    """

    kind: Kind
    table: pa.Table
    source: str
    columns: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
