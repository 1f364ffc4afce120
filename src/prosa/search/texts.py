"""The texts of an index beside its arrays: one Arrow file, mapped into memory.

They are the rows of the LanceDB table once more. Opening that takes seconds (most of them imports)
and each look 3 ms; a person who asks one question waits for neither.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prosa.errors import ProsaError
from prosa.i18n import _
from prosa.search.passages import Count, Passage, Place

NAME = "texts.arrow"
_BATCH = 1000

_COLUMNS: "list[pa.Field[Any]]" = [
    pa.field(*column)
    for column in (
        ("document", pa.int64()),
        ("count", pa.string()),
        ("number", pa.int32()),
        ("heading", pa.string()),
        ("text", pa.string()),
        ("wordings", pa.list_(pa.string())),
    )
]
SCHEMA = pa.schema(_COLUMNS)
"""The columns of a passage, here and in the table."""


def row(document: int, passage: Passage) -> dict[str, Any]:
    """A passage of a document, by number, as a row."""
    return {
        "document": document,
        "count": passage.place.count,
        "number": passage.place.number,
        "heading": passage.place.heading,
        "text": passage.text,
        "wordings": list(passage.wordings),
    }


def passage_of(row: dict[str, Any]) -> Passage:
    """The passage of a row."""
    place = Place(Count(row["count"]), row["number"], row["heading"])
    return Passage(row["text"], place, tuple(row["wordings"]))


class Texts:
    """The passages of an index by their place.

    Args:
        folder: The folder of the arrays.

    Raises:
        ProsaError: The file is missing or damaged.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._file = pa.ipc.open_file(pa.memory_map(str(folder / NAME)))
        except (OSError, pa.ArrowInvalid) as error:
            raise ProsaError(
                _("The texts of the index '{path}' are damaged or missing").format(
                    path=folder.parent
                ),
                hint=_("Remove the index and build it again"),
            ) from error

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All rows in order."""
        for number in range(self._file.num_record_batches):
            yield self._file.get_batch(number)

    def wordings(self) -> list[list[str]]:
        """The wordings of each passage; none of running text."""
        return [
            list(some or ()) for batch in self.batches() for some in batch["wordings"].to_pylist()
        ]

    def take(self, places: Sequence[int]) -> list[tuple[int, Passage]]:
        """The passages at some places, each with its document's number."""
        found = []
        for place in places:
            # Every batch but the last is full, so a place tells its batch.
            batch = self._file.get_batch(place // _BATCH)
            one = batch.slice(place % _BATCH, 1).to_pylist()[0]
            found.append((one["document"], passage_of(one)))
        return found


def write(folder: Path, batches: Iterable[pa.RecordBatch]) -> None:
    """Write rows into a folder; batches of any length come out equally long."""
    with pa.OSFile(str(folder / NAME), "wb") as sink, pa.ipc.new_file(sink, SCHEMA) as writer:
        for table in _equal(batches):
            writer.write_table(table)


def selected(
    batches: Iterable[pa.RecordBatch], keep: npt.NDArray[np.bool_]
) -> Iterator[pa.RecordBatch]:
    """Some of the rows: those that `keep`, a flag for each row, says."""
    start = 0
    for batch in batches:
        yield batch.filter(pa.array(keep[start : start + len(batch)]))
        start += len(batch)


def batched(rows: Iterable[dict[str, Any]], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Rows as batches."""
    source = iter(rows)
    while some := list(islice(source, _BATCH)):
        yield pa.RecordBatch.from_pylist(some, schema=schema)


def _equal(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    held: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        held.append(batch)
        rows += len(batch)
        while rows >= _BATCH:
            table = pa.Table.from_batches(held)
            yield table.slice(0, _BATCH).combine_chunks()
            held = table.slice(_BATCH).to_batches()
            rows -= _BATCH
    if rows:
        yield pa.Table.from_batches(held).combine_chunks()
