"""Missing stretches: what is left and what is gone make up the text, in order."""

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.models.conftest import SENTENCES

from prosa.data.kinds import Kind
from prosa.models.family import Recipe, Sizes, SpecialIds
from prosa.models.registry import build, family
from prosa.tasks.denoising import DENOISING, SHARE, remove_stretches
from prosa.tokens.learn import learn

SIGNS, END = list(range(100, 132)), 3


def stretches(target: list[int]) -> dict[int, list[int]]:
    """What each sign of a target stands for."""
    found: dict[int, list[int]] = {}
    for number in target:
        if number in SIGNS:
            found[number] = []
        else:
            found[list(found)[-1]].append(number)
    return found


@given(rows=st.integers(1, 3), length=st.integers(2, 400), seed=st.integers(0, 9))
def test_what_is_left_and_what_is_gone_give_the_row_back(rows, length, seed):
    ids = torch.arange(rows * length).reshape(rows, length) % 90 + 4
    batch = remove_stretches(ids, SIGNS, END, np.random.default_rng(seed))
    gone = max(1, round(SHARE * length))
    for row, source, target in zip(ids, batch["input_ids"], batch["labels"], strict=True):
        assert target[-1] == END
        found = stretches(target[:-1].tolist())
        signs = [number for number in source.tolist() if number in SIGNS]
        assert signs == list(found) == SIGNS[: len(signs)]
        back = [part for i in source.tolist() for part in found.get(i, [i])]
        assert back == row.tolist()
        assert sum(map(len, found.values())) == gone
        assert all(found.values())
        if 2 * gone < length and gone < 90:
            assert len(found) == max(1, round(gone / 3))


def test_the_same_random_numbers_take_the_same_stretches():
    ids = torch.arange(4, 84).reshape(2, 40)
    one, two, other = (
        remove_stretches(ids, SIGNS, END, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["input_ids"], other["input_ids"])
    assert one["input_ids"][0].tolist() != (one["input_ids"][1] - 40).tolist()


@pytest.fixture(scope="module")
def tokenizer():
    return learn(SENTENCES, "word", special=DENOISING.special)


@pytest.fixture
def stream(tokenizer, tmp_path):
    return DENOISING.encode(
        pa.table({"text": SENTENCES}), Kind.TEXT, tokenizer, tmp_path / "frases"
    )


def test_batches_take_other_stretches_every_time(tokenizer, stream):
    batches = DENOISING.batches(stream, tokenizer, Recipe(), 60, seed=0)
    rows = batches.__getitems__(range(len(batches)))
    torch.manual_seed(0)
    first, second = batches.collate(rows), batches.collate(rows)
    assert not torch.equal(first["input_ids"], second["input_ids"])
    torch.manual_seed(0)  # which a checkpoint keeps
    assert torch.equal(batches.collate(rows)["input_ids"], first["input_ids"])


def test_the_measure_repeats(tokenizer, stream):
    known = family("encoder-decoder")
    sizes, ids = Sizes(context=64, layers=1, hidden_size=16, heads=2), SpecialIds.of(tokenizer)
    torch.manual_seed(0)
    model = build(known, sizes, len(tokenizer), ids, DENOISING.auto)
    measured = DENOISING.measure(model, tokenizer, stream)
    assert measured.values == DENOISING.measure(model, tokenizer, stream).values
    assert measured["loss"] == pytest.approx(np.log(len(tokenizer)), rel=0.3)
    assert measured.bits_per_byte is None


def test_a_prompt_is_a_text_whose_end_is_missing(tokenizer):
    ids = DENOISING.prompt(tokenizer, "A gata subiu")
    assert tokenizer.convert_ids_to_tokens(ids) == ["A", "gata", "subiu", "<extra_id_0>"]
