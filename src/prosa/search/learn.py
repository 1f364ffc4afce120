"""What an index learns from its own pairs: when to stay silent.

A wording is asked with itself taken out of the index, its vector too: the answer is known, and must
be found through the other wordings. Asked again with the whole subject taken out, the answer and
those most like it, it is a question that the index cannot answer. Wordings that the author marked
as test data are no part of this.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from prosa.search import calibrate
from prosa.search.calibrate import ANOTHER_LANGUAGE, EVIDENCE, SHIPPED, Calibration
from prosa.search.store import Row, Settings
from prosa.search.terms import language_of

if TYPE_CHECKING:
    from prosa.search.index import Index, Ranking

FEWEST = 40
"""Answers of several wordings, from which on an index learns."""

MOST = 500
"""Answers that are asked for, spread over all: more of them change nothing but the time."""

_ABSENT = 3
"""Every so many wordings are asked with their subject taken out too: a quarter of the questions."""

_SUBJECT = 0.05
"""The share of all passages that make up a subject, up to `_LARGEST`."""
_LARGEST = 20


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
    if len(lesson.pairs) < FEWEST:
        return {}
    calibration = lesson.teach(range(len(lesson.pairs)))
    return {
        "wordings": len(lesson.pairs),
        "calibration": dict(zip(EVIDENCE, calibration.weights, strict=True)),
        "thresholds": list(calibration.thresholds),
    }


def rehearse(index: "Index", *, folds: int = 5) -> list[Trial]:
    """Ask the wordings of an index as `learn` does, each judged by what the others have taught.

    Returns:
        A trial a wording with its answer there, and one of some with its subject gone; none where
        there are too few wordings to learn from.
    """
    lesson = _Lesson(index)
    count = len(lesson.pairs)
    if count < FEWEST:
        return []
    trials: list[Trial] = []
    for fold in range(folds):
        calibration = lesson.teach([n for n in range(count) if n % folds != fold])
        for answer, found in (one for n in range(fold, count, folds) for one in lesson.asked(n)):
            right = answer in found.ids[:1]
            confidence = calibration.confidence(found.scores, found.features)
            trials.append(Trial(answer is not None, right, confidence, calibration))
    return trials


def subject(index: "Index", row: Row, passages: int) -> list[int]:
    """The ids of an answer and of those most like it."""
    size = max(1, min(_LARGEST, int(_SUBJECT * passages)))
    return list({row.id, *index.find(" ".join(row.passage.wordings)).ids[:size]})


class _Lesson:
    """The pairs of an index that are asked for, and what is found without what is asked."""

    def __init__(self, index: "Index") -> None:
        self.index = index
        rows = index.store.rows(index.store.ids())
        self._passages = len(rows)
        self.pairs = held_out(rows)

    @cached_property
    def _found(self) -> list["Ranking"]:
        find = self.index.find
        return [find(row.passage.wordings[0], without=(row.id, 0)) for row in self.pairs]

    @cached_property
    def _gone(self) -> list["Ranking"]:
        """What is found for some of the wordings when their subject is taken out."""
        return [
            self.index.find(row.passage.wordings[0], gone=subject(self.index, row, self._passages))
            for row in self.pairs[::_ABSENT]
        ]

    def asked(self, number: int) -> list[tuple[int | None, "Ranking"]]:
        """What is found for a wording, and the id of its answer, None where that is gone."""
        found: list[tuple[int | None, Ranking]] = [(self.pairs[number].id, self._found[number])]
        if number % _ABSENT == 0:
            found.append((None, self._gone[number // _ABSENT]))
        return found

    def teach(self, numbers: Iterable[int]) -> Calibration:
        """A calibration fitted to some of the wordings."""
        asked = [self.asked(n) for n in numbers]
        # In two turns: the calibration is fitted in parts that follow the order.
        in_turn = [some[0] for some in asked] + [some[1] for some in asked if some[1:]]
        some = [(answer, one) for answer, one in in_turn if one.rows]
        rows = np.asarray([calibrate.evidence(one.scores, one.features) for _answer, one in some])
        right = np.asarray([one.ids[0] == answer for answer, one in some], np.bool_)
        return calibrate.fit(rows, right)


def held_out(rows: Sequence[Row], most: int = MOST) -> list[Row]:
    """The pairs whose first wording is asked for, spread evenly where `most` does not take all.

    Later wordings are added because they are unlike the first: asked too, they make an index more
    silent than it need be (docs/decisions/0007-ranking.md).
    """
    some = [row for row in rows if len(row.passage.wordings) > 1]
    count = min(most, len(some))
    return [some[n * len(some) // count] for n in range(count)]


def calibration_of(settings: Settings, question: str, *, pair: bool) -> Calibration:
    """The calibration for a question's first candidate, a pair or running text."""
    has_vectors = settings.background is not None
    asked = language_of([question])
    if pair and has_vectors and {asked, settings.language} == {"portuguese", "english"}:
        return ANOTHER_LANGUAGE
    if not pair or not settings.learned:
        return SHIPPED[pair, has_vectors]
    weights = settings.learned["calibration"]
    return Calibration(
        tuple(float(weights.get(name, 0.0)) for name in EVIDENCE),
        tuple(settings.learned["thresholds"]),
    )
