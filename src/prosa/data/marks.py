"""What the first pass noted about each record, as arrays, and what becomes of each record."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from prosa.data import fields, files
from prosa.data.duplicates import PERMUTATIONS, Facet, Mask
from prosa.data.kinds import Kind
from prosa.data.shingles import Hashes


class Fate(IntEnum):
    """What becomes of a record; the names are the report's."""

    KEPT = 0
    EMPTY = 1
    PLACEHOLDER = 2
    EXACT_DUPLICATES = 3
    NEAR_DUPLICATES = 4
    FILTERED = 5


class Fates:
    """The fate of each record; the first reason to drop one stands.

    Attributes:
        of: uint8 [records], `Fate`.
    """

    def __init__(self, count: int) -> None:
        self.of = np.zeros(count, np.uint8)

    @property
    def kept(self) -> Mask:
        """Those that are not dropped: bool [records]."""
        mask: Mask = self.of == Fate.KEPT
        return mask

    def mark(self, mask: Mask, fate: Fate) -> None:
        """Give a fate to those that have none yet."""
        self.of[mask & self.kept] = fate

    def count(self, fate: Fate) -> int:
        """How many records have a fate."""
        return int((self.of == fate).sum())

    def some(self, fate: Fate, most: int) -> list[int]:
        """The numbers of the first few records of a fate."""
        found: list[int] = np.flatnonzero(self.of == fate)[:most].tolist()
        return found


@dataclass(frozen=True)
class Marks:
    """What `passes.mend` noted.

    Attributes:
        repair: uint8 [records], `Repair`.
        exact: uint64 [records], the hash of all a record says.
        bytes: int64 [records], UTF-8 bytes of its texts.
        facets: Its texts as numbers.
    """

    repair: NDArray[np.uint8]
    exact: Hashes
    bytes: NDArray[np.int64]
    facets: Sequence[Facet]


def read_marks(table: pa.Table, kind: Kind) -> Marks:
    """Read the marks of a mended table."""
    facets = [
        Facet(
            np.asarray(table.column(f"#identity{place}")),
            np.asarray(table.column(f"#words{place}")),
            _sketches(table.column(f"#sketch{place}")),
        )
        for place in range(len(fields.FACETS[kind]))
    ]
    return Marks(
        np.asarray(table.column("#repair")),
        np.asarray(table.column("#exact")),
        np.asarray(table.column("#bytes")),
        facets,
    )


def _sketches(column: "pa.ChunkedArray[Any]") -> NDArray[np.uint32]:
    """All sketches as one matrix, on disk: a million records have half a gigabyte of them."""
    shape = (len(column), PERMUTATIONS)
    if not len(column):
        return np.empty(shape, np.uint32)
    matrix = np.memmap(files.scratch() / "sketches", np.uint32, "w+", shape=shape)
    start = 0
    for chunk in column.chunks:
        values = np.frombuffer(_buffer(chunk), np.uint32).reshape(-1, PERMUTATIONS)
        matrix[start : start + len(chunk)] = values[chunk.offset : chunk.offset + len(chunk)]
        start += len(chunk)
    return matrix


def _buffer(chunk: Any) -> memoryview:
    return memoryview(chunk.buffers()[1])
