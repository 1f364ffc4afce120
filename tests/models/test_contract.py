"""The contract of every generative family: what generate, Trainer and the tools around rely on."""

import math

import pyarrow as pa
import pytest
import torch
from torch import Tensor

from prosa.data.kinds import Kind
from prosa.models.family import SpecialIds
from prosa.models.pretrained import load, save
from prosa.models.registry import stop_at

NEW_TOKENS = 16


def greedy(model, ids: Tensor, count: int) -> Tensor:
    """The naive loop: read everything again for every token."""
    stop = model.generation_config.eos_token_id
    for _ in range(count):
        with torch.no_grad():
            best = model(input_ids=ids).logits[:, -1].argmax(-1)
        ids = torch.cat([ids, best[:, None]], dim=1)
        if best.item() == stop:
            break
    return ids


@pytest.mark.parametrize("use_cache", [True, False])
@pytest.mark.parametrize("prompt", ["", "O menino"])
def test_generate_equals_a_naive_loop(trained, prompt, use_cache):
    ids = trained.encode(prompt)
    written = trained.model.generate(
        ids, max_new_tokens=NEW_TOKENS, do_sample=False, use_cache=use_cache
    )
    assert written.tolist() == greedy(trained.model, ids, NEW_TOKENS).tolist()
    assert written.shape[1] > ids.shape[1] + 2


def test_beams_agree_with_and_without_cache(trained):
    ids = trained.encode("A ")
    beams = {"num_beams": 4, "num_return_sequences": 3, "max_new_tokens": NEW_TOKENS}
    cached = trained.model.generate(ids, **beams, use_cache=True)
    plain = trained.model.generate(ids, **beams, use_cache=False)
    assert cached.tolist() == plain.tolist()


def test_a_left_padded_batch_equals_single_rows(trained):
    rows = [trained.encode(text) for text in ("O", "A gata su", "Inês ")]
    width = max(row.shape[1] for row in rows)
    ids = torch.full((len(rows), width), trained.tokenizer.pad_token_id)
    mask = torch.zeros_like(ids)
    for number, row in enumerate(rows):
        ids[number, width - row.shape[1] :] = row
        mask[number, width - row.shape[1] :] = 1
    with torch.no_grad():
        together = trained.model(input_ids=ids, attention_mask=mask).logits
        for number, row in enumerate(rows):
            alone = trained.model(input_ids=row).logits[0]
            torch.testing.assert_close(together[number, -len(alone) :], alone, atol=1e-4, rtol=1e-4)
    for use_cache in (True, False):
        written = trained.model.generate(
            ids, attention_mask=mask, max_new_tokens=8, do_sample=False, use_cache=use_cache
        )
        for number, row in enumerate(rows):
            alone = trained.model.generate(row, max_new_tokens=8, do_sample=False)
            new = written[number, width:].tolist()[: alone.shape[1] - row.shape[1]]
            assert new == alone[0, row.shape[1] :].tolist()


def test_a_saved_model_loads_with_equal_logits(trained, tmp_path):
    save(trained.model, trained.tokenizer, tmp_path)
    loaded, tokenizer = load(tmp_path)
    ids = trained.encode("Lúcia emprestou")
    with torch.no_grad():
        assert torch.equal(loaded(input_ids=ids).logits, trained.model(input_ids=ids).logits)
    assert type(loaded) is type(trained.model)
    assert not loaded.training
    assert loaded.generation_config.eos_token_id == trained.tokenizer.eos_token_id
    assert tokenizer.get_vocab() == trained.tokenizer.get_vocab()


def test_the_loss_falls_on_ten_sentences(trained):
    assert trained.after < 0.75 * trained.before


