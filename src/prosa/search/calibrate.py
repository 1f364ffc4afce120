"""How sure an answer is: evidence of the first candidate into the chance that it is right.

A logistic regression (Platt 1999), fitted on questions that are known to be answered and on the
same questions with their answer taken out; and the thresholds for shares of wrong answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from prosa.search.features import NAMES, Floats
from prosa.search.rank import chances

Reals = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]

OF_FIRST = ("words", "wording", "meaning", "meant")
EVIDENCE = ("bias", "clear", "score", *OF_FIRST)
"""What is looked at: how clearly the first candidate leads, its score, and some of its features.

With all the others besides, FAQs and `perguntas` are answered no more often at the same promise.
"""

ERRORS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
"""Shares of wrong answers that a threshold is kept for."""

_COLUMNS = [NAMES.index(name) for name in OF_FIRST]
_STEPS = 30
_FEW = 30
_WEAK = -1.0
"""The score of a passage that shares a function word with a question; -0.4 to -2.1 were seen."""


@dataclass(frozen=True)
class Calibration:
    """A weight for each of `EVIDENCE`, and the least confidence for each of `ERRORS`."""

    weights: tuple[float, ...]
    thresholds: tuple[float, ...]

    def confidence(self, scores: Reals, features: Floats) -> float:
        """The chance that the first candidate answers the question; 0 where there is none."""
        if not len(scores):
            return 0.0
        return float(_chance(evidence(scores, features) @ np.asarray(self.weights)))

    def threshold(self, max_error: float) -> float:
        """The least confidence of an answer, for a share of wrong ones among those given."""
        if max_error >= 1:
            return 0.0
        return float(np.interp(max_error, ERRORS, self.thresholds))


SHIPPED = {
    (False, False): Calibration(
        (-1.2975, 3.704, 0.9125, 0.2708, 0.0, 0.0, 0.0),
        (0.9905, 0.9451, 0.8924, 0.6831, 0.4447, 0.2799, 0.0842),
    ),
    (False, True): Calibration(
        (-2.0421, 2.9611, 0.764, -0.5009, 0.0, 0.2798, 0.0),
        (0.9773, 0.9653, 0.8638, 0.7324, 0.4337, 0.2573, 0.0503),
    ),
    (True, False): Calibration(
        (-0.3561, 3.0128, 0.2951, 0.1139, 1.535, 0.0, 0.0),
        (0.9531, 0.9309, 0.8416, 0.7044, 0.4605, 0.3308, 0.1496),
    ),
    (True, True): Calibration(
        (-1.5951, 2.428, 0.8351, -0.3493, 0.7386, 0.3455, -0.2565),
        (0.9747, 0.9359, 0.8058, 0.6646, 0.4097, 0.2879, 0.0762),
    ),
}
"""By whether the answer is of a pair, and whether the index has vectors.

Learned by `python -m benchmarks.calibration`, where an index has no questions of its own.
"""

ANOTHER_LANGUAGE = Calibration(
    (-1.246, 0.8365, -0.2362, -0.1393, -0.5683, 0.0247, 1.5683),
    (0.986, 0.986, 0.986, 0.8239, 0.5815, 0.2756, 0.0812),
)
"""Of pairs in an index with vectors, asked in another language than theirs: no word helps there."""


def evidence(scores: Reals, features: Floats) -> Reals:
    """The evidence for the first candidate, float64 [evidence].

    Args:
        scores: Of the candidates, the best first, [C].
        features: Their features, [C, features].
    """
    # A lone candidate leads nobody: those that are missing count as passages which share no more
    # than a function word. Without them "tem wifi no quarto?" was answered, surely, by the one
    # passage of four that has a "no".
    missing = np.full(max(0, _FEW - len(scores)), _WEAK)
    first = float(chances(np.append(scores, missing))[0])
    clear = np.log((first + 1e-3) / (1 - first + 1e-3)) / 4
    return np.asarray([1.0, clear, scores[0] / 10, *features[0][_COLUMNS]])


def fit(rows: Reals, right: Truths, *, strength: float = 1.0) -> Calibration:
    """Fit to evidence [Q, evidence] and whether the first candidate was right [Q].

    `strength` pulls the weights to zero.
    """
    folds = np.arange(len(rows)) % 5
    # The thresholds come from chances that the fit has not seen.
    unseen = np.zeros(len(rows))
    for fold in range(5):
        weights = _logistic(rows[folds != fold], right[folds != fold], strength)
        unseen[folds == fold] = _chance(rows[folds == fold] @ weights)
    weights = _logistic(rows, right, strength)
    thresholds = tuple(round(_threshold(unseen, right, error), 4) for error in ERRORS)
    return Calibration(tuple(round(float(weight), 4) for weight in weights), thresholds)


def auroc(confidences: Sequence[float], answerable: Sequence[bool]) -> float:
    """How well confidence parts answerable questions from others (0.5 is chance, 1 perfect).

    The chance that one of the first kind has a higher confidence than one of the second; NaN
    where a kind is missing.
    """
    values, kinds = np.asarray(confidences, np.float64), np.asarray(answerable, np.bool_)
    positive, negative = values[kinds], np.sort(values[~kinds])
    if not len(positive) or not len(negative):
        return float("nan")
    below = np.searchsorted(negative, positive, "left")
    upto = np.searchsorted(negative, positive, "right")
    return float((below + upto).mean() / 2 / len(negative))


@dataclass(frozen=True)
class Bin:
    """Answers of like confidence: from, to, how many, their mean confidence, the share right."""

    low: float
    high: float
    count: int
    confidence: float
    right: float


def bins(confidences: Sequence[float], right: Sequence[bool], count: int = 10) -> list[Bin]:
    """A calibration plot's points; empty bins are left out."""
    values, truths = np.asarray(confidences, np.float64), np.asarray(right, np.float64)
    number = np.minimum((values * count).astype(np.int64), count - 1)
    points = []
    for n in np.unique(number).tolist():
        here = number == n
        mean, share = float(values[here].mean()), float(truths[here].mean())
        points.append(Bin(n / count, (n + 1) / count, int(here.sum()), mean, share))
    return points


def _threshold(confidences: Reals, right: Truths, error: float) -> float:
    """The least confidence from which on the share of wrong answers stays within `error`.

    Wrong ones are counted half, and half expected from the confidences: few are wrong near the
    threshold, so that counted alone it leaps (two wordings less of 2,900 moved it from 0.89 to
    0.95, and a third of the answers with it).
    """
    order = np.argsort(-confidences, kind="stable")
    likely = (~right[order] + 1 - confidences[order]) / 2
    wrong = np.cumsum(likely) / np.arange(1, len(order) + 1)
    good = np.flatnonzero(wrong <= error)
    return float(confidences[order[good[-1]]]) if len(good) else 0.995


def _chance(logits: Reals) -> Reals:
    chance: Reals = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
    return chance


def _logistic(rows: Reals, right: Truths, strength: float) -> Reals:
    weights: Reals = np.zeros(rows.shape[1])
    pull = np.full(rows.shape[1], strength)
    pull[0] = 1e-3  # the bias is free
    for _step in range(_STEPS):
        chance = _chance(rows @ weights)
        slope: Reals = rows.T @ (chance - right) + pull * weights
        curve = (rows * (chance * (1 - chance))[:, None]).T @ rows + np.diag(pull)
        step = np.asarray(np.linalg.solve(curve, slope), np.float64)
        weights = np.asarray(weights - step * min(1.0, 4.0 / (float(np.abs(step).max()) + 1e-9)))
        if np.abs(step).max() < 1e-6:
            break
    return weights
