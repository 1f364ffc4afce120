"""The contract of every family that writes one text from another: encoder-decoders."""

import math

import pyarrow as pa
import pytest
import torch
from torch import Tensor
from transformers import GenerationMixin, TextStreamer

from prosa.data.kinds import Kind
from prosa.models.generation import STATE
from prosa.models.pretrained import load, save
from prosa.tasks.seq2seq import SEQ2SEQ

from .conftest import PAIRS

NEW_TOKENS = 10
SOURCES = [source for source, _target in PAIRS]


def greedy(model, ids: Tensor, written: Tensor, count: int = NEW_TOKENS) -> Tensor:
    """The naive loop: read both sides again for every token of one row."""
    for _ in range(count):
        with torch.no_grad():
            best = model(input_ids=ids, decoder_input_ids=written).logits[:, -1:].argmax(-1)
        written = torch.cat([written, best], dim=1)
        if best.item() == model.generation_config.eos_token_id:
            break
    return written


def padded(paired, side: str) -> dict[str, Tensor]:
    return paired.tokenizer(SOURCES, padding=True, padding_side=side, return_tensors="pt")


@pytest.mark.parametrize("use_cache", [True, False])
@pytest.mark.parametrize("begun", ["", "th"])
def test_generate_equals_a_naive_loop(paired, begun, use_cache):
    ids, start = paired.source("a pipa"), paired.target(begun)
    options = {"max_new_tokens": NEW_TOKENS, "do_sample": False, "use_cache": use_cache}
    written = paired.model.generate(ids, decoder_input_ids=start, **options)
    assert written.tolist() == greedy(paired.model, ids, start).tolist()
    assert written.shape[1] > 4
    if not begun:
        assert paired.model.generate(ids, **options).tolist() == written.tolist()


def test_beams_agree_with_and_without_cache(paired):
    beams = {"num_beams": 4, "num_return_sequences": 3, "max_new_tokens": NEW_TOKENS}
    rows = padded(paired, "right")
    cached = paired.model.generate(**rows, **beams, use_cache=True)
    plain = paired.model.generate(**rows, **beams, use_cache=False)
    assert cached.tolist() == plain.tolist()
    assert len({tuple(row) for row in cached.tolist()}) > len(SOURCES)


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_padded_batch_equals_single_rows(paired, side):
    rows, start = padded(paired, side), paired.target("the ")
    written = paired.model.generate(**rows, max_new_tokens=NEW_TOKENS, do_sample=False)
    with torch.no_grad():
        both = {"decoder_input_ids": start.repeat(len(SOURCES), 1), **rows}
        together = paired.model(**both).logits
    for number, text in enumerate(SOURCES):
        ids = paired.source(text)
        with torch.no_grad():
            alone = paired.model(input_ids=ids, decoder_input_ids=start).logits
        torch.testing.assert_close(together[number], alone[0], atol=1e-4, rtol=1e-4)
        wanted = greedy(paired.model, ids, paired.target(""))[0].tolist()
        assert written[number].tolist()[: len(wanted)] == wanted


def test_a_saved_model_loads_with_equal_logits(paired, tmp_path):
    save(paired.model, paired.tokenizer, tmp_path)
    loaded, tokenizer = load(tmp_path)
    both = {"input_ids": paired.source("o cão"), "decoder_input_ids": paired.target("the")}
    with torch.no_grad():
        assert torch.equal(loaded(**both).logits, paired.model(**both).logits)
        half = type(paired.model).from_pretrained(tmp_path, dtype=torch.bfloat16)
        rough = half(**both).logits.float().softmax(-1)
    torch.testing.assert_close(rough, loaded(**both).logits.softmax(-1), atol=0.05, rtol=0.05)
    assert type(loaded) is type(paired.model)
    assert not loaded.training
    for name in ("eos_token_id", "pad_token_id", "decoder_start_token_id"):
        assert getattr(loaded.generation_config, name) == getattr(loaded.config, name)
    assert tokenizer("o cão")["input_ids"] == both["input_ids"][0].tolist()


def test_the_loss_falls_on_ten_pairs(paired):
    assert paired.after < 0.4 * paired.before


