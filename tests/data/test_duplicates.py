"""Copies, near copies and kin are found; what only looks alike is not."""

import random
from itertools import pairwise

import numpy as np
import pytest

from prosa.data import duplicates, signatures
from prosa.data.duplicates import Fingerprints, connected, find
from prosa.data.signatures import (
    SHORT,
    Signatures,
    identities,
    minhash,
    shingles,
    similarity,
    words,
)

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


def stored(texts, folder, cuts=()):
    hashed = words(texts)
    has = hashed.counts >= SHORT
    whole = signatures.column(minhash(shingles(hashed).only(has)), has)
    borders = [0, *cuts, len(texts)]
    columns = [whole[start:end] for start, end in pairwise(borders)]
    return Signatures(has, columns, folder / "minhash")


@pytest.fixture
def found(tmp_path):
    def search(*columns, keep_short=True, held_out=(), near=True):
        count = len(columns[0])
        exact = np.array([hash(row) % (1 << 64) for row in zip(*columns, strict=True)], np.uint64)
        held = np.zeros(count, bool)
        held[list(held_out)] = True
        texts = []
        for number, column in enumerate(columns):
            (tmp_path / str(number)).mkdir(exist_ok=True)
            made = stored(column, tmp_path / str(number))
            hashed = words(column)
            counts = hashed.counts.astype(np.int32)
            texts.append(Fingerprints(identities(hashed), counts, made, column.__getitem__))
        return find(
            exact,
            texts,
            usable=np.ones(count, bool),
            held_out=held,
            keep_short=keep_short,
            near=near,
        )

    return search


def hashes(text):
    return words([text]).hashes.tolist()


def test_words_are_folded():
    assert hashes("AÇÃO, já! 2ª") == hashes("acao ja 2ª")
    assert hashes("um dois") != hashes("dois um")
    assert hashes("um dois") == hashes("um") + hashes("dois")
    assert hashes("— …") == []
    assert len(set(hashes("가나 다라 가다"))) == 3


def test_many_texts_are_hashed_as_one_by_one():
    texts = ["", "Um dois, três.", "—", prose(1), "", "ação"]
    together = words(texts)
    assert together.counts.tolist() == [0, 3, 0, 120, 0, 1]
    assert together.hashes.tolist() == [one for text in texts for one in hashes(text)]
    assert identities(together).tolist() == [int(identities(words([text]))[0]) for text in texts]
    assert shingles(together).counts.tolist() == [0, 0, 0, 116, 0, 0]
    assert shingles(together).hashes.tolist() == shingles(words([prose(1)])).hashes.tolist()


def test_what_a_text_says():
    said = identities(words(["um dois", "dois um", "Um, dois!", "", "…"]))
    assert said[0] == said[2] != said[1]
    assert said[3] == said[4] == 0


def test_a_text_longer_than_the_chunk_reads_the_same():
    text = prose(1, 200_000)
    assert len(text) > 1 << 20
    assert len(hashes(text)) == 200_000
    assert hashes(text)[-5:] == hashes(" ".join(text.split()[-5:]))
    assert len(hashes("x" * 3_000_000)) <= 3


def test_signatures_estimate_the_true_similarity(tmp_path):
    texts = [prose(0, 600), changed(prose(0, 600), range(0, 600, 60)), prose(5, 600)]
    assert similarity(texts[0], texts[0]) == 1
    assert similarity(texts[0], texts[2]) < 0.01
    assert similarity("", "") == 0
    likeness = stored(texts, tmp_path).likeness(np.array([[0, 1], [0, 0], [0, 2]]))
    assert likeness[0] == pytest.approx(similarity(texts[0], texts[1]), abs=0.12)
    assert likeness[1] == 1
    assert likeness[2] < 0.1


def test_signatures_read_back_from_slices_and_batches(tmp_path):
    texts = [prose(n) if n % 3 else "breve" for n in range(30)]
    made = minhash(shingles(words([text for text in texts if text != "breve"])))
    again = stored(texts, tmp_path, cuts=(7, 7, 20))
    assert np.array_equal(np.stack([*again.bands()], axis=1), made)
    assert again.places(np.array([1, 2, 29])).tolist() == [0, 1, 19]
    assert again.likeness(np.array([[1, 2], [1, 1], [29, 4]]))[1] == 1
    assert again.likeness(np.empty((0, 2), np.int64)).shape == (0,)
    assert [*stored(["breve"], tmp_path).bands()] == []


def test_exact_copies_go_and_the_first_stays(found):
    texts = [prose(1), prose(2), prose(1), prose(1)]
    result = found(texts)
    assert result.exact.tolist() == [False, False, True, True]
    assert result.copy_of.tolist() == [-1, -1, 0, 0]
    assert result.group[2] == result.group[0] != result.group[1]


def test_the_preferred_copy_stays(found):
    assert found([prose(1), prose(1)], held_out=[1]).exact.tolist() == [True, False]
    near = [prose(1, 400), changed(prose(1, 400), [7])]
    assert found(near, held_out=[1]).near.tolist() == [True, False]


def test_near_copies_go_and_kin_is_grouped(found):
    near, kin = changed(prose(1, 400), [200]), changed(prose(1, 400), range(0, 400, 50))
    result = found([prose(1, 400), near, kin, prose(2, 400)])
    assert result.near.tolist() == [False, True, False, False]
    assert result.group[2] == result.group[0] != result.group[3]
    assert found([prose(1, 400), near], near=False).near.sum() == 0


def test_case_and_punctuation_make_a_near_copy(found):
    text = "O rio subiu até a segunda rua, depois até a terceira, e ninguém se queixava."
    assert found([text, text.upper().replace(",", " —")]).near.tolist() == [False, True]


def test_short_records_repeat_by_nature_and_stand_together(found):
    texts = ["Bom dia!", "Boa noite!", "Bom dia!", "bom dia"]
    result = found(texts)
    assert not result.exact.any()
    assert not result.near.any()
    assert result.repeats == 1
    assert result.group[0] == result.group[2] == result.group[3] != result.group[1]
    assert found(texts, keep_short=False).exact.tolist() == [False, False, True, False]


def test_a_short_record_that_repeats_one_held_out_goes(found):
    texts = ["Bom dia!", "Boa noite!", "Bom dia!", "bom dia", "Boa noite!"]
    result = found(texts, held_out=[2])
    assert result.exact.tolist() == [True, False, False, False, False]
    assert result.near.tolist() == [False, False, False, True, False]
    assert result.repeats == 1


def test_a_question_with_two_answers_and_an_answer_to_two_questions(found):
    questions = ["O que é um token?", "O que é um token?", "Diga o que são tokens", "E a perda?"]
    answers = ["Um pedaço de texto.", "Outra coisa bem diferente.", "Um pedaço de texto.", "Sim."]
    result = found(questions, answers, keep_short=False)
    assert not (result.exact | result.near).any()
    assert result.group[0] == result.group[1] == result.group[2] != result.group[3]


def test_a_brief_answer_does_not_make_kin(found):
    result = found(["Chove hoje?", "Faz sol lá fora?"], ["Sim.", "Sim."], keep_short=False)
    assert result.group[0] != result.group[1]


def test_the_threshold_rises_where_all_is_alike(found):
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


def test_nothing_and_one(found):
    assert len(found([]).exact) == 0
    assert found([prose(1)]).group.tolist() == [0]
    assert SHORT > 1
