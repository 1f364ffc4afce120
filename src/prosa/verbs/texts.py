"""The texts of a person's data one by one, as they stand: to classify them, or to embed them."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from prosa.data.kinds import Kind
from prosa.errors import InputError
from prosa.i18n import _

_COLUMN = {
    Kind.TEXT: "text",
    Kind.LABELLED: "text",
    Kind.QUESTION_ANSWER: "question",
    Kind.SPAN_QA: "question",
    Kind.PAIR: "source",
}
_ROWS = 1_024


class Texts(NamedTuple):
    """How many texts there are, and they themselves, some at a time."""

    rows: int
    batches: Iterator[list[str]]


def texts_of(data: Any, kind: str | None = None, columns: Mapping[str, str] | None = None) -> Texts:
    """The text, question or source of every record; nothing is repaired, nothing left out.

    Raises:
        InputError: The data is at fault, or a record is a whole conversation.
    """
    from prosa.data.read import read

    records = read(data, kind=kind, columns=dict(columns) if columns else None, raw=True)
    name = _COLUMN.get(records.kind)
    if name is None:
        raise InputError(
            _("A record of this data is not one text: it is of the kind '{kind}'").format(
                kind=records.kind
            ),
            path=records.source,
            hint=_("To take one of its columns: --kind text --column text=NAME"),
        )
    column = records.table.select([name])
    batches = (
        [text or "" for text in batch.column(0).to_pylist()]
        for batch in column.to_batches(max_chunksize=_ROWS)
    )
    return Texts(len(column), batches)
