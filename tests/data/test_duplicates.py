"""Copies, near copies and kin are found; what only looks alike is not."""

import random

import numpy as np
import pytest

from prosa.data import duplicates
from prosa.data.duplicates import SHORT, Facet, connected, find, similarity, sketches
from prosa.data.shingles import identity, shingles, words

WORDS = [
    a + b + c for a in ("ba", "ce", "di", "lu") for b in ("ra", "nho", "zi") for c in ("do", "ção")
]


def prose(seed, length=120):
    return " ".join(random.Random(seed).choices(WORDS, k=length))


def changed(text, places):
    parts = text.split()
    for place in places:
        parts[place] = "outra"
    return " ".join(parts)


def facet(texts):
    hashes = [words(text) for text in texts]
    return Facet(
        np.array([identity(one) for one in hashes], np.uint64),
        np.array([len(one) for one in hashes], np.int32),
        sketches([shingles(one) for one in hashes]),
    )


def found(*columns, keep_short=True, order=None, near=True):
    count = len(columns[0])
    exact = np.array([hash(row) % (1 << 64) for row in zip(*columns, strict=True)], np.uint64)
    return find(
        exact,
        [facet(texts) for texts in columns],
        lambda number, row: shingles(words(columns[number][row])),
        usable=np.ones(count, bool),
        order=np.arange(count) if order is None else np.array(order),
        keep_short=keep_short,
        near=near,
    )


def test_words_are_folded():
    assert np.array_equal(words("AÇÃO, já! 2ª"), words("acao ja 2ª"))
    assert not np.array_equal(words("um dois"), words("dois um"))
    assert len(words("— …")) == 0
    assert identity(words("")) == 0
    assert identity(words("um dois")) != identity(words("dois um"))
    assert len(set(words("가나 다라 가다").tolist())) == 3


def test_a_text_longer_than_the_chunk_reads_the_same():
    text = prose(1, 200_000)
    assert len(text) > 1 << 20
    assert len(words(text)) == 200_000
    assert np.array_equal(words(text)[-5:], words(" ".join(text.split()[-5:])))
    assert len(words("x" * 3_000_000)) <= 3


def test_shingles_of_few_words():
    assert len(shingles(words("um dois três"))) == 1
    assert len(shingles(words("um dois três quatro cinco seis"))) == 2
    assert len(shingles(words(""))) == 0


def test_sketches_estimate_the_true_similarity():
    texts = [prose(0, 600), changed(prose(0, 600), range(0, 600, 60)), prose(5, 600)]
    one, other, third = (shingles(words(text)) for text in texts)
    sketch = sketches([one, other, third])
    assert similarity(one, one) == 1
    assert similarity(one, third) < 0.01
    assert (sketch[0] == sketch[1]).mean() == pytest.approx(similarity(one, other), abs=0.12)


def test_exact_copies_go_and_the_first_stays():
    texts = [prose(1), prose(2), prose(1), prose(1)]
    result = found(texts)
    assert result.exact.tolist() == [False, False, True, True]
    assert result.copy_of.tolist() == [-1, -1, 0, 0]
    assert result.group[2] == result.group[0] != result.group[1]


def test_the_preferred_copy_stays():
    assert found([prose(1), prose(1)], order=[1, 0]).exact.tolist() == [True, False]
    near = [prose(1, 400), changed(prose(1, 400), [7])]
    assert found(near, order=[1, 0]).near.tolist() == [True, False]


def test_near_copies_go_and_kin_is_grouped():
    near, kin = changed(prose(1, 400), [200]), changed(prose(1, 400), range(0, 400, 50))
    result = found([prose(1, 400), near, kin, prose(2, 400)])
    assert result.near.tolist() == [False, True, False, False]
    assert result.group[2] == result.group[0] != result.group[3]
    assert found([prose(1, 400), near], near=False).near.sum() == 0


def test_case_and_punctuation_make_a_near_copy():
    text = "O rio subiu até a segunda rua, depois até a terceira, e ninguém se queixava."
    assert found([text, text.upper().replace(",", " —")]).near.tolist() == [False, True]


def test_short_records_repeat_by_nature_and_stand_together():
    texts = ["Bom dia!", "Boa noite!", "Bom dia!", "bom dia"]
    result = found(texts)
    assert not result.exact.any()
    assert not result.near.any()
    assert result.repeats == 1
    assert result.group[0] == result.group[2] == result.group[3] != result.group[1]
    assert found(texts, keep_short=False).exact.tolist() == [False, False, True, False]


def test_a_question_with_two_answers_and_an_answer_to_two_questions():
    questions = ["O que é um token?", "O que é um token?", "Diga o que são tokens", "E a perda?"]
    answers = ["Um pedaço de texto.", "Outra coisa bem diferente.", "Um pedaço de texto.", "Sim."]
    result = found(questions, answers, keep_short=False)
    assert not (result.exact | result.near).any()
    assert result.group[0] == result.group[1] == result.group[2] != result.group[3]


def test_a_brief_answer_does_not_make_kin():
    result = found(["Chove hoje?", "Faz sol lá fora?"], ["Sim.", "Sim."], keep_short=False)
    assert result.group[0] != result.group[1]


def test_the_threshold_rises_where_all_is_alike():
    base = prose(3, 300)
    texts = [changed(base, [10 * number]) for number in range(0, 30, 2)]
    result = found(texts, near=False)
    assert result.threshold > duplicates.GROUPED
    apart = found([prose(number) for number in range(20)])
    assert apart.threshold == duplicates.GROUPED
    assert len(set(apart.group.tolist())) == 20


def test_connected():
    edges = np.array([[5, 3], [3, 1], [0, 4], [4, 4], [7, 6]])
    assert connected(8, edges).tolist() == [0, 1, 2, 1, 0, 1, 6, 6]
    assert connected(3, np.empty((0, 2), np.int64)).tolist() == [0, 1, 2]


def test_connected_follows_long_chains():
    rows = np.random.default_rng(0).permutation(2000)
    edges = np.stack([rows[:-1], rows[1:]], axis=1)
    assert not connected(2000, edges).any()


def test_nothing_and_one():
    assert len(found([]).exact) == 0
    assert found([prose(1)]).group.tolist() == [0]
    assert SHORT > 1
