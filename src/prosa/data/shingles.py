"""Texts as numbers: the hash of what a text says, and the hashes of its runs of words.

Case, accents, punctuation and white space are folded away first, so that two texts which differ
in those alone are the same here. All of it is vectorised: there is no Python loop over words, and
a megabyte of text takes about 15 ms on a slow core.
"""

import unicodedata
from functools import cache

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

WORDS = 5
"""Words in a shingle: few enough for a sentence to survive one changed word beside it."""

_PRIME = 0x9E3779B97F4A7C15
_PRIME_INVERSE = pow(_PRIME, -1, 1 << 64)
_CHUNK = 1 << 20


def words(text: str) -> Hashes:
    """The hash of each word of a text, in order.

    A word is a run of letters and digits, folded to lower case without accents.

    Returns:
        uint64 [words]
    """
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    letters = _folded()[np.minimum(codes, 0xFFFF)]
    parts = [_hash_runs(part) for part in _at_borders(letters)]
    return np.concatenate(parts) if parts else np.empty(0, np.uint64)


def shingles(words: Hashes, size: int = WORDS) -> Hashes:
    """The hash of each run of `size` words; of all words together where there are fewer.

    Args:
        words: uint64 [words]
        size: Words in a run.

    Returns:
        uint64 [max(1, words - size + 1)], empty where there are no words.
    """
    size = min(size, len(words))
    if not size:
        return words
    count = len(words) - size + 1
    total = np.zeros(count, np.uint64)
    for offset in range(size):
        # Odd multipliers, one a place, so that the order of the words counts.
        place = np.uint64((_PRIME * (2 * offset + 3)) % (1 << 64) | 1)
        total += words[offset : offset + count] * place
    return _mixed(total)


def identity(words: Hashes) -> int:
    """One hash for the whole sequence of words; 0 where there is none."""
    if not len(words):
        return 0
    places = np.arange(1, len(words) + 1, dtype=np.uint64) * np.uint64(_PRIME)
    return int(_mixed(words + places).sum(dtype=np.uint64)) or 1


def _at_borders(letters: NDArray[np.uint16]) -> list[NDArray[np.uint16]]:
    """Cut into pieces of about a million characters, between words, to bound the memory."""
    pieces = []
    start = 0
    while len(letters) - start > _CHUNK:
        gaps = np.flatnonzero(letters[start : start + _CHUNK] == 0)
        end = start + (int(gaps[-1]) + 1 if len(gaps) else _CHUNK)
        pieces.append(letters[start:end])
        start = end
    if start < len(letters):
        pieces.append(letters[start:])
    return pieces


def _hash_runs(letters: NDArray[np.uint16]) -> Hashes:
    """Polynomial hashes of the runs between zeros, all at once by a prefix sum modulo 2^64."""
    inside = np.zeros(len(letters) + 2, np.int8)
    inside[1:-1] = letters != 0
    change = np.diff(inside)
    starts, ends = np.flatnonzero(change == 1), np.flatnonzero(change == -1)
    powers, inverses = _powers()
    sums = np.zeros(len(letters) + 1, np.uint64)
    np.cumsum(letters * powers[: len(letters)], out=sums[1:])
    return _mixed((sums[ends] - sums[starts]) * inverses[starts])


def _mixed(hashes: Hashes) -> Hashes:
    """The finaliser of MurmurHash3 (Appleby): every bit depends on every other."""
    hashes = (hashes ^ (hashes >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    hashes = (hashes ^ (hashes >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return hashes ^ (hashes >> np.uint64(33))


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
