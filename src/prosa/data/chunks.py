"""What lies between a file and `Records`: pieces of columns that flow, and where they are kept.

Every reader yields chunks: a few hundred to a few thousand rows by column, under the source's own
names. `Spool` collects the finished rows: in memory while they are few, else in an Arrow file that
is memory-mapped, so that a corpus larger than memory is a table like any other.
"""

from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import pyarrow as pa

from prosa.files import full_disk_said, scratch
from prosa.i18n import _

Column: TypeAlias = "pa.Array[Any] | list[Any]"
"""The values of one column in a chunk: an Arrow array, or a list where values are not uniform."""

Chunk = dict[str, Column]
"""Some rows, by the source's own column names; all columns are equally long."""

Chunks: TypeAlias = Generator[Chunk, None, None]

ROWS = 2000
"""Rows a chunk holds, where the reader chooses."""

IN_MEMORY = 32 << 20
"""Bytes of finished rows that stay in memory; more go to a memory-mapped file."""

_BATCH = 8 << 20


@dataclass(frozen=True)
class Source:
    """One file or object, opened and understood as far as its format goes.

    Attributes:
        name: What messages call it.
        chunks: Reads it from the start, as often as asked; given column names, a reader may leave
            out the others.
        notes: What the person should know about how it was read, already translated.
        plain: Whether it is plain text, which has no columns of its own: its chunks hold `text`.
    """

    name: str
    chunks: Callable[[Collection[str] | None], Chunks]
    notes: tuple[str, ...] = ()
    plain: bool = False


def from_rows(rows: Sequence[Mapping[str, Any]]) -> Chunk:
    """Rows into columns; what a row lacks is None."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def from_arrow(batch: pa.RecordBatch | pa.Table) -> Iterator[Chunk]:
    """An Arrow batch or table as chunks, without copying."""
    batches = batch.to_batches(max_chunksize=ROWS) if isinstance(batch, pa.Table) else [batch]
    for one in batches:
        yield dict(zip(one.schema.names, one.columns, strict=True))


def length(chunk: Chunk) -> int:
    """Rows of a chunk."""
    return max(map(len, chunk.values()), default=0)


def values(column: Column) -> list[Any]:
    """A column as Python values."""
    return column if isinstance(column, list) else column.to_pylist()


class Spool:
    """Finished rows, in memory while they are few, in a memory-mapped file beyond that.

    All batches that are added have the same columns.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._waiting: list[pa.RecordBatch] = []
        self._bytes = 0
        self._path: Path | None = None
        self._file: BinaryIO | None = None
        self._writer: pa.ipc.RecordBatchFileWriter | None = None

    def add(self, batch: pa.RecordBatch) -> None:
        """Add rows.

        Raises:
            ProsaError: The disk that holds the working files is full.
        """
        if not batch.num_rows:
            return
        self.rows += batch.num_rows
        self._waiting.append(batch)
        self._bytes += batch.nbytes
        if self._bytes >= (_BATCH if self._writer else IN_MEMORY):
            self._flush()

    def table(self) -> pa.Table:
        """Everything that was added; nothing can be added afterwards."""
        if self._writer is None or self._file is None or self._path is None:
            return pa.Table.from_batches(self._waiting)
        self._flush()
        with full_disk_said(self._path.parent, hint=_cache_hint()):
            self._writer.close()
            self._file.close()
        return pa.ipc.open_file(pa.memory_map(str(self._path))).read_all()

    def close(self) -> None:
        """Let go of the file. A table made of it stays: the mapping outlives the name.

        So nothing is left on the disk even after a kill; where the system does not allow it
        (Windows), the file goes at exit.
        """
        if self._file is not None and self._path is not None:
            with suppress(OSError):
                self._file.close()
            with suppress(OSError):
                self._path.unlink()

    def _flush(self) -> None:
        if self._writer is None:
            self._path = scratch() / "records.arrow"
            self._file = self._path.open("wb")
            self._writer = pa.ipc.new_file(self._file, self._waiting[0].schema)
        assert self._path is not None
        with full_disk_said(self._path.parent, hint=_cache_hint()):
            for batch in self._waiting:
                self._writer.write_batch(batch)
        self._waiting, self._bytes = [], 0


def _cache_hint() -> str:
    return _("Make room, or set PROSA_CACHE to a folder on another disk")
