"""The recurrent encoder-decoder: what it learns, its attention, padding, writing and saving."""

import subprocess
import sys

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import AutoConfig, AutoModelForSeq2SeqLM, GenerationMixin, TextStreamer

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


def descend(model, batches, rate: float = 0.01) -> list[float]:
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    losses = []
    model.train()
    for batch in batches:
        loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    model.eval()
    return losses


_learned: dict[tuple[str, str], tuple[Seq2SeqForConditionalGeneration, list[float]]] = {}


def learned(cell: str, attention: str) -> tuple[Seq2SeqForConditionalGeneration, list[float]]:
    """A small model that has seen ten pairs often, made once, and its losses."""
    if (cell, attention) not in _learned:
        model = build(cell=cell, attention=attention, hidden_size=24, embedding_size=12)
        losses = descend(model, [reversals(10, 5)] * 40)
        _learned[cell, attention] = model, losses
    return _learned[cell, attention]


def greedy(model, ids: Tensor, count: int) -> list[int]:
    """The naive loop: read everything again for every token of one row."""
    written = torch.tensor([[START]])
    for _ in range(count):
        with torch.no_grad():
            out = model(input_ids=ids, decoder_input_ids=written)
        written = torch.cat([written, out.logits[:, -1:].argmax(-1)], dim=1)
        if written[0, -1] == END:
            break
    return written[0].tolist()


def padded(rows: list[Tensor], side: str) -> dict[str, Tensor]:
    width = max(len(row) for row in rows)
    ids, mask = torch.zeros(len(rows), width, dtype=torch.long), []
    for number, row in enumerate(rows):
        free = width - len(row)
        start = free if side == "left" else free // 2 if side == "both" else 0
        ids[number, start : start + len(row)] = row
        mask.append([int(start <= place < start + len(row)) for place in range(width)])
    return {"input_ids": ids, "attention_mask": torch.tensor(mask)}


every_kind = pytest.mark.parametrize(("cell", "attention"), KINDS)


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


def test_the_loss_is_the_mean_over_the_labels_that_count():
    model, ids, labels = build(), tokens(2, 6), tokens(2, 5, seed=3)
    labels[0, 3:] = -100
    out = model(input_ids=ids, labels=labels)
    read = torch.cat([torch.full((2, 1), START), labels[:, :-1].clamp_min(0)], dim=1)
    torch.testing.assert_close(out.logits, model(input_ids=ids, decoder_input_ids=read).logits)
    log_p = out.logits.log_softmax(-1).gather(-1, labels.clamp_min(0)[..., None])[..., 0]
    expected = -log_p[labels != -100].mean()
    torch.testing.assert_close(out.loss, expected)
    part = model(input_ids=ids, labels=labels, num_items_in_batch=10).loss
    torch.testing.assert_close(part, expected * 8 / 10)
    model.train()
    trained = model(input_ids=ids, labels=labels)
    assert trained.logits is None
    assert STATE not in trained
    torch.testing.assert_close(trained.loss, expected)


@every_kind
@pytest.mark.parametrize("side", ["left", "right", "both"])
def test_padding_of_the_source_changes_nothing(cell, attention, side):
    model, rows = build(cell=cell, attention=attention), [tokens(7), tokens(3), tokens(5)]
    target = tokens(3, 4, seed=5)
    batch = padded(rows, side)
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


@every_kind
def test_the_loss_falls_on_ten_pairs(cell, attention):
    _, losses = learned(cell, attention)
    assert losses[-1] < 0.7 * losses[0]


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


@every_kind
@pytest.mark.parametrize("use_cache", [True, False])
def test_generate_equals_a_naive_loop(cell, attention, use_cache):
    model, _ = learned(cell, attention)
    ids = tokens(1, 6, seed=9)
    written = model.generate(ids, max_new_tokens=8, do_sample=False, use_cache=use_cache)
    assert written[0].tolist() == greedy(model, ids, 8)
    assert written.shape[1] > 3


@every_kind
def test_beams_agree_with_and_without_cache(cell, attention):
    model, _ = learned(cell, attention)
    batch = padded([tokens(6, seed=7), tokens(4, seed=8)], "right")
    beams = {"num_beams": 4, "num_return_sequences": 3, "max_new_tokens": 7}
    cached = model.generate(**batch, **beams, use_cache=True)
    plain = model.generate(**batch, **beams, use_cache=False)
    assert cached.tolist() == plain.tolist()
    assert len({tuple(row) for row in cached.tolist()}) > 2


