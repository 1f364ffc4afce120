"""What tells a passage that answers a question from one that only shares words with it.

Computed from the texts of the candidates, the same for every store. Nearly all are shares, from 0
to 1, of what the question weighs, so that they mean the same in a small index and in a large one.
Shapes: C candidates, T different terms of the question, N words of all candidates, U units.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from prosa.search.passages import Passage, sentences
from prosa.search.query import SAME, Query
from prosa.search.store import TEXT, Row, Store, Vectors
from prosa.search.terms import Analyzer, fold, grams, written

Floats = npt.NDArray[np.floating[Any]]
Numbers = npt.NDArray[np.integer[Any]]

_TEXT = ("words", "pieces", "unit", "pairs", "figures", "meaning")
_PAIR = ("pair", "wording", "meant")
NAMES = (*_TEXT, *_PAIR)
"""The features, by column; `_PAIR` are zero for running text."""

K1, B = 1.2, 0.75
LIKE = 0.4
"""Least likeness (Dice over character pieces) of a word that stands in for another."""

_KEPT = 4096


@dataclass(frozen=True)
class Text:
    """A passage as numbers.

    Attributes:
        words: The number of each word, [N].
        units: The unit of each: its wordings, then its heading, then its sentences, [N].
        wordings: How many units are wordings.
        spans: Start and end of each sentence in the text.
    """

    words: Numbers
    units: Numbers
    wordings: int
    spans: list[tuple[int, int]]


class Lexicon:
    """The words of the passages looked at so far, numbered as they come, and what they share."""

    def __init__(self, analyzer: Analyzer) -> None:
        self.analyzer = analyzer
        self._numbers: dict[str, int] = {}
        self._stem_numbers: dict[str, int] = {}
        self._names: list[str] = []
        self._stems = array("I")
        self._stops = array("b")
        self._sizes = array("I")
        self._holding: dict[str, array[int]] = {}
        self._texts: dict[int, Text] = {}
        self._alike: dict[str, tuple[Numbers, Floats]] = {}
        self._stem_array: Numbers = np.empty(0, np.uint32)
        self._stop_array = np.empty(0, np.bool_)

    def text(self, row: Row) -> Text:
        """A passage as numbers; the last ones are kept."""
        text = self._texts.get(row.id)
        if text is None:
            if len(self._texts) >= _KEPT:
                self._texts.clear()
            text = self._texts[row.id] = self._read(row.passage)
        return text

    def _read(self, passage: Passage) -> Text:
        spans = sentences(passage.text)
        units = [
            *passage.wordings,
            passage.place.heading,
            *(passage.text[start:end] for start, end in spans),
        ]
        words = [[self._number(fold(word)) for word in written(unit)] for unit in units]
        return Text(
            np.asarray([word for unit in words for word in unit], np.uint32),
            np.repeat(np.arange(len(units)), [len(unit) for unit in words]),
            len(passage.wordings),
            spans,
        )

    def _number(self, word: str) -> int:
        number = self._numbers.get(word)
        if number is None:
            self._alike.clear()
            number = self._numbers[word] = len(self._numbers)
            stem = self.analyzer.stem(word)
            self._names.append(word)
            self._stems.append(self._stem_numbers.setdefault(stem, len(self._stem_numbers)))
            self._stops.append(self.analyzer.is_stop(word))
            pieces = dict.fromkeys(grams(word))
            self._sizes.append(len(pieces))
            for piece in pieces:
                self._holding.setdefault(piece, array("I")).append(number)
        return number

    @property
    def stems(self) -> Numbers:
        """The number of each word's stem."""
        if len(self._stem_array) < len(self._stems):
            self._stem_array = np.array(self._stems, np.uint32)
        return self._stem_array

    @property
    def stops(self) -> npt.NDArray[np.bool_]:
        """Which words are stop words."""
        if len(self._stop_array) < len(self._stops):
            self._stop_array = np.array(self._stops, np.bool_)
        return self._stop_array

    def stem_names(self) -> list[str]:
        """The stems by number."""
        return list(self._stem_numbers)

    def stem(self, stem: str) -> int:
        """The number of a stem, -1 where no word has it."""
        return self._stem_numbers.get(stem, -1)

    def number(self, word: str) -> int:
        """The number of a word, -1 where it is not there."""
        return self._numbers.get(word, -1)

    def holding(self, piece: str) -> Numbers:
        """The words that hold a character piece."""
        return np.array(self._holding.get(piece, ()), np.uint32)

    def like(self, word: str) -> tuple[Numbers, Floats]:
        """The words like a word by their letters, and how like they are: Dice over pieces."""
        if word not in self._alike:
            self._alike[word] = self._compared(word)
        return self._alike[word]

    def _compared(self, word: str) -> tuple[Numbers, Floats]:
        pieces = dict.fromkeys(grams(word))
        sharing = np.concatenate([self.holding(piece) for piece in pieces])
        numbers, shared = np.unique(sharing, return_counts=True)
        dice = 2 * shared / (len(pieces) + np.array(self._sizes)[numbers])
        # An ending is shared by many: "estacionamento" is no "funcionamento".
        alike = [n for n in np.flatnonzero(dice >= LIKE) if self._names[numbers[n]][0] == word[0]]
        return numbers[alike], dice[alike]


