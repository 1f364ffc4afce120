"""The recurrent encoder-decoder beyond the contract: its attention, and what it learns by it."""

import pytest
import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForSeq2SeqLM

from prosa.models.generation import STATE
from prosa.models.seq2seq import (
    ATTENTIONS,
    CELLS,
    Seq2SeqConfig,
    Seq2SeqForConditionalGeneration,
)

WORDS, START, END = 24, 2, 3
KINDS = [("lstm", "additive"), ("lstm", "multiplicative"), ("gru", "multiplicative")]
KINDS += [("lstm", "none"), ("gru", "none")]


def build(**settings) -> Seq2SeqForConditionalGeneration:
    torch.manual_seed(1)
    sizes = {"vocab_size": WORDS, "embedding_size": 6, "hidden_size": 8, "num_hidden_layers": 2}
    return Seq2SeqForConditionalGeneration(Seq2SeqConfig(**{**sizes, **settings})).eval()


def tokens(*shape: int, seed: int = 2) -> Tensor:
    return torch.randint(4, WORDS, shape, generator=torch.Generator().manual_seed(seed))


def reversals(rows: int, length: int, seed: int = 2) -> dict[str, Tensor]:
    """Pairs whose target is the source from its end."""
    ids = tokens(rows, length, seed=seed)
    return {
        "input_ids": ids,
        "labels": torch.cat([ids.flip(1), torch.full((rows, 1), END)], dim=1),
    }


def descend(model, batches, rate: float) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    model.train()
    for batch in batches:
        loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    model.eval()


def padded(rows: list[Tensor]) -> dict[str, Tensor]:
    """Rows in the middle of their padding."""
    width = max(len(row) for row in rows)
    ids, mask = torch.zeros(2, len(rows), width, dtype=torch.long)
    for number, row in enumerate(rows):
        start = (width - len(row)) // 2
        ids[number, start : start + len(row)] = row
        mask[number, start : start + len(row)] = 1
    return {"input_ids": ids, "attention_mask": mask}


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("cell", list(CELLS))
def test_shapes(cell, attention):
    model = build(cell=cell, attention=attention)
    ids, labels = tokens(3, 7), tokens(3, 5)
    out = model(input_ids=ids, labels=labels, output_attentions=True)
    assert out.logits.shape == (3, 5, WORDS)
    assert out.encoder_last_hidden_state.shape == (3, 7, 8)
    assert out[STATE].get_seq_length() == 5
    assert out.loss.shape == ()
    if attention == "none":
        assert out.cross_attentions is None
    else:
        (weights,) = out.cross_attentions
        assert weights.shape == (3, 1, 5, 7)
        torch.testing.assert_close(weights.sum(-1), torch.ones(3, 1, 5))
    assert model(input_ids=ids, labels=labels).cross_attentions is None
    trained = model.train()(input_ids=ids, labels=labels)
    assert trained.logits is None
    assert STATE not in trained


@pytest.mark.parametrize(("cell", "attention"), KINDS)
def test_padding_on_both_sides_changes_nothing_and_is_not_looked_at(cell, attention):
    model, rows = build(cell=cell, attention=attention), [tokens(7), tokens(3), tokens(5)]
    target = tokens(3, 4, seed=5)
    batch = padded(rows)
    together = model(**batch, decoder_input_ids=target, output_attentions=True)
    for number, row in enumerate(rows):
        alone = model(
            input_ids=row[None],
            decoder_input_ids=target[number : number + 1],
            output_attentions=True,
        )
        torch.testing.assert_close(together.logits[number], alone.logits[0], atol=1e-5, rtol=1e-4)
        if attention != "none":
            weights, counted = together.cross_attentions[0][number, 0], batch["attention_mask"]
            counted = counted[number].bool()
            assert not weights[:, ~counted].any()
            torch.testing.assert_close(
                weights[:, counted], alone.cross_attentions[0][0, 0], atol=1e-5, rtol=1e-4
            )


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_an_empty_source_gives_finite_logits_and_no_attention(attention):
    model, ids = build(attention=attention), tokens(2, 4)
    mask = torch.tensor([[0, 0, 0, 0], [1, 1, 1, 1]])
    out = model(ids, mask, decoder_input_ids=tokens(2, 3), output_attentions=True)
    assert out.logits.isfinite().all()
    if attention != "none":
        assert not out.cross_attentions[0][0].any()


