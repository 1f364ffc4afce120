"""One question in, ranked candidates out: the first search over all passages, then the ranking."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from prosa.search import inverted
from prosa.search.arrays import Arrays
from prosa.search.features import NAMES, features, gather
from prosa.search.inverted import Floats
from prosa.search.query import SAME, Query, Reader
from prosa.search.rank import Ranker
from prosa.search.terms import Analyzer
from prosa.search.vocabulary import Ids

CANDIDATES = 30
"""Passages that are ranked: of 3,286 questions the first 30 hold the right one for 96.9%, the
first 60 for 98.2%; ranking 60 finds no more right ones first."""

DENSE_CANDIDATES = 15
"""Passages that the vectors add to them."""

_DENSE = NAMES.index("dense")


class Embedder(Protocol):
    """Turns texts into vectors of length 1."""

    def encode_queries(self, texts: Sequence[str]) -> Floats:
        """The vectors of questions, float32 [texts, dimensions]."""


@dataclass(frozen=True)
class Found:
    """The candidates for a question, the best first.

    Attributes:
        query: The question.
        passages: Their places in the index, int64 [C].
        features: Their features, float32 [C, features].
        scores: Their scores, [C].
    """

    query: Query
    passages: npt.NDArray[np.int64]
    features: Floats
    scores: npt.NDArray[np.float64]


class Searcher:
    """Finds passages in the arrays of an index.

    Args:
        arrays: The arrays.
        analyzer: The language they were made in.
        ranker: Orders candidates.
        embedder: Makes vectors of questions, where the index has vectors.
    """

    def __init__(
        self,
        arrays: Arrays,
        analyzer: Analyzer,
        ranker: Ranker,
        embedder: Embedder | None = None,
    ) -> None:
        self.arrays = arrays
        self.ranker = ranker
        self.embedder = embedder
        self.reader = Reader(analyzer, arrays.words, arrays.inverted)

    def find(
        self,
        question: str,
        history: Sequence[str] = (),
        *,
        without_unit: int | None = None,
        without_passages: Sequence[int] = (),
    ) -> Found:
        """Rank the passages that may answer a question.

        Args:
            question: The question.
            history: What was said before it, the latest last.
            without_unit: A unit that is taken as if it were not there, as when a wording is held
                out.
            without_passages: Passages that are taken as if they were not there.
        """
        query = self.reader.read(question, history)
        stems, worth = self._asked(query)
        firsts = inverted.scores(self.arrays.inverted, stems, worth, self.arrays.forward.passages)
        if without_unit is not None:
            units = self.arrays.forward.passage_units
            owner = int(np.searchsorted(units, without_unit, "right")) - 1
            firsts[owner] = self._rest(stems, worth, owner, without_unit)
        firsts[list(without_passages)] = 0.0
        passages = _best(firsts, CANDIDATES)
        near = self._near(question)
        if near is not None:
            near[list(without_passages)] = 0.0
            passages = np.union1d(passages, _best(near, DENSE_CANDIDATES))
        if not len(passages):
            none = np.empty((0, len(NAMES)), np.float32)
            return Found(query, passages, none, np.empty(0))
        forward = self.arrays.forward
        rows = features(
            query,
            self.reader,
            forward,
            gather(forward, passages, without_unit),
            firsts[passages],
            forward.passage_sections[passages],
        )
        if near is not None:
            rows[:, _DENSE] = near[passages]
        return self.ranked(Found(query, passages, rows, np.zeros(len(passages))))

    def ranked(self, found: Found) -> Found:
        """The same candidates in the order of this ranker."""
        scores = self.ranker.scores(found.features)
        order = np.argsort(-scores, kind="stable")
        return Found(found.query, found.passages[order], found.features[order], scores[order])

    def _asked(self, query: Query) -> tuple[Ids, Floats]:
        """Stems to search for, and what each counts for in BM25.

        The words most like it stand in for a word that the index lacks.
        """
        first, _of_word = query.terms
        arrays = self.arrays.inverted
        weights: dict[int, float] = {}
        for place in first.tolist():
            stem, weight = int(query.stems[place]), float(query.weights[place])
            if stem >= 0:
                rarity = float(arrays.stem_idf[stem])
                weights[stem] = max(weights.get(stem, 0.0), weight * rarity)
                for other in self.reader.alike(query, place).tolist():
                    worth = weight * SAME * min(rarity, float(arrays.stem_idf[other]))
                    weights[other] = max(weights.get(other, 0.0), worth)
            elif query.content[place]:
                words, like = self.reader.like(query.words[place])
                for other, near in zip(arrays.stem_of[words].tolist(), like.tolist(), strict=True):
                    worth = weight * near * float(arrays.stem_idf[other])
                    weights[other] = max(weights.get(other, 0.0), worth)
        stems = np.asarray(list(weights), np.uint32)
        return stems, np.asarray(list(weights.values()), np.float32)

    def _rest(self, stems: Ids, worth: Floats, passage: int, without: int) -> float:
        """BM25 of a passage as it were without one of its units."""
        forward = self.arrays.forward
        tokens = gather(forward, np.asarray([passage]), without)
        held = self.arrays.inverted.stem_of[tokens.words]
        counts = (held[None, :] == stems[:, None]).sum(1)
        share = len(held) / max(1.0, len(forward.tokens) / max(1, forward.passages))
        return float(inverted.weigh(counts, share) @ worth)

    def _near(self, question: str) -> Floats | None:
        vectors = self.arrays.vectors
        if vectors is None or self.embedder is None:
            return None
        asked = self.embedder.encode_queries([question])[0].astype(np.float32)
        found = np.empty(len(vectors), np.float32)
        for start in range(0, len(vectors), 8192):  # float16 products are slow: convert by parts
            part = vectors[start : start + 8192].astype(np.float32)
            found[start : start + len(part)] = part @ asked
        return np.maximum(found, 0.0)


def _best(scores: Floats, count: int) -> npt.NDArray[np.int64]:
    """The places of the highest scores above zero, the highest first."""
    if len(scores) > count:
        places = np.argpartition(scores, len(scores) - count)[-count:]
    else:
        places = np.arange(len(scores))
    places = places[scores[places] > 0]
    return places[np.argsort(-scores[places], kind="stable")]
