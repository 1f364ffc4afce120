"""Weights that serve before an index has questions of its own to learn from.

Those of running text were learned on 3,286 questions on 506 Portuguese paragraphs of 10 subjects:
learned on nine subjects and asked about the tenth they find the right paragraph first for 76.3%
(stemmed BM25 alone: 67.8%). Those of pairs were learned on FAQs with one wording a question, which
were written for it; `python -m benchmarks.faqs` learns them anew.
"""

from prosa.search.calibrate import Calibration
from prosa.search.rank import Ranker

RANKER = Ranker.of(
    {
        "words": 4.2, "pieces": 6.7, "unit": 4.4, "all": 2.3, "pairs": 5.0, "exact": 1.6,
        "numbers": 2.0, "names": 1.7, "length": -6.0, "section": 4.7, "dense": 6.0,
        "wording": 6.4, "known": 0.1, "asked": 0.3, "function": 1.1, "answer": 0.3,
        "wording_pairs": -1.0,
    }
)  # fmt: skip

# Every third question, with its passage there and with the passage or its whole article gone.
TEXT_CALIBRATION = Calibration(
    (-2.6196, 2.7947, 1.5729, 0.5533, 0.1423, -0.4551, -0.2192, -0.241, -0.1365, *(0.0,) * 6),
    (0.9882, 0.9827, 0.8915, 0.6931, 0.4358, 0.2713, 0.0865),
)
PAIR_CALIBRATION = Calibration(
    (-1.66, 2.2834, -1.011, 0.0505, 1.4146, -1.4436, 0.9112, 0.0804, -0.6227, 1.2559, 1.1951,
     0.098, 0.7998, 1.0026, 0.0),
    (0.9767, 0.9682, 0.8577, 0.6697, 0.4551, 0.3145, 0.1431),
)  # fmt: skip