def test_the_decoder_reads_in_parts_and_over_padding_as_at_once():
    model, ids, target = build(), tokens(2, 6), tokens(2, 5, seed=4)
    whole = model(input_ids=ids, decoder_input_ids=target).logits
    first = model(input_ids=ids, decoder_input_ids=target[:, :2], use_cache=True)
    second = model(input_ids=ids, decoder_input_ids=target[:, 2:], **{STATE: first[STATE]})
    torch.testing.assert_close(torch.cat([first.logits, second.logits], dim=1), whole)

    wide = torch.cat([torch.zeros(2, 2, dtype=torch.long), target], dim=1)
    mask = torch.tensor([[0, 0, 1, 1, 1, 1, 1]]).expand(2, -1)
    for use_cache in (True, False):
        out = model(ids, None, wide, mask, use_cache=use_cache)
        torch.testing.assert_close(out.logits[:, 2:], whole, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("attention", ["additive", "multiplicative"])
def test_attention_learns_to_turn_sequences_around(attention):
    model = build(attention=attention, hidden_size=32, embedding_size=16, num_hidden_layers=1)
    descend(model, (reversals(64, 5, seed=seed) for seed in range(10, 130)), rate=0.02)
    new = reversals(50, 5, seed=1)
    written = model.generate(new["input_ids"], max_new_tokens=6, do_sample=False)
    assert (written[:, 1:] == new["labels"]).float().mean() > 0.95
    (weights,) = model(**new, output_attentions=True).cross_attentions
    looks_at = weights[:, 0, :5].argmax(-1)
    assert (looks_at == torch.arange(4, -1, -1)).float().mean() > 0.9


def test_begun_targets_of_different_lengths_go_on_as_alone():
    model = build(attention="additive")
    ids = tokens(2, 5, seed=6)
    begun, mask = torch.tensor([[0, START, 7], [START, 9, 11]]), torch.tensor([[0, 1, 1], [1] * 3])
    options = {"max_new_tokens": 4, "do_sample": False}
    for use_cache in (True, False):
        written = model.generate(
            ids,
            decoder_input_ids=begun,
            decoder_attention_mask=mask,
            use_cache=use_cache,
            **options,
        )
        alone = model.generate(ids[:1], decoder_input_ids=begun[:1, 1:], **options)
        assert written[0, 1:].tolist()[: alone.shape[1]] == alone[0].tolist()


def test_generate_returns_the_attention_of_every_step():
    model = build(attention="additive")
    out = model.generate(
        tokens(2, 5), max_new_tokens=3, output_attentions=True, return_dict_in_generate=True
    )
    assert [weights.shape for (weights,) in out.cross_attentions] == [(2, 1, 1, 5)] * 3


@pytest.mark.parametrize("missing", ["input_ids", "decoder_input_ids"])
def test_a_missing_side_is_an_error(missing):
    both = {"input_ids": tokens(1, 3), "decoder_input_ids": tokens(1, 3)}
    del both[missing]
    with pytest.raises(ValueError, match="a source"):
        build()(**both)


def test_the_loss_works_under_autocast():
    for attention in ATTENTIONS:
        model, pairs = build(attention=attention).train(), reversals(2, 5)
        exact = model(**pairs).loss
        with torch.autocast("cpu", torch.bfloat16):
            rough = model(**pairs).loss
        rough.backward()
        assert model.lm_head.weight.grad.dtype == torch.float32
        assert rough.item() == pytest.approx(exact.item(), rel=0.02)


def test_both_sides_share_their_vectors_and_the_forget_gates_start_open():
    model = build()
    assert model.get_input_embeddings().weight.shape == (WORDS, 6)
    assert sum("embed" in name for name, _ in model.named_parameters()) == 1
    assert model.decoder.bias_ih_l1[8:16].tolist() == [1.0] * 8
    assert model.encoder.leftward[1].bias_ih_l0[4:8].tolist() == [1.0] * 4
    model.resize_token_embeddings(WORDS + 2)
    assert model(tokens(1, 3), labels=tokens(1, 3)).logits.shape[-1] == WORDS + 2


def test_the_auto_classes_know_it_once_registered(tmp_path):
    AutoConfig.register("prosa_seq2seq", Seq2SeqConfig, exist_ok=True)
    AutoModelForSeq2SeqLM.register(Seq2SeqConfig, Seq2SeqForConditionalGeneration, exist_ok=True)
    build().save_pretrained(tmp_path)
    assert type(AutoModelForSeq2SeqLM.from_pretrained(tmp_path)) is Seq2SeqForConditionalGeneration


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cell": "rnn"}, "lstm, gru"),
        ({"attention": "dot"}, "additive, multiplicative, none"),
        ({"hidden_size": 0}, "hidden_size is 0"),
        ({"hidden_size": 7}, "even number"),
        ({"num_hidden_layers": 1.5}, "num_hidden_layers is 1.5"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"bos_token_id": None}, "decoder_start_token_id is None"),
        ({"atention": "none"}, "is it 'attention'"),
    ],
)
def test_a_wrong_setting_is_named(settings, message):
    with pytest.raises(ValueError, match=message):
        build(**settings)
