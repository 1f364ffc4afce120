"""A question: its words, what they weigh, and what is searched for."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from prosa.search.terms import WORD, Analyzer, fold, grams

SAME = 0.7
"""What a word that means much the same counts for, against the word itself."""

PIECE = 0.15
"""What a character piece counts for in the first search, against a word."""

LONGEST = 256
"""Words of a question that are looked at: the first ones."""

CARRIED = 0.5
"""What a word of the conversation before counts for, against a word of the question."""

# What refers back to something said before.
_BACK = re.compile(
    r"\b(?:isso|isto|disso|disto|nisso|nisto|ele|ela|eles|elas|dele|dela|deles|delas|nele|nela"
    r"|neles|nelas|esse|essa|esses|essas|desse|dessa|desses|dessas|nesse|nessa|aquele|aquela"
    r"|daquele|daquela|mesmo|mesma|outro|outra|outros|outras|it|its|this|that|these|those|they"
    r"|them|their|he|she|him|her|one|ones|other|others)\b"
)
_OPENING = re.compile(r"\s*(?:e|mas|entao|ou|and|but|then|so|or|what about|how about)\b")


@dataclass(frozen=True)
class Term:
    """A word of a question, whatever its form: what it counts for, and whether it is telling."""

    stem: str
    word: str
    weight: float
    content: bool


@dataclass(frozen=True)
class Query:
    """A question.

    Attributes:
        text: As it was asked, with what of the conversation it leans on.
        words: Its folded words in order.
        stems: The stem of each.
        terms: The different stems, at least one of them telling.
        figures: The words that hold a digit or begin with a capital letter, the first word aside.
        own: How many of the words are its own; the rest are the conversation's.
    """

    text: str
    words: tuple[str, ...]
    stems: tuple[str, ...]
    terms: tuple[Term, ...]
    figures: frozenset[str]
    own: int

    @cached_property
    def pieces(self) -> list[str]:
        """The character pieces of its telling words."""
        return list(dict.fromkeys(p for one in self.terms if one.content for p in grams(one.word)))


def parse(question: str, history: Sequence[str], analyzer: Analyzer) -> Query:
    """Make a query of a question; words of `history`, the latest last, are carried over."""
    written = WORD.findall(question)[:LONGEST]
    own = len(written)
    weights = [1.0] * own
    known = {fold(word) for word in written}
    weight = CARRIED
    for said in reversed(history):
        for word in WORD.findall(said)[:LONGEST]:
            if fold(word) not in known and not analyzer.is_stop(fold(word)):
                known.add(fold(word))
                written.append(word)
                weights.append(weight)
        weight *= CARRIED
    words = tuple(fold(word) for word in written)
    stems = tuple(map(analyzer.stem, words))
    only_stops = all(map(analyzer.is_stop, words))
    terms: dict[str, Term] = {}
    for word, stem, counts in zip(words, stems, weights, strict=True):
        content = only_stops or not analyzer.is_stop(word)
        terms.setdefault(stem, Term(stem, word, counts, content))
    figures = frozenset(
        fold(word)
        for place, word in enumerate(written)
        if any(map(str.isdecimal, word)) or (place and word[0].isupper())
    )
    text = " ".join([*history[-1:], question]) if history else question
    return Query(text, words, stems, tuple(terms.values()), figures, own)


def searched(query: Query, analyzer: Analyzer) -> tuple[dict[str, float], dict[str, float]]:
    """The stems and the character pieces to search for, and what each counts for.

    Words that mean much the same stand in for a word, and pieces for one that is misspelt.
    """
    stems: dict[str, float] = {}
    for term in query.terms:
        if term.content:
            for stem in analyzer.alike(term.word):
                stems[stem] = max(stems.get(stem, 0.0), SAME * term.weight)
    for term in query.terms:
        if term.content:
            stems[term.stem] = term.weight
    return stems, dict.fromkeys(query.pieces, PIECE)


def refers_back(question: str) -> bool:
    """Whether a question leans on what was said before: "e quanto custa?", "o que é isso?"."""
    folded = fold(question)
    return bool(_OPENING.match(folded) or _BACK.search(folded)) or len(WORD.findall(folded)) <= 2
