"""One question in, ranked candidates out: the first search over all passages, then the ranking."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from prosa.search import inverted
from prosa.search.encoder import Encoder
from prosa.search.features import NAMES, best_units, features, gather
from prosa.search.inverted import Floats
from prosa.search.query import SAME, Query, QueryParser
from prosa.search.rank import Ranker
from prosa.search.store import Arrays
from prosa.search.terms import Analyzer
from prosa.search.vocabulary import Ids

CANDIDATES = 30
"""Passages that are ranked: of 3,286 questions the first 30 hold the right one for 96.9%, the
first 60 for 98.2%; ranking 60 finds no more right ones first."""

DENSE_CANDIDATES = 15
"""Passages that the vectors add to them."""

LONGEST_QUOTE = 600
"""Characters that a quotation grows to at most; one sentence may be longer."""

SHORT_QUOTE = 40
"""A sentence of fewer characters says little by itself: the next one joins it."""

_DENSE = NAMES.index("dense")


@dataclass(frozen=True)
class Ranking:
    """The C candidates for a question, the best first: places in the index, features, scores."""

    query: Query
    passages: npt.NDArray[np.int64]
    features: Floats
    scores: npt.NDArray[np.float64]


class Searcher:
    """Finds passages in the arrays of an index."""

    def __init__(
        self,
        arrays: Arrays,
        analyzer: Analyzer,
        ranker: Ranker,
        encoder: Encoder | None = None,
    ) -> None:
        self.arrays = arrays
        self.ranker = ranker
        self.encoder = encoder
        self.parser = QueryParser(analyzer, arrays.words, arrays.inverted)

    def find(
        self,
        question: str,
        history: Sequence[str] = (),
        *,
        without_unit: int | None = None,
        without_passages: Sequence[int] = (),
    ) -> Ranking:
        """Rank the passages that may answer a question, after `history`, the latest last.

        A unit, or passages, may be taken as if they were not there: a wording that is held out.
        """
        query = self.parser.parse(question, history)
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
            return Ranking(query, passages, none, np.empty(0))
        forward = self.arrays.forward
        rows = features(
            query,
            self.parser,
            forward,
            gather(forward, passages, without_unit),
            firsts[passages],
            forward.passage_sections[passages],
        )
        if near is not None:
            rows[:, _DENSE] = near[passages]
        return self.ranked(Ranking(query, passages, rows, np.zeros(len(passages))))

    def quote(self, query: Query, passage: int, text: str) -> str:
        """Quote the sentences of a passage that answer a question best, as they stand there.

        The sentence that holds most of the question, and the next where it only leads to that one:
        a question, a line that ends in a colon, a few words.
        """
        forward = self.arrays.forward
        units, shares = best_units(query, self.parser, forward, passage)
        if not len(units):
            return text
        best = int(np.argmax(shares))
        spans = forward.unit_spans[units].tolist()
        start, end = spans[best]
        for _start, further in spans[best + 1 :]:
            quoted = text[start:end].rstrip()
            leads_on = len(quoted) < SHORT_QUOTE or quoted.endswith((":", "?"))
            if further - start > LONGEST_QUOTE or not leads_on:
                break
            end = further
        return text[start:end]

    def ranked(self, ranking: Ranking) -> Ranking:
        """The same candidates in the order of this ranker."""
        scores = self.ranker.scores(ranking.features)
        order = np.argsort(-scores, kind="stable")
        return Ranking(
            ranking.query, ranking.passages[order], ranking.features[order], scores[order]
        )

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
                for other in self.parser.alike(query, place).tolist():
                    worth = weight * SAME * min(rarity, float(arrays.stem_idf[other]))
                    weights[other] = max(weights.get(other, 0.0), worth)
            elif query.content[place]:
                words, like = self.parser.like(query.words[place])
                for other, near in zip(arrays.stem_of[words].tolist(), like.tolist(), strict=True):
                    worth = weight * near * float(arrays.stem_idf[other])
                    weights[other] = max(weights.get(other, 0.0), worth)
        stems = np.asarray(list(weights), np.uint32)
        return stems, np.asarray(list(weights.values()), np.float32)

    def _rest(self, stems: Ids, worth: Floats, passage: int, without: int) -> float:
        """BM25 of a passage as it were without one of its units."""
        forward = self.arrays.forward
        tokens = gather(forward, np.asarray([passage]), without)
        present = self.arrays.inverted.stem_of[tokens.words]
        counts = (present[None, :] == stems[:, None]).sum(1)
        share = len(present) / max(1.0, len(forward.tokens) / max(1, forward.passages))
        return float(inverted.weigh(counts, share) @ worth)

    def _near(self, question: str) -> Floats | None:
        vectors = self.arrays.vectors
        if vectors is None or self.encoder is None:
            return None
        asked = self.encoder.encode_queries([question])[0].astype(np.float32)
        likeness = np.empty(len(vectors), np.float32)
        for start in range(0, len(vectors), 8192):  # float16 products are slow: convert by parts
            part = vectors[start : start + 8192].astype(np.float32)
            likeness[start : start + len(part)] = part @ asked
        return np.maximum(likeness, 0.0)


def _best(scores: Floats, count: int) -> npt.NDArray[np.int64]:
    """The places of the highest scores above zero, the highest first."""
    if len(scores) > count:
        places = np.argpartition(scores, len(scores) - count)[-count:]
    else:
        places = np.arange(len(scores))
    places = places[scores[places] > 0]
    return places[np.argsort(-scores[places], kind="stable")]
