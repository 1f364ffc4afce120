"""Hidden words: which are hidden, what stands in their place, and how guesses are measured."""

import pyarrow as pa
import pytest
import torch
from tests.models.conftest import SENTENCES

from prosa.data.kinds import Kind
from prosa.tasks.masked import MASKED, mask
from prosa.tokens.examples import Rows


@pytest.fixture
def stream(encoder, tmp_path):
    table = pa.table({"text": SENTENCES})
    return MASKED.encode(table, Kind.TEXT, encoder.tokenizer, tmp_path / "frases")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_fifteen_in_a_hundred_are_asked_and_most_of_them_masked(encoder):
    tokenizer, words = encoder.tokenizer, len(encoder.tokenizer)
    ids = torch.randint(words, (400, 500), generator=generator(1))
    row = mask(ids, tokenizer, generator())
    asked = row["labels"] != -100
    text = ~torch.isin(ids, torch.tensor(tokenizer.all_special_ids))
    assert (asked & text).sum() / text.sum() == pytest.approx(0.15, abs=0.005)
    assert not (asked & ~text).any()
    assert torch.equal(row["labels"][asked], ids[asked])
    assert torch.equal(row["input_ids"][~asked], ids[~asked])
    seen = row["input_ids"][asked]
    masked, kept = seen == tokenizer.mask_token_id, seen == ids[asked]
    # One word in so many that is drawn is the mask, or the one that was there.
    drawn = 0.1 / words
    assert masked.float().mean() == pytest.approx(0.8 + drawn, abs=0.01)
    assert kept.float().mean() == pytest.approx(0.1 + drawn, abs=0.01)
    others = seen[~masked & ~kept]
    assert len(others.unique()) == words - 1  # any word but the mask


def test_the_same_generator_hides_the_same_words(encoder):
    ids = torch.randint(len(encoder.tokenizer), (8, 50), generator=generator(1))
    one, two, other = (mask(ids, encoder.tokenizer, generator(seed)) for seed in (3, 3, 4))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["labels"], other["labels"])


def test_batches_hide_other_words_every_time(encoder, stream):
    batches = MASKED.batches(stream, encoder.tokenizer, encoder.family.recipe, 32, seed=0)
    rows = batches.__getitems__(range(len(batches)))
    torch.manual_seed(0)
    first, second = batches.collate(rows), batches.collate(rows)
    assert first["input_ids"].shape == first["labels"].shape == (len(rows), 32)
    assert not torch.equal(first["labels"], second["labels"])
    torch.manual_seed(0)  # which a checkpoint keeps
    assert torch.equal(batches.collate(rows)["input_ids"], first["input_ids"])


def test_the_measure_is_that_of_the_hidden_words_and_repeats(encoder, stream):
    measured = MASKED.measure(encoder.model, encoder.tokenizer, stream)
    again = MASKED.measure(encoder.model, encoder.tokenizer, stream)
    assert measured.values == again.values
    windows = Rows(stream, encoder.model.config.max_position_embeddings)
    ids = windows.batch(range(len(windows)))["input_ids"]
    row = mask(ids, encoder.tokenizer, generator())
    with torch.no_grad():
        log_p = encoder.model(row["input_ids"]).logits.log_softmax(-1)
    asked = (row["labels"] != -100).nonzero().tolist()
    nats = [-log_p[i, j, ids[i, j]].item() for i, j in asked]
    right = [log_p[i, j].argmax() == ids[i, j] for i, j in asked]
    assert measured["tokens"] == len(asked)
    assert measured["loss"] == pytest.approx(sum(nats) / len(nats), rel=1e-4)
    assert measured["accuracy"] == pytest.approx(sum(right) / len(right))
    assert measured.bits_per_byte is None  # a pseudo-likelihood is no likelihood
    assert not encoder.model.training
