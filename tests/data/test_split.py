"""Splits keep groups whole, obey the seed, and do not depend on the order of the rows."""

import numpy as np
import pytest

from prosa.data.split import TEST, TRAIN, VALIDATION, Shares, assign, cut_texts


def keys(count):
    return np.random.default_rng(7).integers(1, 1 << 63, count, dtype=np.uint64)


def deal(group, shares=Shares(), seed=0, codes=None, hashes=None):  # noqa: B008
    group = np.asarray(group)
    hashes = keys(len(group)) if hashes is None else hashes
    codes = np.full(len(group), TRAIN, np.int8) if codes is None else codes
    return assign(group, hashes, shares, seed, codes)


def counts(codes):
    return [int((codes == side).sum()) for side in (TRAIN, VALIDATION, TEST)]


def test_default_shares():
    assert counts(deal(np.arange(1000))) == [765, 85, 150]


def test_shares_asked_for():
    assert counts(deal(np.arange(100), Shares(validation=0.1, test=0))) == [90, 10, 0]
    assert counts(deal(np.arange(100), Shares(validation=0, test=0.2))) == [80, 0, 20]
    assert counts(deal(np.arange(100), Shares(validation=0, test=0))) == [100, 0, 0]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_handful_all_trains(count):
    assert counts(deal(np.arange(count))) == [count, 0, 0]


def test_groups_stay_whole():
    group = np.repeat(np.arange(200), 5)
    codes = deal(group)
    assert all(len(set(codes[group == one].tolist())) == 1 for one in range(200))
    assert counts(codes) == [765, 85, 150]


def test_a_group_too_large_to_hold_out_trains():
    group = np.r_[np.zeros(60, int), np.arange(1, 41)]
    codes = deal(group)
    assert (codes[:60] == TRAIN).all()
    assert counts(codes)[2] == 15


def test_seed():
    codes = [deal(np.arange(500), seed=seed) for seed in (1, 1, 2)]
    assert np.array_equal(codes[0], codes[1])
    assert not np.array_equal(codes[0], codes[2])


def test_the_order_of_the_rows_does_not_matter():
    group, hashes = np.repeat(np.arange(100), 3), keys(300)
    order = np.random.default_rng(1).permutation(300)
    codes = deal(group, hashes=hashes)
    assert np.array_equal(deal(group[order], hashes=hashes[order]), codes[order])


def test_fixed_codes_stay():
    codes = np.full(100, TRAIN, np.int8)
    codes[:10] = TEST
    dealt = deal(np.arange(100), Shares(validation=0.1, test=0), codes=codes)
    assert (dealt[:10] == TEST).all()
    assert counts(dealt) == [81, 9, 10]


def test_a_running_text_is_cut_behind_lines():
    text = "".join(f"Esta é a linha de número {number}.\n" for number in range(1000))
    parts = cut_texts([text], Shares(validation=0.1, test=0.15))
    assert "\n".join(parts["train"] + parts["validation"] + parts["test"]) + "\n" == text
    assert len(parts["test"][0]) == pytest.approx(0.15 * len(text), abs=40)
    assert len(parts["validation"][0]) == pytest.approx(0.085 * len(text), abs=40)
    assert all(part[0].startswith("Esta é") for part in parts.values())


def test_a_cut_prefers_a_paragraph_close_by():
    text = ("A casa era amarela.\n" * 9 + "A rua era de terra.\n\n") * 60
    parts = cut_texts([text], Shares(validation=0, test=0.5))
    assert parts["train"][0].endswith("terra.")


def test_a_text_without_lines_is_cut_between_words():
    parts = cut_texts(["palavra " * 5000], Shares(validation=0.1, test=0.1))
    for part in parts.values():
        assert set(part[0].split()) == {"palavra"}


def test_several_texts_are_cut_as_one():
    texts = [f"Texto {number}. " + "Mais uma frase.\n" * 100 for number in range(4)]
    parts = cut_texts(texts, Shares(validation=0, test=0.25))
    assert [len(parts[name]) for name in ("train", "validation", "test")] == [3, 0, 1]
    assert parts["test"][0].startswith("Texto 3.")


def test_nothing_held_out_of_a_running_text():
    assert cut_texts(["Só um texto."], Shares(0, 0)) == {
        "train": ["Só um texto."],
        "validation": [],
        "test": [],
    }
