"""Which candidate answers best: a weighted sum of features, learned from questions with answers.

The model is the conditional logit (McFadden 1974): the chance of a candidate is the softmax of its
score among the candidates. Fitting is Newton's method, pulled towards weights that are known to
serve, so that ten questions shift them a little and a thousand make their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from prosa.search.features import NAMES
from prosa.search.inverted import Floats

_STEPS = 25
_CLOSE = 1e-7


@dataclass(frozen=True)
class Ranker:
    """The weight of each feature, float64 [features]."""

    weights: npt.NDArray[np.float64]

    @staticmethod
    def of(weights: dict[str, float]) -> "Ranker":
        """A ranker from weights by name; what is not named weighs nothing."""
        return Ranker(np.asarray([weights.get(name, 0.0) for name in NAMES]))

    def by_name(self) -> dict[str, float]:
        """The weights by name, for the manifest."""
        return {n: round(float(w), 4) for n, w in zip(NAMES, self.weights, strict=True) if w}

    def scores(self, features: Floats) -> npt.NDArray[np.float64]:
        """The score of each candidate, [C]."""
        result: npt.NDArray[np.float64] = features @ self.weights
        return result


RANKER = Ranker.of(
    {
        "words": 4.2, "pieces": 6.7, "unit": 4.4, "all": 2.3, "pairs": 5.0, "exact": 1.6,
        "numbers": 2.0, "names": 1.7, "length": -6.0, "section": 4.7, "dense": 6.0,
        "wording": 6.4, "known": 0.1, "asked": 0.3, "function": 1.1, "answer": 0.3,
        "wording_pairs": -1.0,
    }
)  # fmt: skip
"""Weights that serve before an index has questions of its own to learn from.

Those of running text were learned on 3,286 questions on 506 Portuguese paragraphs of 10 subjects:
learned on nine subjects and asked about the tenth they find the right paragraph first for 76.3%
(stemmed BM25 alone: 67.8%). Those of pairs were learned on FAQs with one wording a question, which
were written for it; `python -m benchmarks.faqs` learns them anew.
"""


def chances(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The chance of each candidate against the others, [C]."""
    if not len(scores):
        return scores
    likely = np.exp(scores - scores.max())
    result: npt.NDArray[np.float64] = likely / likely.sum()
    return result


def fit(
    groups: Sequence[tuple[Floats, int]],
    prior: Ranker,
    *,
    strength: float = 1.0,
    free: Sequence[str] = NAMES,
) -> Ranker:
    """Learn weights from questions.

    Args:
        groups: For each question the features of its candidates, [C, features], and which
            candidate answers it.
        prior: The weights to be pulled to.
        strength: How strongly: the weight of the squared distance.
        free: The features that may change.
    """
    if not groups:
        return prior
    table, right = _padded(groups)
    columns = [NAMES.index(name) for name in free]
    start = prior.weights.copy()
    base = table @ start
    base[~np.isfinite(table).all(2)] = -np.inf
    part = np.nan_to_num(table[:, :, columns], nan=0.0)
    change = _newton(part, base, right, strength)
    start[columns] += change
    return Ranker(start)


def _padded(groups: Sequence[tuple[Floats, int]]) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Questions as one table, [Q, C, features]; rows that fill it up are NaN."""
    most = max(len(features) for features, _right in groups)
    table = np.full((len(groups), most, len(NAMES)), np.nan, np.float32)
    for number, (features, _right) in enumerate(groups):
        table[number, : len(features)] = features
    return table, np.asarray([right for _features, right in groups])


def _newton(
    table: Floats,
    base: npt.NDArray[np.float64],
    right: npt.NDArray[np.int64],
    strength: float,
) -> npt.NDArray[np.float64]:
    """The change of weights that makes the right candidates likeliest."""
    rows = np.arange(len(right))
    wanted = table[rows, right].astype(np.float64)

    def loss(change: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        scores = base + table @ change
        top = scores.max(1, keepdims=True)
        likely = np.exp(scores - top)
        total = likely.sum(1, keepdims=True)
        nats = np.log(total[:, 0]) + top[:, 0] - scores[rows, right]
        return float(nats.sum() + strength / 2 * change @ change), likely / total

    size = table.shape[2]
    change = np.zeros(size)
    now, likely = loss(change)
    for _step in range(_STEPS):
        mean = np.einsum("qc,qcf->qf", likely, table)
        slope = (mean - wanted).sum(0) + strength * change
        spread = (table * np.sqrt(likely)[..., None]).reshape(-1, size).astype(np.float64)
        curve = spread.T @ spread - mean.T @ mean + strength * np.eye(size)
        step = np.linalg.solve(curve, slope)
        share = 1.0
        while share > _CLOSE:
            after, likely_after = loss(change - share * step)
            if after <= now:
                break
            share /= 2
        gained, change = now - after, change - share * step
        now, likely = after, likely_after
        if gained < _CLOSE * max(1.0, now):
            break
    return change
