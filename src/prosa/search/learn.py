"""What an index learns from its own pairs: how to rank them, and when to stay silent.

A wording is asked with itself taken out of the index: the answer is known, and must be found
through the other wordings. Asked again with the whole subject taken out, the answer and those most
like it, it is a question that the index cannot answer. Wordings that the author marked as test data
are no part of this.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from prosa.search import calibrate, rank
from prosa.search.calibrate import EVIDENCE, PAIR_CALIBRATION, TEXT_CALIBRATION, Calibration
from prosa.search.features import NAMES, PAIR
from prosa.search.forward import Forward, Unit
from prosa.search.rank import RANKER, Ranker
from prosa.search.search import Embedder, Ranking, Searcher
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
class Asked:
    """A wording that is held out.

    Attributes:
        text: The wording.
        unit: Its unit in the index.
        passage: The pair that answers it.
    """

    text: str
    unit: int
    passage: int


def wordings(forward: Forward, texts: Sequence[Sequence[str]], most: int = MOST) -> list[Asked]:
    """The wordings that have another beside them: the first of each answer, then the second...

    Args:
        forward: The passages.
        texts: The wordings of each passage.
        most: How many at most, spread evenly where not all of a turn are taken.
    """
    found: list[list[Asked]] = [[] for _ in range(PLAIN)]
    for passage, some in enumerate(texts):
        first = int(forward.passage_units[passage])
        if len(some) > 1:
            for n, text in enumerate(some[:PLAIN]):
                found[n].append(Asked(text, first + n, passage))
    kept: list[Asked] = []
    for turn in found:
        room = min(most - len(kept), len(turn))
        kept += [turn[n * len(turn) // room] for n in range(room)]
    return kept


def learn(
    arrays: Arrays,
    analyzer: Analyzer,
    texts: Sequence[Sequence[str]],
    embedder: Embedder | None = None,
) -> dict[str, Any]:
    """Learn from the pairs of an index.

    Args:
        arrays: The index.
        analyzer: Its language.
        texts: The wordings of each passage.
        embedder: Its encoder.

    Returns:
        Weights and thresholds for the manifest; nothing where there are too few wordings.
    """
    asked = wordings(arrays.forward, texts)
    if len(asked) < FEWEST:
        return {}
    searcher = Searcher(arrays, analyzer, RANKER, embedder)
    found = [searcher.find(one.text, without_unit=one.unit) for one in asked]
    groups = [
        (one.features, int(np.flatnonzero(one.passages == question.passage)[0]))
        for one, question in zip(found, asked, strict=True)
        if question.passage in one.passages
    ]
    # Where running text is in the index too, its weights stay as they are.
    only_pairs = bool((arrays.forward.unit_kinds == Unit.WORDING).any()) and all(texts)
    free = NAMES if only_pairs else PAIR
    ranker = rank.fit(groups, RANKER, strength=_STRENGTH, free=free)
    searcher.ranker = ranker
    gone = _gone(searcher, asked, texts)
    seen = [(one, question.passage) for question, one in zip(asked, found, strict=True)]
    calibration = _calibrated(searcher, [*seen, *((one, -1) for one in gone)])
    return {
        "wordings": len(asked),
        "ranker": ranker.by_name(),
        "calibration": dict(zip(EVIDENCE, calibration.weights, strict=True)),
        "thresholds": list(calibration.thresholds),
    }


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


def rehearse(
    searcher: Searcher,
    texts: Sequence[Sequence[str]],
    *,
    folds: int = 5,
    most: int = MOST,
) -> list[Trial]:
    """Ask the wordings of an index as `learn` does, each judged by what the others have taught.

    Pairs are dealt to folds, so that no wording of an answer has taught how it is judged.

    Args:
        searcher: Of the index.
        texts: The wordings of each passage.
        folds: In how many parts.
        most: How many wordings at most.

    Returns:
        A trial a wording with its answer there, and one of some with its subject gone; none where
        there are too few wordings to learn from.
    """
    asked = wordings(searcher.arrays.forward, texts, most)
    if len(asked) < FEWEST:
        return []
    base = Searcher(searcher.arrays, searcher.parser.analyzer, RANKER, searcher.embedder)
    found = [base.find(one.text, without_unit=one.unit) for one in asked]
    gone = _gone(base, asked, texts)
    only_pairs = all(texts)
    number = {passage: n for n, passage in enumerate(sorted({one.passage for one in asked}))}
    fold_of = np.asarray([number[one.passage] % folds for one in asked])
    trials: list[Trial] = []
    for fold in range(folds):
        others, mine = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
        groups = [
            (found[n].features, int(np.flatnonzero(found[n].passages == asked[n].passage)[0]))
            for n in others
            if asked[n].passage in found[n].passages
        ]
        free = NAMES if only_pairs else PAIR
        base.ranker = rank.fit(groups, RANKER, strength=_STRENGTH, free=free)
        seen = [(found[n], asked[n].passage) for n in others]
        seen += [(gone[n // _ABSENT], -1) for n in others if n % _ABSENT == 0]
        calibration = _calibrated(base, seen)
        for n in mine:
            asked_so = [(True, found[n])]
            if n % _ABSENT == 0:
                asked_so.append((False, gone[n // _ABSENT]))
            for answerable, one in asked_so:
                ranked = base.ranked(one)
                first = int(ranked.passages[0]) if len(ranked.passages) else -1
                trials.append(
                    Trial(
                        answerable,
                        answerable and first == asked[n].passage,
                        calibration.confidence(ranked),
                        calibration,
                    )
                )
    return trials


def _gone(
    searcher: Searcher, asked: Sequence[Asked], texts: Sequence[Sequence[str]]
) -> list[Ranking]:
    """What is found for some of the wordings when their subject is taken out."""
    return [
        searcher.find(one.text, without_passages=subject(searcher, one, texts))
        for one in asked[::_ABSENT]
    ]


def subject(searcher: Searcher, one: Asked, texts: Sequence[Sequence[str]]) -> list[int]:
    """The answer of a wording and those most like it."""
    size = max(1, min(_LARGEST, int(_SUBJECT * len(texts))))
    alike = searcher.find(" ".join(texts[one.passage])).passages[:size]
    return sorted({one.passage, *alike.tolist()})


def _calibrated(searcher: Searcher, seen: Sequence[tuple[Ranking, int]]) -> Calibration:
    """Fit to what was found for questions and the passage that answers each, -1 for none."""
    ranked = [(searcher.ranked(found), passage) for found, passage in seen if len(found.passages)]
    rows = np.asarray([calibrate.evidence(found) for found, _passage in ranked])
    right = np.asarray([found.passages[0] == passage for found, passage in ranked], np.bool_)
    return calibrate.fit(rows, right)


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
