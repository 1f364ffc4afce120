"""Which candidate answers best: a sum of few features with round weights.

Running text and pairs of question and answer have weights of their own: a pair has wordings. The
same weights serve every index, because learning them, from other FAQs or from an index's own
wordings, found no more right answers first (docs/decisions/0007-ranking.md).
"""

import numpy as np
import numpy.typing as npt

from prosa.search.features import NAMES, Floats

TEXT = {"words": 4.0, "pieces": 6.0, "unit": 4.0, "pairs": 4.0, "figures": 2.0, "meaning": 1.4}
PAIRS = {"words": 4.0, "pieces": 6.0, "unit": 2.0, "wording": 4.0, "meaning": 1.4, "meant": 1.4}

_PAIR = NAMES.index("pair")


def scores(features: Floats) -> npt.NDArray[np.float64]:
    """The score of each candidate, float64 [C], of their features [C, features]."""
    text, pairs = (
        features @ np.asarray([weights.get(name, 0.0) for name in NAMES])
        for weights in (TEXT, PAIRS)
    )
    result: npt.NDArray[np.float64] = np.where(features[:, _PAIR] > 0, pairs, text)
    return result


def chances(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The chance of each candidate against the others, the softmax of the scores, [C]."""
    if not len(scores):
        return scores
    likely = np.exp(scores - scores.max())
    result: npt.NDArray[np.float64] = likely / likely.sum()
    return result
