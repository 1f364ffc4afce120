"""What an index learns from its own pairs: how to rank them, and when to stay silent.

A wording is asked with itself taken out of the index: the answer is known, and must be found
through the other wordings. Asked again with the whole subject taken out, the answer and those most
like it, it is a question that the index cannot answer. Wordings that the author marked as test data
are no part of this.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from prosa.search import calibrate, rank
from prosa.search.calibrate import EVIDENCE, PAIR_CALIBRATION, TEXT_CALIBRATION, Calibration
from prosa.search.encoder import Encoder
from prosa.search.features import NAMES, PAIR
from prosa.search.forward import Forward
from prosa.search.rank import RANKER, Ranker
from prosa.search.search import Ranking, Searcher
from prosa.search.store import Arrays
from prosa.search.terms import Analyzer

FEWEST = 40
"""Wordings beside another of their answer, from which on an index learns."""

MOST = 500
"""Wordings that are asked, spread over all: more of them change nothing but the time."""

PLAIN = 3
"""Wordings of an answer that are asked, the first ones. Later ones are added because they are
unlike those: of a sample with eleven wordings an answer, 77% of the first are found through the
others, 60% of the second and third, 40% of the eighth and after."""

_ABSENT = 2
"""Every so many wordings are asked with their subject taken out too: a third of the questions."""

_STRENGTH = 1.0
_SUBJECT = 0.05
"""The share of all pairs that make up a subject, up to `_LARGEST`."""
_LARGEST = 20


@dataclass(frozen=True)
class HeldOut:
    """A wording that is held out, its unit in the index, and the pair that answers it."""

    text: str
    unit: int
    passage: int


@dataclass(frozen=True)
class Trial:
    """A wording that was asked of an index which had not learned from its subject's wordings.

    Attributes:
        answerable: Whether its answer was there.
        right: Whether the first candidate answered it.
        confidence: What the index thought of that.
        calibration: What the index had learned to think so.
    """

    answerable: bool
    right: bool
    confidence: float
    calibration: Calibration


def learn(
    arrays: Arrays,
    analyzer: Analyzer,
    texts: Sequence[Sequence[str]],
    encoder: Encoder | None = None,
) -> dict[str, Any]:
    """Learn from the pairs of an index.

    Returns:
        Weights and thresholds for the manifest; nothing where there are too few wordings.
    """
    lesson = _Lesson(Searcher(arrays, analyzer, RANKER, encoder), texts)
    if len(lesson.wordings) < FEWEST:
        return {}
    calibration = lesson.teach(range(len(lesson.wordings)))
    return {
        "wordings": len(lesson.wordings),
        "ranker": lesson.searcher.ranker.by_name(),
        "calibration": dict(zip(EVIDENCE, calibration.weights, strict=True)),
        "thresholds": list(calibration.thresholds),
    }


def rehearse(
    searcher: Searcher, texts: Sequence[Sequence[str]], *, folds: int = 5, most: int = MOST
) -> list[Trial]:
    """Ask the wordings of an index as `learn` does, each judged by what the others have taught.

    Pairs are dealt to folds, so that no wording of an answer has taught how it is judged.

    Returns:
        A trial a wording with its answer there, and one of some with its subject gone; none where
        there are too few wordings to learn from.
    """
    apart = Searcher(searcher.arrays, searcher.parser.analyzer, RANKER, searcher.encoder)
    lesson = _Lesson(apart, texts, most)
    if len(lesson.wordings) < FEWEST:
        return []
    lesson.gone  # noqa: B018  looked for before anything is taught
    passages = sorted({wording.passage for wording in lesson.wordings})
    number = {passage: n for n, passage in enumerate(passages)}
    fold_of = np.asarray([number[wording.passage] % folds for wording in lesson.wordings])
    trials: list[Trial] = []
    for fold in range(folds):
        calibration = lesson.teach(np.flatnonzero(fold_of != fold).tolist())
        for n in np.flatnonzero(fold_of == fold).tolist():
            for passage, ranking in lesson.asked(n):
                ranked = apart.ranked(ranking)
                right = passage >= 0 and passage in ranked.passages[:1]
                confidence = calibration.confidence(ranked)
                trials.append(Trial(passage >= 0, right, confidence, calibration))
    return trials


def subject(searcher: Searcher, wording: HeldOut, texts: Sequence[Sequence[str]]) -> list[int]:
    """The answer of a wording and those most like it."""
    size = max(1, min(_LARGEST, int(_SUBJECT * len(texts))))
    alike = searcher.find(" ".join(texts[wording.passage])).passages[:size]
    return sorted({wording.passage, *alike.tolist()})


class _Lesson:
    """The wordings of an index that are held out, and what is found; it teaches the ranker."""

    def __init__(
        self, searcher: Searcher, texts: Sequence[Sequence[str]], most: int = MOST
    ) -> None:
        self.searcher = searcher
        self._texts = texts
        self.wordings = held_out(searcher.arrays.forward, texts, most)
        if len(self.wordings) < FEWEST:
            return
        # Where running text is in the index too, its weights stay as they are.
        self._free = NAMES if all(texts) else PAIR
        self._found = [
            searcher.find(wording.text, without_unit=wording.unit) for wording in self.wordings
        ]

    @cached_property
    def gone(self) -> list[Ranking]:
        """What is found for some of the wordings when their subject is taken out.

        What belongs to a subject is judged by the ranker that is there at the first look.
        """
        return [
            self.searcher.find(
                wording.text, without_passages=subject(self.searcher, wording, self._texts)
            )
            for wording in self.wordings[::_ABSENT]
        ]

    def asked(self, number: int) -> list[tuple[int, Ranking]]:
        """What is found for a wording and the passage that answers it, -1 where that is gone."""
        rankings = [(self.wordings[number].passage, self._found[number])]
        if number % _ABSENT == 0:
            rankings.append((-1, self.gone[number // _ABSENT]))
        return rankings

    def teach(self, numbers: Sequence[int]) -> Calibration:
        """Fit the ranker, and a calibration, to some of the wordings."""
        groups = [
            (self._found[n].features, int(np.flatnonzero(self._found[n].passages == passage)[0]))
            for n in numbers
            if (passage := self.wordings[n].passage) in self._found[n].passages
        ]
        self.searcher.ranker = rank.fit(groups, RANKER, strength=_STRENGTH, free=self._free)
        # In two turns: the calibration is fitted in parts that follow the order.
        asked = [self.asked(n) for n in numbers]
        asked_in_turn = [some[0] for some in asked] + [some[1] for some in asked if some[1:]]
        ranked = [
            (self.searcher.ranked(ranking), passage)
            for passage, ranking in asked_in_turn
            if len(ranking.passages)
        ]
        rows = np.asarray([calibrate.evidence(ranking) for ranking, _passage in ranked])
        right = [ranking.passages[0] == passage for ranking, passage in ranked]
        return calibrate.fit(rows, np.asarray(right, np.bool_))


def held_out(forward: Forward, texts: Sequence[Sequence[str]], most: int = MOST) -> list[HeldOut]:
    """The wordings that have another beside them: the first of each answer, then the second...

    They are spread evenly where `most` does not take all of a turn.
    """
    turns: list[list[HeldOut]] = [[] for _ in range(PLAIN)]
    for passage, wordings in enumerate(texts):
        first = int(forward.passage_units[passage])
        if len(wordings) > 1:
            for n, text in enumerate(wordings[:PLAIN]):
                turns[n].append(HeldOut(text, first + n, passage))
    chosen: list[HeldOut] = []
    for turn in turns:
        room = min(most - len(chosen), len(turn))
        chosen += [turn[n * len(turn) // room] for n in range(room)]
    return chosen


def ranker_of(learned: dict[str, Any]) -> Ranker:
    """The ranker of an index."""
    return Ranker.of({**RANKER.by_name(), **learned["ranker"]}) if "ranker" in learned else RANKER


def calibration_of(learned: dict[str, Any], *, pair: bool) -> Calibration:
    """The calibration of an index, for pairs or for running text."""
    if not pair:
        return TEXT_CALIBRATION
    if "calibration" not in learned:
        return PAIR_CALIBRATION
    weights = learned["calibration"]
    return Calibration(
        tuple(float(weights.get(name, 0.0)) for name in EVIDENCE), tuple(learned["thresholds"])
    )
