"""Weights that serve before an index has questions of its own to learn from.

Those of `TEXT` were learned on 3,286 questions on 506 Portuguese paragraphs of 10 subjects; learned
on nine subjects and asked about the tenth they find the right paragraph first for 75.2% (stemmed
BM25 alone: 68.0%). `benchmarks/retrieval.py` measures both.
"""

TEXT: dict[str, float] = {
    "words": 4.2, "pieces": 6.7, "unit": 4.4, "all": 2.3, "pairs": 5.0, "exact": 1.6,
    "numbers": 2.0, "names": 1.7, "length": -6.0, "section": 4.7, "dense": 6.0,
}  # fmt: skip

PAIR: dict[str, float] = {
    "pair": 0.0, "wording": 8.0, "known": 1.0, "asked": 2.0, "function": 2.0, "answer": 1.0,
    "wording_pairs": 2.0,
}  # fmt: skip