def test_the_loss_is_the_mean_over_the_labels_that_count(paired):
    rows, model = padded(paired, "right"), paired.model
    targets = [paired.target(target)[0, 1:] for _source, target in PAIRS]
    labels = torch.nn.utils.rnn.pad_sequence(targets, batch_first=True, padding_value=-100)
    with torch.no_grad():
        out = model(**rows, labels=labels)
        part = model(**rows, labels=labels, num_items_in_batch=100).loss
        begun = labels.masked_fill(labels == -100, model.config.pad_token_id)[:, :-1]
        read = torch.cat([paired.target("").repeat(len(labels), 1), begun], dim=1)
        logits = model(**rows, decoder_input_ids=read).logits
    torch.testing.assert_close(out.logits, logits)
    counted = labels != -100
    expected = -logits.log_softmax(-1)[counted].gather(-1, labels[counted][:, None]).mean()
    torch.testing.assert_close(out.loss, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(part, expected * counted.sum() / 100, atol=1e-5, rtol=1e-5)
    model.train()
    trained = model(**rows, labels=labels)
    trained.loss.backward()
    missing = [n for n, p in model.named_parameters() if not p.grad.abs().sum() > 0]
    model.zero_grad()
    model.eval()
    assert missing == []
    torch.testing.assert_close(trained.loss, expected, atol=1e-4, rtol=1e-4)


def test_bits_per_byte_equal_a_hand_computation(paired, tmp_path):
    table = pa.table({"source": [s for s, _ in PAIRS], "target": [t for _, t in PAIRS]})
    stream = SEQ2SEQ.encode(table, Kind.PAIR, paired.tokenizer, tmp_path / "pares")
    measured = SEQ2SEQ.measure(paired.model, paired.tokenizer, stream)
    again = SEQ2SEQ.measure(paired.model, paired.tokenizer, stream)
    end, nats, right, tokens = paired.tokenizer.eos_token_id, 0.0, 0, 0
    for source, target in PAIRS:
        wanted = [*paired.target(target)[0, 1:].tolist(), end]
        with torch.no_grad():
            out = paired.model(paired.source(source), decoder_input_ids=paired.target(target))
        log_p = out.logits[0].log_softmax(-1)
        nats -= sum(log_p[place, token].item() for place, token in enumerate(wanted))
        right += sum(log_p[place].argmax().item() == token for place, token in enumerate(wanted))
        tokens += len(wanted)
    size = sum(len(target.encode()) for _source, target in PAIRS)
    assert (measured["tokens"], measured["bytes"]) == (tokens, size)
    assert measured["bits_per_byte"] == pytest.approx(nats / math.log(2) / size, rel=1e-4)
    assert measured["loss"] == pytest.approx(nats / tokens, rel=1e-4)
    assert measured["accuracy"] == right / tokens
    assert measured.values == again.values


def test_sampling_repeats_with_its_seed_and_streams(paired, capsys):
    texts = []
    for _ in range(2):
        torch.manual_seed(7)
        ids = paired.model.generate(
            paired.source("chave"),
            max_new_tokens=6,
            do_sample=True,
            streamer=TextStreamer(paired.tokenizer),
        )
        texts.append(ids.tolist())
        assert capsys.readouterr().out.strip() == paired.tokenizer.decode(ids[0]).strip()
    assert texts[0] == texts[1]


def test_encoder_outputs_stand_for_the_source(paired):
    ids, start = paired.source("barco"), paired.target("bo")
    outputs = paired.model.get_encoder()(ids)
    with torch.no_grad():
        again = paired.model(encoder_outputs=outputs, decoder_input_ids=start).logits
        whole = paired.model(input_ids=ids, decoder_input_ids=start).logits
    torch.testing.assert_close(again, whole)
    options = {"max_new_tokens": 4, "do_sample": False}
    written = paired.model.generate(encoder_outputs=outputs, **options)
    assert written.tolist() == paired.model.generate(ids, **options).tolist()


def test_a_loop_that_loses_the_state_writes_the_same_text(paired, monkeypatch):
    if not paired.family.own:
        pytest.skip("transformers' own")
    update = GenerationMixin._update_model_kwargs_for_generation

    def lossy(self, outputs, model_kwargs, *args, **kwargs):
        model_kwargs = update(self, outputs, model_kwargs, *args, **kwargs)
        model_kwargs.pop(STATE, None)
        return model_kwargs

    ids = paired.source("a pipa")
    expected = greedy(paired.model, ids, paired.target(""))
    monkeypatch.setattr(GenerationMixin, "_update_model_kwargs_for_generation", lossy)
    written = paired.model.generate(ids, max_new_tokens=NEW_TOKENS, do_sample=False)
    assert written.tolist() == expected.tolist()


@pytest.mark.parametrize("begun", ["", "the"])
def test_a_loop_that_passes_the_last_token_without_the_state_raises(paired, monkeypatch, begun):
    if not paired.family.own:
        pytest.skip("transformers' own")

    def last(self, input_ids, encoder_outputs=None, **kwargs):
        return {"decoder_input_ids": input_ids[:, -1:], "encoder_outputs": encoder_outputs}

    monkeypatch.setattr(type(paired.model), "prepare_inputs_for_generation", last)
    more = {"decoder_input_ids": paired.target(begun)} if begun else {}
    with pytest.raises(RuntimeError, match="loses what this model has read"):
        paired.model.generate(paired.source("pão"), max_new_tokens=4, do_sample=False, **more)
