"""Texts that are written together, come and go, and are each what they would be alone."""

from collections import Counter
from random import Random

import pytest
import torch
import transformers

from prosa.errors import InputError
from prosa.generation.batch import Batch, Row
from prosa.generation.decode import continue_ids
from prosa.generation.options import Decoding
from prosa.generation.sampling import Draw, next_tokens

from .conftest import PAIRS

WAYS = [
    Decoding(max_new_tokens=12, temperature=0),
    Decoding(max_new_tokens=25, seed=7),
    Decoding(max_new_tokens=40, seed=1, temperature=1.3, top_k=0, top_p=1),
    Decoding(max_new_tokens=90, seed=2, temperature=2, top_k=0, top_p=0.9),
    Decoding(max_new_tokens=30, seed=3, top_k=7, repetition_penalty=1.4, stop=("o",)),
    Decoding(max_new_tokens=9, seed=4, top_k=1),
]


def together(model, tokenizer, prompts, arrive):
    """Write all of them; the n-th one joins at the step `arrive[n]`."""
    batch = Batch(model, tokenizer)
    rows = [Row(ids, way) for ids, way in zip(prompts, WAYS, strict=True)]
    texts, ended = dict.fromkeys(rows, ""), set()
    for step in range(400):
        for row, when in zip(rows, arrive, strict=True):
            if when == step:
                batch.add(row)
        for row, done in batch.step():
            assert row not in ended
            texts[row] += done.text
            if done.finish:
                ended.add(row)
    assert len(ended) == len(rows)
    assert len(batch) == 0
    return list(texts.values())


@pytest.mark.parametrize("arrive", [[0] * 6, [0, 3, 3, 5, 20, 21]])
def test_a_text_is_the_same_alone_and_among_others(trained, arrive):
    texts = ["", "A gata su", "O", "Inês plantou um pé de maçã no quintal.", "O cão", "A"]
    prompts = [trained.encode(text)[0].tolist() for text in texts]
    alone = [
        "".join(continue_ids(trained.model, trained.tokenizer, ids, way))
        for ids, way in zip(prompts, WAYS, strict=True)
    ]
    assert together(trained.model, trained.tokenizer, prompts, arrive) == alone
    assert len(set(alone)) > 3


@pytest.mark.parametrize("arrive", [[0] * 6, [0, 3, 3, 5, 20, 21]])
def test_so_is_one_that_is_written_from_a_source(paired, arrive):
    prompts = [paired.source(source)[0].tolist() for source, _target in PAIRS[:6]]
    alone = [
        "".join(continue_ids(paired.model, paired.tokenizer, ids, way))
        for ids, way in zip(prompts, WAYS, strict=True)
    ]
    assert together(paired.model, paired.tokenizer, prompts, arrive) == alone


@pytest.mark.parametrize("prompt", ["", "O menino"])
def test_the_likeliest_text_is_the_one_of_transformers(trained, prompt):
    ids = trained.encode(prompt)
    written = trained.model.generate(ids, max_new_tokens=16, do_sample=False)
    text = trained.tokenizer.decode(written[0][ids.shape[1] :], skip_special_tokens=True)
    way = Decoding(max_new_tokens=16, temperature=0)
    assert "".join(continue_ids(trained.model, trained.tokenizer, ids[0].tolist(), way)) == text


def test_so_is_the_likeliest_target(paired):
    for source, _target in PAIRS:
        ids = paired.source(source)
        written = paired.model.generate(ids, max_new_tokens=16, do_sample=False)
        text = paired.tokenizer.decode(written[0], skip_special_tokens=True)
        way = Decoding(max_new_tokens=16, temperature=0)
        pieces = continue_ids(paired.model, paired.tokenizer, ids[0].tolist(), way)
        assert "".join(pieces) == text


def test_a_text_that_is_dropped_leaves_the_others_as_they_are(trained):
    prompts = [trained.encode(text)[0].tolist() for text in ("O menino", "A", "Inês")]
    batch = Batch(trained.model, trained.tokenizer)
    rows = [Row(ids, Decoding(max_new_tokens=20, seed=5)) for ids in prompts]
    for row in rows:
        batch.add(row)
    texts = dict.fromkeys(rows, "")

    def step():
        for row, done in batch.step():
            texts[row] += done.text

    step()
    batch.drop(rows[0])
    batch.drop(rows[0])
    batch.add(rows[0])
    batch.drop(rows[0])
    while len(batch):
        step()
    alone = [
        "".join(continue_ids(trained.model, trained.tokenizer, row.ids[:size], row.options))
        for row, size in zip(rows, map(len, prompts), strict=True)
    ]
    assert list(texts.values())[1:] == alone[1:]
    assert texts[rows[0]] == alone[0][: len(texts[rows[0]])] != alone[0]