def test_the_loss_is_the_mean_over_the_labels_that_count(trained):
    ids = trained.encode("O barco voltou ao cais.").repeat(2, 1)
    labels = ids.clone()
    labels[0, :9] = -100
    with torch.no_grad():
        out = trained.model(input_ids=ids, labels=labels)
        parts = trained.model(input_ids=ids, labels=labels, num_items_in_batch=7)
    log_p = out.logits[:, :-1].log_softmax(-1)
    picked = log_p.gather(-1, ids[:, 1:, None])[..., 0]
    counted = labels[:, 1:] != -100
    expected = -picked[counted].mean()
    torch.testing.assert_close(out.loss, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(parts.loss, expected * counted.sum() / 7, atol=1e-5, rtol=1e-5)


def test_bits_per_byte_equal_a_hand_computation(trained, tmp_path):
    from prosa.measure.bits import score
    from prosa.tokens.examples import encode

    text = "Inês plantou um pé de maçã."
    stream = encode(pa.table({"text": [text]}), Kind.TEXT, trained.tokenizer, tmp_path / "dados")
    measured = score(trained.model, stream)
    ids = torch.cat([trained.encode(text), torch.tensor([[trained.tokenizer.eos_token_id]])], dim=1)
    with torch.no_grad():
        log_p = trained.model(input_ids=ids).logits[0].log_softmax(-1)
    nats = -sum(log_p[place, token].item() for place, token in enumerate(ids[0, 1:].tolist()))
    assert measured.tokens == len(text) + 1
    assert measured.bits_per_byte == pytest.approx(
        nats / math.log(2) / len(text.encode()), rel=1e-4
    )


def test_logits_to_keep_keeps_the_last_ones(trained):
    ids = trained.encode("A avó contou")
    with torch.no_grad():
        every = trained.model(input_ids=ids).logits
        last = trained.model(input_ids=ids, logits_to_keep=2).logits
    torch.testing.assert_close(last, every[:, -2:], atol=1e-5, rtol=1e-5)


def test_every_weight_that_descends_has_a_gradient(trained):
    if trained.family.learning == "count":
        pytest.skip("an n-gram is counted")
    ids = trained.encode("O padeiro assou pão.")
    trained.model.train()
    trained.model(input_ids=ids, labels=ids).loss.backward()
    missing = [n for n, p in trained.model.named_parameters() if not p.grad.abs().sum() > 0]
    trained.model.zero_grad()
    trained.model.eval()
    assert missing == []


def test_a_model_loads_in_bfloat16(trained, tmp_path):
    save(trained.model, trained.tokenizer, tmp_path)
    half = type(trained.model).from_pretrained(tmp_path, dtype=torch.bfloat16)
    ids = trained.encode("O cão dormiu em cima")
    with torch.no_grad():
        rough = half(input_ids=ids).logits.float().softmax(-1)
        exact = trained.model(input_ids=ids).logits.softmax(-1)
    torch.testing.assert_close(rough, exact, atol=0.05, rtol=0.05)
    assert half.generate(ids, max_new_tokens=4, do_sample=False).shape[1] > ids.shape[1]


def test_generation_stops_at_the_end_of_a_turn(trained):
    ids = trained.encode("O cão")
    free = trained.model.generate(ids, max_new_tokens=8, do_sample=False)[0, ids.shape[1] :]
    end = free[3].item()
    before = trained.model.generation_config
    stop_at(trained.model, SpecialIds(pad=0, bos=2, eos=3, end_of_turn=end))
    stopped = trained.model.generate(ids, max_new_tokens=8, do_sample=False)[0, ids.shape[1] :]
    trained.model.generation_config = before
    assert stopped.tolist() == free[: free.tolist().index(end) + 1].tolist()


def test_sampling_repeats_with_its_seed_and_streams(trained):
    from transformers import TextStreamer

    ids = trained.encode("A ")
    texts = []
    for _ in range(2):
        torch.manual_seed(7)
        streamer = TextStreamer(trained.tokenizer, skip_prompt=True)
        texts.append(
            trained.model.generate(
                ids, max_new_tokens=12, do_sample=True, top_k=5, top_p=0.9, streamer=streamer
            ).tolist()
        )
    assert texts[0] == texts[1]
