"""Texts as numbers: the hash of what a text says, of its runs of words, and MinHash signatures.

Case, accents, punctuation and white space are folded away first, so that two texts which differ
in those alone are the same here. All of it is vectorised over many texts at once: there is no
Python loop over words, nor over texts. A slow core hashes 35 MB a second.

Only records of `SHORT` words or more have a signature (Broder 1997). It is kept as 32 bands of four
slots of 16 bits, so that a band is one number, and the search for pairs reads one band at a time.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

RUN = 5
"""Words in a shingle: few enough for a sentence to survive a changed word in the next."""

SLOTS = 128
BANDS = 32
"""32 bands of 4: two records that share half of their shingles meet with 87%, 60% with 99%."""

SHORT = 10
"""Records of fewer words repeat by nature (a headline, a greeting), not by copying."""

_BYTES = 2 * SLOTS
_PRIME = 0x9E3779B97F4A7C15
_PRIME_INVERSE = pow(_PRIME, -1, 1 << 64)
_CHUNK = 1 << 20
_START = np.zeros(1, np.int64)


@dataclass(frozen=True)
class Words:
    """The words of several texts, one behind the other.

    Attributes:
        hashes: uint64 [words]
        borders: int64 [texts + 1], where each text begins, and the end.
    """

    hashes: Hashes
    borders: NDArray[np.int64]

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many words each text has: int64 [texts]."""
        return np.diff(self.borders)

    def only(self, texts: NDArray[np.bool_]) -> "Words":
        """Those of some of the texts; `texts` is bool [texts]."""
        borders = np.concatenate([_START, np.cumsum(self.counts[texts])])
        return Words(self.hashes[np.repeat(texts, self.counts)], borders)


def words(texts: Sequence[str]) -> Words:
    """Hash each word of some texts.

    A word is a run of letters and digits, folded to lower case without accents.
    """
    hashes, starts = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
    for offset, piece in _pieces("\n".join(texts)):
        codes = np.frombuffer(piece.encode("utf-32-le", "surrogatepass"), dtype="<u4")
        hashed, where = _hash_runs(_folded()[np.minimum(codes, 0xFFFF)])
        hashes.append(hashed)
        starts.append(where + offset)
    ends = np.cumsum([len(text) + 1 for text in texts], dtype=np.int64)
    borders = np.searchsorted(np.concatenate(starts), np.concatenate([_START, ends]))
    return Words(np.concatenate(hashes), borders.astype(np.int64))


def identities(words: Words) -> Hashes:
    """One hash for all that each text says; 0 where it has no word.

    Returns:
        uint64 [texts]
    """
    counts = words.counts
    within = np.arange(len(words.hashes)) - np.repeat(words.borders[:-1], counts)
    placed = _mixed(words.hashes + (within + 1).astype(np.uint64) * np.uint64(_PRIME))
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(placed, dtype=np.uint64)])
    total = sums[words.borders[1:]] - sums[words.borders[:-1]]
    return np.where(counts > 0, np.maximum(total, np.uint64(1)), np.uint64(0))


def shingles(words: Words) -> Words:
    """Hash each run of five words of each text; texts of fewer words have none."""
    count = max(0, len(words.hashes) - RUN + 1)
    total = np.zeros(count, np.uint64)
    for offset in range(RUN):
        # Odd multipliers, one a place, so that the order of the words counts.
        place = np.uint64(_PRIME * (2 * offset + 3) % (1 << 64))
        total += words.hashes[offset : offset + count] * place
    left = np.repeat(words.borders[1:], words.counts) - np.arange(len(words.hashes))
    sizes = np.maximum(words.counts - RUN + 1, 0)
    return Words(_mixed(total[left[:count] >= RUN]), np.concatenate([_START, np.cumsum(sizes)]))


def similarity(one: str, other: str) -> float:
    """The Jaccard similarity of two texts: the share of their shingles that both have."""
    first, second = (np.unique(shingles(words([text])).hashes) for text in (one, other))
    shared = len(np.intersect1d(first, second, assume_unique=True))
    return shared / max(1, len(first) + len(second) - shared)


def minhash(shingles: Words) -> Hashes:
    """MinHash signatures of the shingles of some texts, each of which has one at least.

    The estimate of the similarity is off by 0.027 (one sigma) at 0.9, 0.044 at 0.5, as it should
    be of 128 slots. Multiplying is done in 32 bits, of which the smallest result's lower 16 are
    kept: two different shingles are taken for the same one time in 65,536.

    Returns:
        uint64 [texts, BANDS]
    """
    multipliers, offsets = _permutations()
    high = (shingles.hashes >> np.uint64(32)).astype(np.uint32)
    starts = shingles.borders[:-1]
    slots = np.empty((len(starts), SLOTS), np.uint16)
    permuted = np.empty_like(high)
    for slot in range(SLOTS if len(starts) else 0):
        np.multiply(high, multipliers[slot], out=permuted)
        np.add(permuted, offsets[slot], out=permuted)
        slots[:, slot] = np.minimum.reduceat(permuted, starts).astype(np.uint16)
    return slots.view(np.uint64)