def test_scores_are_those_of_the_model(trained):
    ids = trained.encode("O menino")
    row = Row(ids[0].tolist(), Decoding(max_new_tokens=3, temperature=1.5, seed=0), top=4)
    batch = Batch(trained.model, trained.tokenizer)
    batch.add(row)
    [(_, step)] = batch.step()
    with torch.no_grad():
        logprobs = trained.model(input_ids=ids).logits[0, -1].log_softmax(0)
    assert step.scored.logprob == pytest.approx(logprobs[step.scored.token].item(), abs=1e-4)
    assert [p for _t, p in step.scored.top] == pytest.approx(
        logprobs.topk(4).values.tolist(), abs=1e-4
    )


def test_a_prompt_that_fills_the_context_is_refused(every_trained):
    decoder = next(one for one in every_trained if one.family.name == "decoder")
    with pytest.raises(InputError, match="context is 64"):
        Batch(decoder.model, decoder.tokenizer).add(Row([5] * 64, Decoding()))


def drawn(options, count=4000, words=6):
    logits = torch.tensor([[2.0, 1.5, 1.0, 0.0, -1.0, 3.0]])[:, :words]
    random, never = Random(0), torch.tensor([5] if words > 5 else [], dtype=torch.long)
    draws = [Draw(options, random, [0]) for _ in range(count)]
    return Counter(next_tokens(logits.expand(count, -1), draws, never))


def test_words_come_as_often_as_they_are_probable():
    shares = torch.tensor([2.0, 1.5, 1.0, 0.0, -1.0]).div(0.7).softmax(0).tolist()
    counts = drawn(Decoding(temperature=0.7, top_k=0, top_p=1))
    assert 5 not in counts
    for word, share in enumerate(shares):
        assert counts[word] / 4000 == pytest.approx(share, abs=0.025)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (Decoding(top_k=2, top_p=1), {0, 1}),
        (Decoding(top_k=0, top_p=0.5, temperature=1), {0, 1}),
        (Decoding(top_k=0, top_p=0.01), {0}),
        (Decoding(top_k=4, top_p=0.9, temperature=1), {0, 1, 2}),
        (Decoding(temperature=1e-300), {0}),
        (Decoding(top_k=1, repetition_penalty=10), {1}),
        (Decoding(top_k=500, top_p=1, temperature=10), {0, 1, 2, 3, 4}),
    ],
)
def test_only_words_that_are_kept_are_drawn(options, words):
    assert set(drawn(options)) == words


def foreign(kind):
    """A small model of another maker's architecture, with fresh weights."""
    shared = {"vocab_size": 40, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": None}
    narrow = {"hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2}
    narrow |= {"num_hidden_layers": 2, "num_key_value_heads": 1, "head_dim": 8}
    both = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2}
    both |= {"decoder_attention_heads": 2, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16}
    sizes = {
        "GPT2": {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64},
        "Gemma3Text": {**narrow, "sliding_window": 5, "max_position_embeddings": 64},
        "Mistral": {**narrow, "sliding_window": 4, "max_position_embeddings": 64},
        "Bloom": {"hidden_size": 16, "n_layer": 2, "n_head": 2},
        "Mamba": {"hidden_size": 16, "num_hidden_layers": 2, "state_size": 4},
        "Bart": {**both, "max_position_embeddings": 64, "forced_eos_token_id": None},
        "Marian": {**both, "max_position_embeddings": 64, "forced_eos_token_id": None},
    }[kind]
    config = getattr(transformers, f"{kind}Config")(**shared, **sizes)
    if config.is_encoder_decoder:
        config.decoder_start_token_id = 2
    torch.manual_seed(0)
    auto = "Seq2SeqLM" if config.is_encoder_decoder else "CausalLM"
    model = getattr(transformers, f"AutoModelFor{auto}").from_config(config).eval()
    for parameter in model.parameters():  # fresh weights are so small that all words are alike
        torch.nn.init.normal_(parameter, std=0.3)
    return model


@pytest.mark.parametrize(
    "kind",
    [
        *("GPT2", "Gemma3Text", "Bart"),
        *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("Mistral", "Bloom", "Mamba")),
        pytest.param("Marian", marks=pytest.mark.slow),
    ],
)
def test_models_of_other_makers_are_written_with_too(kind, tokenizer):
    model = foreign(kind)
    prompts = [[2, *range(5, 5 + length)] for length in (1, 9, 4, 17, 2, 6)]
    alone = [
        "".join(continue_ids(model, tokenizer, ids, way))
        for ids, way in zip(prompts, WAYS, strict=True)
    ]
    assert together(model, tokenizer, prompts, [0, 3, 3, 5, 20, 21]) == alone
    never = [0, 1] if model.config.is_encoder_decoder else [0, 1, 2]
    for ids in prompts:
        written = model.generate(
            torch.tensor([ids]), max_new_tokens=14, do_sample=False, suppress_tokens=[*never, 2]
        )[0]
        begun = 1 if model.config.is_encoder_decoder else len(ids)
        text = tokenizer.decode(written[begun:], skip_special_tokens=True)
        way = Decoding(max_new_tokens=14, temperature=0)
        assert "".join(continue_ids(model, tokenizer, ids, way)) == text
