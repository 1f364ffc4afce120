"""A question as numbers: its words, what they weigh, and the words of the index most like them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from prosa.search.inverted import Floats, Inverted, words_like
from prosa.search.terms import WORD, Analyzer, fold
from prosa.search.vocabulary import Ids, piece_hashes

LIKE = 0.4
"""Least likeness (Dice over character pieces) of a word that stands in for another."""

SAME = 0.7
"""The likeness of a word that means much the same."""

LONGEST = 256
"""Words of a question that are looked at: the first ones."""

CARRIED = 0.5
"""What a word of the conversation before counts for, against a word of the question."""

_MISSING = -1

# What refers back to something said before.
_BACK = re.compile(
    r"\b(?:isso|isto|disso|disto|nisso|nisto|ele|ela|eles|elas|dele|dela|deles|delas|nele|nela"
    r"|neles|nelas|esse|essa|esses|essas|desse|dessa|desses|dessas|nesse|nessa|aquele|aquela"
    r"|daquele|daquela|mesmo|mesma|outro|outra|outros|outras|it|its|this|that|these|those|they"
    r"|them|their|he|she|him|her|one|ones|other|others)\b"
)
_OPENING = re.compile(r"\s*(?:e|mas|entao|ou|and|but|then|so|or|what about|how about)\b")


@dataclass(frozen=True)
class Query:
    """A question.

    Attributes:
        words: Its folded words in order.
        stems: For each word the number of its stem in the index, -1 where the index lacks it.
        content: Which words say something about the subject (at least one does).
        weights: What each word counts for, 1 for its own words.
        names: Which words begin with a capital letter, the first word aside.
        digits: Which words hold a digit.
        own: How many of the words are its own; the rest are the conversation's.
    """

    words: tuple[str, ...]
    stems: npt.NDArray[np.int64]
    content: npt.NDArray[np.bool_]
    weights: Floats
    names: npt.NDArray[np.bool_]
    digits: npt.NDArray[np.bool_]
    own: int

    @cached_property
    def terms(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The different terms: which word each is first, and each word's term."""
        # A word the index lacks is told by its letters.
        keys = [w if s == _MISSING else str(s) for w, s in zip(self.words, self.stems, strict=True)]
        first: dict[str, int] = {}
        for place, key in enumerate(keys):
            first.setdefault(key, place)
        order = {key: number for number, key in enumerate(first)}
        return (
            np.asarray(list(first.values()), np.int64),
            np.asarray([order[key] for key in keys], np.int64),
        )


class QueryParser:
    """Makes queries for one index."""

    def __init__(self, analyzer: Analyzer, words: dict[str, int], inverted: Inverted) -> None:
        self.analyzer = analyzer
        self.words = words
        self.inverted = inverted
        self._like: dict[str, tuple[Ids, Floats]] = {}

    def parse(self, question: str, history: Sequence[str] = ()) -> Query:
        """Make a query of a question; words of `history`, the latest last, are carried over."""
        written = WORD.findall(question)[:LONGEST]
        own = len(written)
        weights = [1.0] * own
        known = {fold(word) for word in written}
        weight = CARRIED
        for said in reversed(history):
            for word in WORD.findall(said)[:LONGEST]:
                folded = fold(word)
                if folded not in known and not self.analyzer.is_stop(folded):
                    known.add(folded)
                    written.append(word)
                    weights.append(weight)
            weight *= CARRIED
        words = tuple(fold(word) for word in written)
        content = np.asarray([not self.analyzer.is_stop(word) for word in words], np.bool_)
        if not content.any():
            content[:] = True
        names = np.asarray([word[0].isupper() for word in written], np.bool_)
        names[:1] = False
        digits = np.asarray([any(map(str.isdecimal, word)) for word in written], np.bool_)
        return Query(
            words,
            np.asarray([self.stem(word) for word in words], np.int64),
            content,
            np.asarray(weights, np.float32),
            names,
            digits,
            own,
        )

    def stem(self, folded: str) -> int:
        """The number of a word's stem in the index, or -1."""
        number = self.words.get(folded)
        if number is not None:
            return int(self.inverted.stem_of[number])
        return self._stems.get(self.analyzer.stem(folded), _MISSING)

    def alike(self, query: Query, place: int) -> Ids:
        """The stems in the index that mean much the same as a word of a question, by number."""
        return self._same(query.words[place]) if query.content[place] else np.empty(0, np.uint32)

    def _same(self, folded: str) -> Ids:
        result = [self._stems.get(stem, _MISSING) for stem in self.analyzer.alike(folded)]
        return np.asarray(sorted(number for number in result if number >= 0), np.uint32)

    def like(self, folded: str) -> tuple[Ids, Floats]:
        """The words of the index like a word, by letters or by meaning, and how like they are."""
        result = self._like.get(folded)
        if result is None:
            hashes = np.unique(np.asarray(piece_hashes(folded), np.uint32))
            likeness = np.zeros(len(self.inverted.stem_of), np.float32)
            words, like = words_like(self.inverted, hashes, LIKE)
            # An ending is shared by many: "estacionamento" is no "funcionamento".
            begins = np.asarray([self._written[word][:1] == folded[:1] for word in words], np.bool_)
            likeness[words[begins]] = like[begins]
            same = np.isin(self.inverted.stem_of, self._same(folded)) & ~self.inverted.stops
            likeness[same] = np.maximum(likeness[same], SAME)
            words = np.flatnonzero(likeness).astype(np.uint32)
            result = self._like[folded] = (words, likeness[words])
        return result

    @cached_property
    def _written(self) -> list[str]:
        return list(self.words)

    @cached_property
    def _stems(self) -> dict[str, int]:
        stem_of = self.inverted.stem_of.tolist()
        return {self.analyzer.stem(word): stem_of[number] for word, number in self.words.items()}


def refers_back(question: str) -> bool:
    """Whether a question leans on what was said before: "e quanto custa?", "o que é isso?"."""
    folded = fold(question)
    return bool(_OPENING.match(folded) or _BACK.search(folded)) or len(WORD.findall(folded)) <= 2
