"""The words of an index: each has a number, a stem and its character pieces.

A token in the arrays is a word's number: a text becomes numbers with one look-up a word.
"""

import zlib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from prosa.search.terms import Analyzer, fold, grams

_LONGEST = 64

Ids = npt.NDArray[np.uint32]


class Vocabulary:
    """Words and stems, numbered as they come; it grows while documents are read."""

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
        """For each word the end of its part, and the character pieces of all as hashes."""
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
        token = self[written] = self.vocabulary.number(fold(written)[:_LONGEST])
        return token


def piece_hashes(folded: str) -> list[int]:
    """The character pieces of a word as 32-bit hashes that are the same on every machine."""
    return [zlib.crc32(piece.encode()) for piece in grams(folded)]