def idf(holding: Sequence[int] | Numbers, passages: int) -> Floats:
    """How rare words are that so many of the passages hold (Robertson & Zaragoza 2009)."""
    some = np.minimum(np.asarray(holding, np.float64), passages)
    result: Floats = np.log1p((passages - some + 0.5) / (some + 0.5))
    return result


class Candidates:
    """The words of the candidates, one after another, and what of the question they hold.

    Attributes:
        words, owners, units: The number, the candidate and the unit of each word, [N].
        unit_owners: The candidate of each unit, [U].
        is_wording: Whether each unit is a wording, [U].
        term: The term each word stands for, -1 for none, [N].
        like: How well it stands for it: 1 for the same stem, [N].
        covers: How well each unit holds each term, [U, T].
    """

    def __init__(
        self,
        query: Query,
        rows: Sequence[Row],
        lexicon: Lexicon,
        store: Store,
        without: tuple[int, int] | None = None,
    ) -> None:
        texts = [lexicon.text(row) for row in rows]
        self.count = len(rows)
        self.lexicon = lexicon
        self.store = store
        sizes = [text.wordings + 1 + len(text.spans) for text in texts]
        firsts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self.words = np.concatenate([text.words for text in texts])
        self.owners = np.repeat(np.arange(self.count), [len(text.words) for text in texts])
        self.units = np.concatenate([text.units for text in texts]) + firsts[self.owners]
        self.unit_owners = np.repeat(np.arange(self.count), sizes)
        within = np.arange(len(self.unit_owners)) - firsts[self.unit_owners]
        self.is_wording = within < np.asarray([t.wordings for t in texts])[self.unit_owners]
        self.is_sentence = ~self.is_wording & (
            within > np.asarray([t.wordings for t in texts])[self.unit_owners]
        )
        if without is not None:
            for place, row in enumerate(rows):
                if row.id == without[0]:
                    gone = firsts[place] + without[1]
                    self.is_wording[gone] = False
                    stay = self.units != gone
                    self.words, self.owners = self.words[stay], self.owners[stay]
                    self.units = self.units[stay]
        self.lengths = np.bincount(self.owners, minlength=self.count)
        self.share = self.lengths / max(1.0, float(self.lengths.mean()))
        self._match(query)

    def _match(self, query: Query) -> None:
        lexicon = self.lexicon
        rarity = idf(
            self.store.holding("stems", [t.stem for t in query.terms]), self.store.passages
        )
        self.idf = rarity * [term.weight for term in query.terms]
        self.telling = np.where([term.content for term in query.terms], self.idf, 0.0)
        self.mass = float(self.telling.sum()) + 1e-6
        stems = lexicon.stems
        of_stem = np.full(len(stems) + 1, -1, np.int64)
        likeness = np.zeros(len(stems))
        stand_in = np.full(len(stems), -1, np.int64)
        for number, term in enumerate(query.terms):
            of_stem[lexicon.stem(term.stem)] = number
            if not term.content:
                continue
            words, like = lexicon.like(term.word)
            same = [lexicon.stem(stem) for stem in lexicon.analyzer.alike(term.word)]
            if same:
                alike = np.flatnonzero(np.isin(stems, same) & ~lexicon.stops)
                words, like = np.append(words, alike), np.append(like, np.full(len(alike), SAME))
            words = words.astype(np.int64)
            better = like > likeness[words]
            likeness[words[better]], stand_in[words[better]] = like[better], number
        of_stem[-1] = -1
        own = of_stem[stems]
        term_of = np.where(own >= 0, own, stand_in)
        like_of = np.where(own >= 0, 1.0, likeness)
        self.term, self.like = term_of[self.words], like_of[self.words]
        count = len(query.terms)
        self.covers = np.zeros((len(self.unit_owners), count))
        here = self.term >= 0
        np.maximum.at(self.covers, (self.units[here], self.term[here]), self.like[here])

    def most(self, values: Floats) -> Floats:
        """The largest value among each candidate's units, [C]."""
        result = np.zeros(self.count)
        np.maximum.at(result, self.unit_owners, values)
        return result