@every_kind
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_padded_batch_writes_what_single_rows_do(cell, attention, side):
    model, _ = learned(cell, attention)
    rows = [tokens(length, seed=length) for length in (2, 6, 4)]
    written = model.generate(**padded(rows, side), max_new_tokens=7, do_sample=False)
    for number, row in enumerate(rows):
        alone = greedy(model, row[None], 7)
        assert written[number].tolist()[: len(alone)] == alone


def test_a_target_can_be_begun():
    model, _ = learned("lstm", "multiplicative")
    ids, begun = tokens(1, 5, seed=6), torch.tensor([[START, 9, 11]])
    for use_cache in (True, False):
        options = {"max_new_tokens": 4, "do_sample": False, "use_cache": use_cache}
        written = model.generate(ids, decoder_input_ids=begun, **options)
        unstarted = model.generate(ids, decoder_input_ids=begun[:, 1:], **options)
        assert written[:, :3].tolist() == begun.tolist()
        assert written.tolist() == unstarted.tolist()
        with torch.no_grad():
            best = model(input_ids=ids, decoder_input_ids=written[:, :-1]).logits.argmax(-1)
        assert best[0, 2:].tolist() == written[0, 3:].tolist()


def test_begun_targets_of_different_lengths_go_on_as_alone():
    model, _ = learned("lstm", "additive")
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


def test_sampling_repeats_with_its_seed_and_streams(tokenizer, capsys):
    model, _ = learned("lstm", "multiplicative")
    texts = []
    for _ in range(2):
        torch.manual_seed(7)
        ids = model.generate(
            tokens(1, 5), max_new_tokens=6, do_sample=True, streamer=TextStreamer(tokenizer)
        )
        texts.append(ids.tolist())
        assert capsys.readouterr().out.strip() == tokenizer.decode(ids[0]).strip()
    assert texts[0] == texts[1]


def test_generate_returns_the_attention_of_every_step():
    model, _ = learned("lstm", "additive")
    out = model.generate(
        tokens(2, 5), max_new_tokens=3, output_attentions=True, return_dict_in_generate=True
    )
    assert [weights.shape for (weights,) in out.cross_attentions] == [(2, 1, 1, 5)] * 3


def test_encoder_outputs_stand_for_the_source():
    model, ids = build(), tokens(2, 5)
    outputs = model.get_encoder()(ids)
    again = model(encoder_outputs=outputs, decoder_input_ids=tokens(2, 3)).logits
    plain = model(encoder_outputs=(outputs[0],), decoder_input_ids=tokens(2, 3)).logits
    whole = model(input_ids=ids, decoder_input_ids=tokens(2, 3)).logits
    assert torch.equal(again, whole)
    assert torch.equal(plain, whole)
    options = {"max_new_tokens": 4, "do_sample": False}
    written = model.generate(encoder_outputs=outputs, **options)
    assert written.tolist() == model.generate(ids, **options).tolist()


@pytest.mark.parametrize("missing", ["input_ids", "decoder_input_ids"])
def test_a_missing_side_is_an_error(missing):
    both = {"input_ids": tokens(1, 3), "decoder_input_ids": tokens(1, 3)}
    del both[missing]
    with pytest.raises(ValueError, match="a source"):
        build()(**both)


def test_a_loop_that_loses_the_state_writes_the_same_text(monkeypatch):
    model, _ = learned("lstm", "multiplicative")
    ids = tokens(1, 6, seed=9)
    update = GenerationMixin._update_model_kwargs_for_generation

    def lossy(self, outputs, model_kwargs, *args, **kwargs):
        model_kwargs = update(self, outputs, model_kwargs, *args, **kwargs)
        model_kwargs.pop(STATE, None)
        return model_kwargs

    expected = greedy(model, ids, 8)
    monkeypatch.setattr(GenerationMixin, "_update_model_kwargs_for_generation", lossy)
    assert model.generate(ids, max_new_tokens=8, do_sample=False)[0].tolist() == expected


@pytest.mark.parametrize("begun", [None, [[START, 9, 11]]])
def test_a_loop_that_passes_the_last_token_without_the_state_raises(monkeypatch, begun):
    model, _ = learned("lstm", "multiplicative")

    def last(self, input_ids, encoder_outputs=None, **kwargs):
        return {"decoder_input_ids": input_ids[:, -1:], "encoder_outputs": encoder_outputs}

    monkeypatch.setattr(type(model), "prepare_inputs_for_generation", last)
    more = {} if begun is None else {"decoder_input_ids": torch.tensor(begun)}
    with pytest.raises(RuntimeError, match="loses what this model has read"):
        model.generate(tokens(1, 5), max_new_tokens=4, do_sample=False, **more)


