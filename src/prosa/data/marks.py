"""What the first pass noted about each record, as arrays, and what becomes of each record."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from prosa.data import fields, sketches
from prosa.data.duplicates import Facet, Mask
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
    facets = []
    for place in range(len(fields.FACETS[kind])):
        words = np.asarray(table.column(f"#words{place}"))
        known = sketches.read(table.column(f"#sketch{place}"), words >= sketches.SHORT)
        facets.append(Facet(np.asarray(table.column(f"#identity{place}")), words, known))
    return Marks(
        np.asarray(table.column("#repair")),
        np.asarray(table.column("#exact")),
        np.asarray(table.column("#bytes")),
        facets,
    )
