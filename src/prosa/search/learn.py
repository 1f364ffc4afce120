"""What an index learns from its own pairs: when to stay silent.

A wording is asked with itself taken out of the index, its vector too: the answer is known, and must
be found through the other wordings. Asked again with the whole subject taken out, the answer and
those most like it, it is a question that the index cannot answer. Wordings that the author marked
as test data are no part of this.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from prosa.search import calibrate
from prosa.search.calibrate import EVIDENCE, SHIPPED, Calibration
from prosa.search.store import Row, Settings

if TYPE_CHECKING:
    from prosa.search.index import Index, Ranking

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

_SUBJECT = 0.05
"""The share of all passages that make up a subject, up to `_LARGEST`."""
_LARGEST = 20


@dataclass(frozen=True)
class HeldOut:
    """A wording that is held out: its text, its number, and the pair that it belongs to."""

    text: str
    unit: int
    row: Row


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


def learn(index: "Index") -> dict[str, Any]:
    """Learn from the pairs of an index.

    Returns:
        A calibration for its settings; nothing where there are too few wordings.
    """
    lesson = _Lesson(index)
    if len(lesson.wordings) < FEWEST:
        return {}
    calibration = lesson.teach(range(len(lesson.wordings)))
    return {
        "wordings": len(lesson.wordings),
        "calibration": dict(zip(EVIDENCE, calibration.weights, strict=True)),
        "thresholds": list(calibration.thresholds),
    }


def rehearse(index: "Index", *, folds: int = 5, most: int = MOST) -> list[Trial]:
    """Ask the wordings of an index as `learn` does, each judged by what the others have taught.

    Pairs are dealt to folds, so that no wording of an answer has taught how it is judged.

    Returns:
        A trial a wording with its answer there, and one of some with its subject gone; none where
        there are too few wordings to learn from.
    """
    lesson = _Lesson(index, most)
    if len(lesson.wordings) < FEWEST:
        return []
    ids = sorted({wording.row.id for wording in lesson.wordings})
    fold_of = np.asarray([ids.index(wording.row.id) % folds for wording in lesson.wordings])
    trials: list[Trial] = []
    for fold in range(folds):
        calibration = lesson.teach(np.flatnonzero(fold_of != fold).tolist())
        for n in np.flatnonzero(fold_of == fold).tolist():
            for answer, found in lesson.asked(n):
                right = answer in found.ids[:1]
                confidence = calibration.confidence(found.scores, found.features)
                trials.append(Trial(answer is not None, right, confidence, calibration))
    return trials


def subject(index: "Index", row: Row, passages: int) -> list[int]:
    """The ids of an answer and of those most like it."""
    size = max(1, min(_LARGEST, int(_SUBJECT * passages)))
    return list({row.id, *index.find(" ".join(row.passage.wordings)).ids[:size]})


class _Lesson:
    """The wordings of an index that are held out, and what is found without them."""

    def __init__(self, index: "Index", most: int = MOST) -> None:
        self.index = index
        rows = index.store.rows(index.store.ids())
        self._passages = len(rows)
        self.wordings = held_out(rows, most)

    @cached_property
    def _found(self) -> list["Ranking"]:
        return [
            self.index.find(one.text, without=(one.row.id, one.unit)) for one in self.wordings
        ]

    @cached_property
    def _gone(self) -> list["Ranking"]:
        """What is found for some of the wordings when their subject is taken out."""
        return [
            self.index.find(one.text, gone=subject(self.index, one.row, self._passages))
            for one in self.wordings[::_ABSENT]
        ]

    def asked(self, number: int) -> list[tuple[int | None, "Ranking"]]:
        """What is found for a wording, and the id of its answer, None where that is gone."""
        found: list[tuple[int | None, Ranking]]
        found = [(self.wordings[number].row.id, self._found[number])]
        if number % _ABSENT == 0:
            found.append((None, self._gone[number // _ABSENT]))
        return found

    def teach(self, numbers: Sequence[int]) -> Calibration:
        """A calibration fitted to some of the wordings."""
        # In two turns: the calibration is fitted in parts that follow the order.
        asked = [self.asked(n) for n in numbers]
        in_turn = [some[0] for some in asked] + [some[1] for some in asked if some[1:]]
        some = [(answer, one) for answer, one in in_turn if one.rows]
        rows = np.asarray([calibrate.evidence(one.scores, one.features) for _answer, one in some])
        right = np.asarray([one.ids[0] == answer for answer, one in some], np.bool_)
        return calibrate.fit(rows, right)


def held_out(rows: Sequence[Row], most: int = MOST) -> list[HeldOut]:
    """The wordings that have another beside them: the first of each answer, then the second...

    They are spread evenly where `most` does not take all of a turn.
    """
    turns: list[list[HeldOut]] = [[] for _ in range(PLAIN)]
    for row in rows:
        if len(row.passage.wordings) > 1:
            for n, text in enumerate(row.passage.wordings[:PLAIN]):
                turns[n].append(HeldOut(text, n, row))
    chosen: list[HeldOut] = []
    for turn in turns:
        room = min(most - len(chosen), len(turn))
        chosen += [turn[n * len(turn) // room] for n in range(room)]
    return chosen


def calibration_of(settings: Settings, *, pair: bool) -> Calibration:
    """The calibration of an index, for pairs or for running text."""
    if not pair or not settings.learned:
        return SHIPPED[pair, bool(settings.encoder)]
    weights = settings.learned["calibration"]
    return Calibration(
        tuple(float(weights.get(name, 0.0)) for name in EVIDENCE),
        tuple(settings.learned["thresholds"]),
    )