def column(signatures: Hashes, has: NDArray[np.bool_]) -> "pa.Array[Any]":
    """Signatures as a column of bytes, empty for the records that have none.

    Args:
        signatures: uint64 [those that have one, BANDS]
        has: bool [records]
    """
    borders = np.concatenate([np.zeros(1, np.int32), np.cumsum(has * _BYTES, dtype=np.int32)])
    buffers = [None, pa.py_buffer(borders.tobytes()), pa.py_buffer(signatures.tobytes())]
    return pa.Array.from_buffers(pa.binary(), len(has), buffers)


class Signatures:
    """The signatures of many records, in a file that is written here, a band behind the other.

    Args:
        has: bool [records], which records have one.
        columns: What `column` made.
        path: The file.
    """

    def __init__(
        self, has: NDArray[np.bool_], columns: Iterable["pa.Array[Any]"], path: Path
    ) -> None:
        self.has = has
        self._path = path
        self._count = int(has.sum())
        start = 0
        with path.open("wb") as file:
            for one in columns:
                _valid, offsets, data = one.buffers()
                if data is None or offsets is None:
                    continue
                borders = np.frombuffer(memoryview(offsets), np.int32)[one.offset :]
                first, last = borders[0] // 8, borders[len(one)] // 8
                rows = np.frombuffer(memoryview(data), np.uint64)[first:last].reshape(-1, BANDS)
                for band in range(BANDS):
                    file.seek(8 * (band * self._count + start))
                    file.write(rows[:, band].tobytes())
                start += len(rows)

    def places(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where in a band the records stand: int64 [rows]; meaningless where they have none."""
        ranks: NDArray[np.int64] = np.cumsum(self.has, dtype=np.int64)[rows] - 1
        return ranks

    def bands(self) -> Iterator[Hashes]:
        """The bands, one by one: uint64 [records that have a signature]."""
        for band in range(BANDS if self._count else 0):
            yield np.fromfile(
                self._path, np.uint64, count=self._count, offset=8 * band * self._count
            )

    def likeness(self, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        """The estimated similarity of pairs of records, int64 [pairs, 2]: float64 [pairs]."""
        equal = np.zeros(len(pairs), np.uint8)
        ends = self.places(pairs)
        for band in self.bands() if len(pairs) else ():
            differ = (band[ends[:, 0]] ^ band[ends[:, 1]]).view(np.uint16).reshape(-1, 4)
            equal += (differ == 0).sum(axis=1, dtype=np.uint8)
        return equal / SLOTS


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Cut into pieces of about a million characters, between words, to bound the memory."""
    start = 0
    while start < len(text):
        end = start + _CHUNK
        if end < len(text):
            gap = max(text.rfind(" ", start, end), text.rfind("\n", start, end))
            end = gap + 1 if gap >= 0 else end
        yield start, text[start:end]
        start = end


def _hash_runs(letters: NDArray[np.uint16]) -> tuple[Hashes, NDArray[np.int64]]:
    """Polynomial hashes of the runs between zeros, all at once by a prefix sum modulo 2^64."""
    inside = np.zeros(len(letters) + 2, np.int8)
    inside[1:-1] = letters != 0
    change = np.diff(inside)
    starts, ends = np.flatnonzero(change == 1), np.flatnonzero(change == -1)
    powers, inverses = _powers()
    sums = np.zeros(len(letters) + 1, np.uint64)
    np.cumsum(letters * powers[: len(letters)], out=sums[1:])
    return _mixed((sums[ends] - sums[starts]) * inverses[starts]), starts


def _mixed(hashes: Hashes) -> Hashes:
    """The finaliser of MurmurHash3 (Appleby): every bit depends on every other."""
    hashes = (hashes ^ (hashes >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    hashes = (hashes ^ (hashes >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return hashes ^ (hashes >> np.uint64(33))


@cache
def _permutations() -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Odd multipliers and offsets: each pair of them is a permutation of the 32-bit numbers."""
    drawn = np.random.default_rng(20_240_229).integers(0, 1 << 32, (2, SLOTS), dtype=np.uint32)
    return drawn[0] | np.uint32(1), drawn[1]


@cache
def _powers() -> tuple[Hashes, Hashes]:
    one = np.ones(1, np.uint64)
    powers = [
        np.concatenate([one, np.cumprod(np.full(_CHUNK - 1, prime, np.uint64))])
        for prime in (_PRIME, _PRIME_INVERSE)
    ]
    return powers[0], powers[1]


@cache
def _folded() -> NDArray[np.uint16]:
    """For each character its letter or digit, lower case and without accents; 0 for the rest."""
    table = np.zeros(0x10000, np.uint16)
    for code in range(0xFFFF):
        letter = chr(code)
        if letter.isalnum():
            parts = unicodedata.normalize("NFD", letter.lower())
            # Hangul falls apart into letters, not into a letter and its accents.
            accents = all(map(unicodedata.combining, parts[1:]))
            table[code] = min(ord(parts[0] if accents else letter), 0xFFFF)
    table[0xFFFF] = 0
    return table
