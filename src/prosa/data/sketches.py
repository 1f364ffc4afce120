"""MinHash signatures: made by `rensa`, kept in the columns of a table on disk.

Only records of `SHORT` words or more have one: a signature takes 512 bytes, and a million short
records would have half a gigabyte of them for nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import rensa
from numpy.typing import NDArray

from prosa.data.shingles import Words

Signatures = NDArray[np.uint32]

PERMUTATIONS = 128
BANDS = 32
"""32 bands of 4: two records that share half of their shingles meet with 87%, 60% with 99%."""

SHORT = 10
"""Records of fewer words repeat by nature (a headline, a greeting), not by copying."""

_BYTES = 4 * PERMUTATIONS
_BLOCK = 65_536
_SEED = 20_240_229


def signatures(shingles: Words) -> Signatures:
    """MinHash signatures of the shingles of some texts.

    Returns:
        uint32 [texts, PERMUTATIONS]
    """
    borders = shingles.borders.astype(np.uint64)
    if len(borders) < 2:
        return np.empty((0, PERMUTATIONS), np.uint32)
    matrix = rensa.RMinHash.digest_matrix_from_flat_token_hashes(
        shingles.hashes, borders, PERMUTATIONS, _SEED
    )
    return np.array(matrix.to_rows(), np.uint32)


@dataclass(frozen=True)
class Sketches:
    """The signatures of many records.

    Attributes:
        parts: uint32 [any, PERMUTATIONS], one behind the other; views of a file where large.
        places: int64 [records], where in them each record's is; meaningless where it has none.
    """

    parts: Sequence[Signatures]
    places: NDArray[np.int64]

    def buckets(self, band: int, rows: NDArray[np.int64]) -> NDArray[np.uint64]:
        """The bucket of each of some records in a band: uint64 [rows]."""
        width = PERMUTATIONS // BANDS
        columns = slice(band * width, (band + 1) * width)
        narrow = [np.ascontiguousarray(part[:, columns]) for part in self.parts]
        halves = np.concatenate([np.empty((0, width), np.uint32), *narrow]).view(np.uint64)
        buckets: NDArray[np.uint64] = halves[:, 0] * np.uint64(0x9E3779B97F4A7C15) ^ halves[:, 1]
        return buckets[self.places[rows]]

    def likeness(self, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        """The estimated similarity of pairs of records, int64 [pairs, 2]: float64 [pairs]."""
        rows, inverse = np.unique(pairs, return_inverse=True)
        ends = inverse.reshape(pairs.shape)
        known = self._gathered(rows)
        likeness = np.empty(len(pairs), np.float64)
        for start in range(0, len(pairs), _BLOCK):
            block = ends[start : start + _BLOCK]
            likeness[start : start + _BLOCK] = np.mean(
                known[block[:, 0]] == known[block[:, 1]], axis=1
            )
        return likeness

    def _gathered(self, rows: NDArray[np.int64]) -> Signatures:
        places = self.places[rows]
        found = np.empty((len(rows), PERMUTATIONS), np.uint32)
        start = 0
        for part in self.parts:
            here = (places >= start) & (places < start + len(part))
            found[here] = part[places[here] - start]
            start += len(part)
        return found


def column(signatures: Signatures, has: NDArray[np.bool_]) -> "pa.Array[Any]":
    """Signatures as a column of bytes, empty for the records that have none.

    Args:
        signatures: uint32 [those that have one, PERMUTATIONS]
        has: bool [records]
    """
    borders = np.concatenate([np.zeros(1, np.int32), np.cumsum(has * _BYTES, dtype=np.int32)])
    buffers = [None, pa.py_buffer(borders.tobytes()), pa.py_buffer(signatures.tobytes())]
    return pa.Array.from_buffers(pa.binary(), len(has), buffers)


def read(column: "pa.ChunkedArray[Any]", has: NDArray[np.bool_]) -> Sketches:
    """Read such a column without copying it; `has` is bool [records]."""
    parts = []
    for chunk in column.chunks:
        _valid, offsets, data = chunk.buffers()
        if data is not None and offsets is not None:
            borders = np.frombuffer(memoryview(offsets), np.int32)[chunk.offset :]
            first, last = borders[0] // 4, borders[len(chunk)] // 4
            values = np.frombuffer(memoryview(data), np.uint32)[first:last]
            parts.append(values.reshape(-1, PERMUTATIONS))
    return Sketches(parts, np.cumsum(has, dtype=np.int64) - 1)