def features(
    query: Query,
    rows: Sequence[Row],
    lexicon: Lexicon,
    store: Store,
    *,
    likeness: Floats | None = None,
    vectors: Vectors | None = None,
    without: tuple[int, int] | None = None,
) -> Floats:
    """The features of the candidates.

    Args:
        query: The question.
        rows: The candidates.
        lexicon: What numbers their words.
        store: The index they are of.
        likeness: How like the question each of `vectors` is, [N].
        vectors: The vectors of the candidates.
        without: A passage and one of its wordings that is taken as if it were not there.

    Returns:
        A row for each candidate with the columns of `NAMES`, float64 [C, features].
    """
    here = Candidates(query, rows, lexicon, store, without)
    asked = here.covers @ here.telling / here.mass
    columns: dict[str, Floats] = {
        "words": _words(here),
        "pieces": _pieces(query, here),
        "unit": here.most(asked),
        "pairs": _pairs(query, here),
        "figures": _figures(query, here),
    }
    if here.is_wording.any():
        columns |= _wordings(query, here, asked)
    if likeness is not None and vectors is not None:
        columns |= _meaning(rows, likeness, vectors, without)
    nothing = np.zeros(here.count)
    return np.stack([columns.get(name, nothing) for name in NAMES], axis=1)


def best_sentence(query: Query, row: Row, lexicon: Lexicon, store: Store) -> int:
    """The sentence of a passage that holds most of a question, by its number."""
    here = Candidates(query, [row], lexicon, store)
    asked = here.covers @ here.telling
    return int(np.argmax(asked[here.is_sentence])) if here.is_sentence.any() else 0


def _bm25(counts: Floats, here: Candidates) -> Floats:
    """The weight of each count for BM25, [C, any]."""
    norm = K1 * (1 - B + B * here.share)
    result: Floats = counts * (K1 + 1) / (counts + norm[:, None])
    return result


def _words(here: Candidates) -> Floats:
    """BM25 over stems, as a share of the most there can be, [C]."""
    size = here.covers.shape[1]
    exact = here.like == 1.0
    keys = here.owners[exact] * size + here.term[exact]
    counts = np.bincount(keys, minlength=here.count * size).reshape(here.count, size) * 1.0
    score: Floats = _bm25(counts, here) @ here.idf
    return score / (float(here.idf.sum()) * (K1 + 1) + 1e-6)


