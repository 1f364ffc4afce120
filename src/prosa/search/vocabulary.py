"""The words of an index: each has a number, a stem and its character pieces.

A token in the arrays is a word's number with two flags in its highest bits, so that a text becomes
numbers with one look-up a word.
"""

import re
import zlib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from prosa.search.terms import Analyzer, fold, grams

CAPITAL = np.uint32(1 << 31)
"""Flag of a token that begins with a capital letter."""

DIGIT = np.uint32(1 << 30)
"""Flag of a token that holds a digit."""

NUMBER = np.uint32(DIGIT - 1)
"""Mask of a word's number in a token."""

_LONGEST = 64
_HAS_DIGIT = re.compile(r"\d")

Ids = npt.NDArray[np.uint32]


class Vocabulary:
    """Words and stems, numbered as they come; it grows while documents are read.

    Args:
        analyzer: What stems words.
        words: The words of an index that is there already, in the order of their numbers.
    """

    def __init__(self, analyzer: Analyzer, words: Iterable[str] = ()) -> None:
        self.analyzer = analyzer
        self.numbers: dict[str, int] = {}
        self.stem_numbers: dict[str, int] = {}
        self._stem_of: list[int] = []
        self._tokens = _Tokens(self)
        for word in words:
            self.number(word)

    def __len__(self) -> int:
        return len(self.numbers)

    def tokens(self, words: Iterable[str]) -> list[int]:
        """The tokens of words as they are written; those that are new get a number."""
        return list(map(self._tokens.__getitem__, words))

    def number(self, folded: str) -> int:
        """The number of a word, a new one if need be."""
        number = self.numbers.get(folded)
        if number is None:
            number = self.numbers[folded] = len(self.numbers)
            stem = self.analyzer.stem(folded)
            self._stem_of.append(self.stem_numbers.setdefault(stem, len(self.stem_numbers)))
        return number

    def shorten(self, count: int) -> None:
        """Forget all words but the first ones, so many."""
        if len(self) == count:
            return
        del self._stem_of[count:]
        while len(self.numbers) > count:
            self.numbers.popitem()
        stems = max(self._stem_of, default=-1) + 1
        while len(self.stem_numbers) > stems:
            self.stem_numbers.popitem()
        self._tokens.clear()

    @property
    def stem_of(self) -> Ids:
        """The stem of each word, by number."""
        return np.asarray(self._stem_of, np.uint32)

    def stops(self) -> npt.NDArray[np.bool_]:
        """Which words are stop words, by number."""
        return np.fromiter(map(self.analyzer.is_stop, self.numbers), np.bool_, len(self))

    def pieces(self) -> tuple[Ids, Ids]:
        """The character pieces of all words.

        Returns:
            For each word the end of its part, and all pieces as hashes.
        """
        ends, hashes = [], []
        for word in self.numbers:
            hashes += piece_hashes(word)
            ends.append(len(hashes))
        return np.asarray(ends, np.uint32), np.asarray(hashes, np.uint32)


class _Tokens(dict[str, int]):
    """Tokens by the word as it is written; made where one is missing."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.vocabulary = vocabulary

    def __missing__(self, written: str) -> int:
        token = self[written] = self.vocabulary.number(fold(written)[:_LONGEST]) | flags(written)
        return token


def flags(written: str) -> int:
    """The flags of a word as it is written."""
    capital = int(CAPITAL) if written[0].isupper() else 0
    return capital | (int(DIGIT) if _HAS_DIGIT.search(written) else 0)


def piece_hashes(folded: str) -> list[int]:
    """The character pieces of a word as 32-bit hashes that are the same on every machine."""
    return [zlib.crc32(piece.encode()) for piece in grams(folded)]
