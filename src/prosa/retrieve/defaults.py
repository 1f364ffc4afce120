"""Weights that serve before an index has questions of its own to learn from.

Those of running text were learned on 3,286 questions on 506 Portuguese paragraphs of 10 subjects:
learned on nine subjects and asked about the tenth they find the right paragraph first for 75.2%
(stemmed BM25 alone: 68.0%). Those of pairs were learned on the wordings of `perguntas`, without
the held-out ones. `benchmarks/retrieval.py` measures both.
"""

from prosa.retrieve.calibrate import Calibration
from prosa.retrieve.rank import Ranker

RANKER = Ranker.of(
    {
        "words": 4.2, "pieces": 6.7, "unit": 4.4, "all": 2.3, "pairs": 5.0, "exact": 1.6,
        "numbers": 2.0, "names": 1.7, "length": -6.0, "section": 4.7, "dense": 6.0,
        "wording": 4.8, "known": 0.5, "asked": 0.5, "function": 0.5, "answer": 1.7,
    }
)  # fmt: skip

# Every third question, with its passage there and with the passage or its whole article gone.
TEXT_CALIBRATION = Calibration(
    (-2.6073, 2.7649, 1.5977, 0.8702, 0.4809, -0.5687, -0.925, -0.1864, 0.2781, *(0.0,) * 6),
    (0.9866, 0.9857, 0.9048, 0.7373, 0.4378, 0.2719, 0.0817),
)
PAIR_CALIBRATION = Calibration(
    (-2.0626, 3.5376, -2.6799, 1.5146, 1.6195, -0.0928, 0.81, 0.3571, 0.5182, 1.1757, 0.9452,
     -0.5178, -0.229, 0.8744, 0.0),
    (0.9743, 0.9743, 0.8981, 0.8041, 0.4556, 0.2973, 0.1158),
)  # fmt: skip