def _pieces(query: Query, here: Candidates) -> Floats:
    """BM25 over the character pieces of content words, as a share of the most there can be, [C]."""
    flags = np.zeros(len(here.lexicon.stems), np.bool_)
    counts = np.zeros((here.count, len(query.pieces)))
    telling = ~here.lexicon.stops[here.words]
    words, owners = here.words[telling], here.owners[telling]
    for number, piece in enumerate(query.pieces):
        holding = here.lexicon.holding(piece)
        flags[holding] = True
        counts[:, number] = np.bincount(owners[flags[words]], minlength=here.count)
        flags[holding] = False
    weights = idf(here.store.holding("pieces", query.pieces), here.store.passages)
    score: Floats = _bm25(counts, here) @ weights
    return score / (float(weights.sum()) * (K1 + 1) + 1e-6)


def _pairs(query: Query, here: Candidates) -> Floats:
    """The share of the question's neighbouring words that are neighbours there too, [C]."""
    number = {term.stem: n for n, term in enumerate(query.terms)}
    own = np.asarray([number[stem] for stem in query.stems[: query.own]])
    size = len(query.terms)
    adjacent = np.zeros((size, size), np.bool_)
    adjacent[own[:-1], own[1:]] = True
    np.fill_diagonal(adjacent, val=False)
    term = np.where(here.like == 1.0, here.term, -1)
    left, right = term[:-1], term[1:]
    together = (left >= 0) & (right >= 0) & (here.units[:-1] == here.units[1:])
    together[together] = adjacent[left[together], right[together]]
    places = np.flatnonzero(together)
    weights = ((here.idf[:, None] + here.idf[None, :]) * adjacent).ravel()
    keys = here.owners[places] * len(weights) + left[places] * size + right[places]
    owners, kinds = np.divmod(np.unique(keys), len(weights))
    score: Floats = np.bincount(owners, weights[kinds], minlength=here.count) * 1.0
    return score / (float(weights.sum()) + 1e-6)


def _figures(query: Query, here: Candidates) -> Floats:
    """The share of the question's numbers and names that stand there as they are, [C]."""
    there = [
        np.bincount(here.owners[here.words == here.lexicon.number(word)], minlength=here.count) > 0
        for word in query.figures
    ]
    result: Floats = np.mean(there, axis=0) if there else np.zeros(here.count)
    return result


def _wordings(query: Query, here: Candidates, asked: Floats) -> dict[str, Floats]:
    """What only pairs of question and answer have: how near their nearest wording is."""
    size = len(here.unit_owners)
    of_wording = here.is_wording[here.units]
    units, words, like = here.units[of_wording], here.words[of_wording], here.like[of_wording]
    telling = ~here.lexicon.stops[words]
    stems, place = np.unique(here.lexicon.stems[words], return_inverse=True)
    names = here.lexicon.stem_names()
    holding = here.store.holding("stems", [names[stem] for stem in stems])
    rare = np.where(telling, idf(holding, here.store.passages)[place], 0.0)
    known = np.bincount(units, rare * like, size) / (np.bincount(units, rare, size) + 1e-6)
    both = 2 * known * asked / (known + asked + 1e-6)
    return {
        "pair": here.most(here.is_wording * 1.0),
        "wording": here.most(np.where(here.is_wording, both, 0.0)),
    }


def _meaning(
    rows: Sequence[Row], likeness: Floats, vectors: Vectors, without: tuple[int, int] | None
) -> dict[str, Floats]:
    """How near the question the candidate's text is, and its nearest wording, [C]."""
    place = {row.id: number for number, row in enumerate(rows)}
    owners = np.asarray([place[one] for one in vectors.ids.tolist()], np.int64)
    is_text = vectors.units == TEXT
    if without is not None:
        gone = (vectors.ids == without[0]) & (vectors.units == without[1])
        likeness = np.where(gone, -9.0, likeness)
    columns = {}
    for name, which in (("meaning", is_text), ("meant", ~is_text)):
        column = np.full(len(rows), -9.0)
        np.maximum.at(column, owners[which], likeness[which])
        columns[name] = np.where(column == -9.0, 0.0, column)
    return columns
