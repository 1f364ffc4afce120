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

from prosa.retrieve import calibrate, rank
from prosa.retrieve.arrays import Arrays
from prosa.retrieve.calibrate import EVIDENCE, Calibration, Reals, Truths
from prosa.retrieve.defaults import PAIR_CALIBRATION, RANKER, TEXT_CALIBRATION
from prosa.retrieve.features import NAMES, PAIR
from prosa.retrieve.forward import Forward, Unit
from prosa.retrieve.rank import Ranker
from prosa.retrieve.search import Embedder, Found, Searcher
from prosa.retrieve.terms import Analyzer

FEWEST = 40
"""Wordings beside another of their answer, from which on an index learns."""

MOST = 500
"""Wordings that are asked, spread over all: more of them change nothing but the time."""

PLAIN = 3
"""Wordings of an answer that are asked, the first ones. Later ones are added because they are
unlike those: of a sample with eleven wordings an answer, 77% of the first are found through the
others, 60% of the second and third, 40% of the eighth and after."""

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
    """The wordings that have another beside them.

    Args:
        forward: The passages.
        texts: The wordings of each passage.
        most: How many at most, spread evenly.
    """
    found = []
    for passage, some in enumerate(texts):
        first = int(forward.passage_units[passage])
        if len(some) > 1:
            found += [Asked(text, first + n, passage) for n, text in enumerate(some[:PLAIN])]
    step = max(1.0, len(found) / most)
    return [found[int(n * step)] for n in range(min(most, len(found)))]


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
    rows, right = examples(searcher, found, asked, texts)
    calibration = calibrate.fit(rows, right)
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
        Two trials a wording, with its answer there and with its subject gone; none where there are
        too few wordings to learn from.
    """
    asked = wordings(searcher.arrays.forward, texts, most)
    if len(asked) < FEWEST:
        return []
    base = Searcher(searcher.arrays, searcher.reader.analyzer, RANKER, searcher.embedder)
    found = [base.find(one.text, without_unit=one.unit) for one in asked]
    gone = [base.find(one.text, without_passages=subject(base, one, texts)) for one in asked]
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
        rows, right = _evidence(base, [(asked[n], found[n], gone[n]) for n in others])
        calibration = calibrate.fit(rows, right)
        for n in mine:
            for answerable, one in ((True, found[n]), (False, gone[n])):
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


def examples(
    searcher: Searcher,
    found: Sequence[Found],
    asked: Sequence[Asked],
    texts: Sequence[Sequence[str]],
) -> tuple[Reals, Truths]:
    """Evidence and truth: each question with its answer there, and with its subject gone."""
    gone = [
        searcher.find(one.text, without_passages=subject(searcher, one, texts)) for one in asked
    ]
    return _evidence(searcher, list(zip(asked, found, gone, strict=True)))


def subject(searcher: Searcher, one: Asked, texts: Sequence[Sequence[str]]) -> list[int]:
    """The answer of a wording and those most like it."""
    size = max(1, min(_LARGEST, int(_SUBJECT * len(texts))))
    alike = searcher.find(" ".join(texts[one.passage])).passages[:size]
    return sorted({one.passage, *alike.tolist()})


def _evidence(
    searcher: Searcher, asked: Sequence[tuple[Asked, Found, Found]]
) -> tuple[Reals, Truths]:
    """Evidence and truth of wordings with their answer there and with their subject gone."""
    rows: list[Reals] = []
    right: list[bool] = []
    for question, found, gone in asked:
        for some in (searcher.ranked(found), searcher.ranked(gone)):
            if len(some.passages):
                rows.append(calibrate.evidence(some))
                right.append(bool(some.passages[0] == question.passage))
    return np.asarray(rows), np.asarray(right, np.bool_)


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
