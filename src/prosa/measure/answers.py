"""Exact match and F1 of answers, as the official SQuAD 2.0 script has them (Rajpurkar et al. 2018).

Its normalisation is English: "a", "an" and "the" are dropped, Portuguese articles are not. It is
kept, so that figures can be set beside published ones; "a" alone, an article in both, goes too.
"""

import re
import string
from collections import Counter
from collections.abc import Sequence

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_SIGNS = str.maketrans("", "", string.punctuation)


def normalized(text: str) -> str:
    """Lower-case, without ASCII punctuation and English articles, single spaces."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_SIGNS)).split())


def answer_scores(given: str, expected: Sequence[str]) -> tuple[float, float]:
    """Exact match and F1 of an answer against the best of the expected ones.

    Nothing expected means that there is no answer: only "" is right then.
    """
    known = [text for text in expected if normalized(text)] or [""]
    said = normalized(given)
    exact = max(float(said == normalized(text)) for text in known)
    return exact, max(_f1(said.split(), normalized(text).split()) for text in known)


def _f1(said: list[str], wanted: list[str]) -> float:
    if not said or not wanted:
        return float(said == wanted)
    shared = (Counter(said) & Counter(wanted)).total()
    return 2 * shared / (len(said) + len(wanted))