@every_kind
def test_a_saved_model_loads_with_equal_logits(cell, attention, tmp_path):
    model, _ = learned(cell, attention)
    model.save_pretrained(tmp_path)
    loaded = Seq2SeqForConditionalGeneration.from_pretrained(tmp_path)
    both = {"input_ids": tokens(2, 5), "decoder_input_ids": tokens(2, 4)}
    with torch.no_grad():
        assert torch.equal(loaded(**both).logits, model(**both).logits)
    assert not loaded.training
    assert loaded.config.decoder_start_token_id == START


def test_a_model_loads_in_bfloat16(tmp_path):
    model, _ = learned("lstm", "additive")
    model.save_pretrained(tmp_path)
    half = Seq2SeqForConditionalGeneration.from_pretrained(tmp_path, dtype=torch.bfloat16)
    both = {"input_ids": tokens(2, 5), "decoder_input_ids": tokens(2, 4)}
    with torch.no_grad():
        rough = half(**both).logits.float().softmax(-1)
        torch.testing.assert_close(rough, model(**both).logits.softmax(-1), atol=0.05, rtol=0.05)
    assert half.generate(both["input_ids"], max_new_tokens=4).shape[0] == 2


def test_the_loss_works_under_autocast():
    for attention in ATTENTIONS:
        model, pairs = build(attention=attention).train(), reversals(2, 5)
        exact = model(**pairs).loss
        with torch.autocast("cpu", torch.bfloat16):
            rough = model(**pairs).loss
        rough.backward()
        assert model.lm_head.weight.grad.dtype == torch.float32
        assert rough.item() == pytest.approx(exact.item(), rel=0.02)


@every_kind
def test_every_weight_has_a_gradient(cell, attention):
    model = build(cell=cell, attention=attention).train()
    model(**reversals(3, 5)).loss.backward()
    missing = [n for n, p in model.named_parameters() if not p.grad.abs().sum() > 0]
    assert missing == []


def test_both_sides_share_their_vectors_and_the_forget_gates_start_open():
    model = build()
    assert model.get_input_embeddings().weight.shape == (WORDS, 6)
    assert sum("embed" in name for name, _ in model.named_parameters()) == 1
    assert model.decoder.bias_ih_l1[8:16].tolist() == [1.0] * 8
    assert model.encoder.leftward[1].bias_ih_l0[4:8].tolist() == [1.0] * 4
    model.resize_token_embeddings(WORDS + 2)
    assert model(tokens(1, 3), labels=tokens(1, 3)).logits.shape[-1] == WORDS + 2


FRESH = """
import sys
sys.modules["prosa"] = None  # as on a machine where it is not installed
import torch
from safetensors.torch import load_file
from transformers import AutoModelForSeq2SeqLM
folder = sys.argv[1]
model = AutoModelForSeq2SeqLM.from_pretrained(folder, trust_remote_code=True)
known = load_file(folder + "/known.safetensors")
with torch.no_grad():
    logits = model(input_ids=known["ids"], labels=known["ids"]).logits
assert torch.allclose(logits, known["logits"], atol=1e-5)
for beams in (1, 3):
    new = model.generate(known["ids"], max_new_tokens=8, num_beams=beams, do_sample=False)
    assert torch.equal(new, known[f"beams{beams}"])
model.save_pretrained(folder + "/again")
AutoModelForSeq2SeqLM.from_pretrained(folder + "/again", trust_remote_code=True)
print("loaded")
"""


def test_plain_transformers_loads_and_generates_in_a_fresh_process(tmp_path, offline_home):
    model, _ = learned("lstm", "additive")
    folder, ids = tmp_path / "model", tokens(2, 5)
    model.save_pretrained(folder)
    with torch.no_grad():
        known = {"ids": ids, "logits": model(input_ids=ids, labels=ids).logits.contiguous()}
    for beams in (1, 3):
        written = model.generate(ids, max_new_tokens=8, num_beams=beams, do_sample=False)
        known[f"beams{beams}"] = written.contiguous()
    save_file(known, folder / "known.safetensors")
    done = subprocess.run(
        [sys.executable, "-c", FRESH, str(folder)],
        env=offline_home,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "loaded" in done.stdout


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
