import math
from collections import Counter

from prosa.tokens.unigram import train

STEMS = [
    "ensin",
    "cant",
    "pint",
    "empat",
    "recort",
    "soprem",
    "combin",
    "tropec",
    "acab",
    "mand",
    "fech",
    "guard",
]
ENDINGS = ["ar", "ando", "asse", "amos", "aram", "aste", "ou", "ava", "em", "aria"]
WORDS = Counter({stem + end: 3 + len(stem) for stem in STEMS for end in ENDINGS})
LETTERS = sorted(set("".join(WORDS)))


def test_pieces_are_probabilities_of_frequent_parts():
    learned = dict(train(WORDS, 40, LETTERS))
    assert len(learned) == 40
    assert set(LETTERS) <= set(learned)
    assert {*STEMS, "ando", "asse", "aram"} <= set(learned)
    assert math.isclose(sum(math.exp(score) for score in learned.values()), 1, abs_tol=1e-3)


def test_the_order_of_words_does_not_matter():
    assert train(Counter(dict(reversed(WORDS.items()))), 20, LETTERS) == train(WORDS, 20, LETTERS)


def test_a_text_without_repetition_gives_its_alphabet():
    learned = dict(train(Counter({"pato": 1}), 50, LETTERS))
    assert set(LETTERS) <= set(learned)


def test_very_long_words_are_learned_in_parts():
    learned = dict(train(Counter({"ab" * 500: 1}), 10, ["a", "b"]))
    assert max(map(len, learned)) == 16
