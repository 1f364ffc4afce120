"""Recurrent families: sizes, the state they keep, padding, the loss without logits."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers.cache_utils import DynamicCache

from prosa.models.family import Sizes, SpecialIds
from prosa.models.generation import STATE
from prosa.models.loss import causal_loss, linear_cross_entropy
from prosa.models.recurrent import CELLS, RecurrentConfig, RecurrentForCausalLM
from prosa.models.registry import build, family, start_from_frequencies

WORDS = 30


def model(**settings) -> RecurrentForCausalLM:
    torch.manual_seed(1)
    sizes = {"vocab_size": WORDS, "embedding_size": 6, "hidden_size": 8, "num_hidden_layers": 2}
    return RecurrentForCausalLM(RecurrentConfig(**{**sizes, **settings})).eval()


def tokens(*shape: int) -> Tensor:
    return torch.randint(4, WORDS, shape, generator=torch.Generator().manual_seed(2))


cells = pytest.mark.parametrize("cell", list(CELLS))


def test_the_lstm_of_the_headlines_has_442_thousand_parameters():
    sizes = Sizes(embedding_size=10, hidden_size=100, layers=1)
    built = build(family("lstm"), sizes, 3580, SpecialIds(pad=0, bos=2, eos=3))
    assert built.num_parameters() == 442_180


def test_the_forget_gate_starts_open():
    bias = model(cell="lstm").rnn.bias_ih_l1
    assert bias[8:16].tolist() == [1.0] * 8
    assert bias[:8].tolist() == [0.0] * 8


@cells
def test_reading_in_two_parts_equals_reading_at_once(cell):
    lm, ids = model(cell=cell), tokens(3, 9)
    whole = lm(input_ids=ids).logits
    first = lm(input_ids=ids[:, :4], use_cache=True)
    second = lm(input_ids=ids[:, 4:], cache=first[STATE])
    assert second[STATE].get_seq_length() == 9
    torch.testing.assert_close(second.logits, whole[:, 4:])


@cells
def test_a_state_can_be_selected_repeated_and_forgotten(cell):
    lm, ids, more = model(cell=cell), tokens(2, 5), tokens(2, 2)
    cache = lm(input_ids=ids, use_cache=True)[STATE]
    cache.batch_repeat_interleave(2)
    cache.batch_select_indices(torch.tensor([2, 1]))
    swapped = lm(input_ids=more, cache=cache).logits
    expected = lm(input_ids=torch.cat([ids.flip(0), more], dim=1)).logits[:, 5:]
    torch.testing.assert_close(swapped, expected)
    cache.reset()
    assert cache.get_seq_length() == 0
    fresh = lm(input_ids=more, cache=cache).logits
    torch.testing.assert_close(fresh, lm(input_ids=more).logits)


@cells
def test_padding_anywhere_leaves_states_and_logits_alone(cell):
    lm, ids = model(cell=cell), tokens(4, 5)
    mask = torch.tensor(
        [
            [0, 0, 1, 1, 1, 1, 1],
            [1, 1, 1, 1, 1, 0, 0],
            [1, 0, 1, 1, 0, 1, 1],
            [0, 1, 1, 1, 1, 1, 0],
        ]
    )
    padded = torch.zeros_like(mask)
    padded[mask.bool()] = ids.flatten()
    alone = lm(input_ids=ids, use_cache=True)
    for use_cache in (True, False):
        together = lm(input_ids=padded, attention_mask=mask, use_cache=use_cache)
        found = together.logits[mask.bool()].view_as(alone.logits)
        torch.testing.assert_close(found, alone.logits, atol=1e-6, rtol=1e-5)
    together = lm(input_ids=padded, attention_mask=mask, use_cache=True)
    pairs = zip(together[STATE].layers, alone[STATE].layers, strict=True)
    for layer, expected in pairs:
        torch.testing.assert_close(layer.keys, expected.keys)
        torch.testing.assert_close(layer.values, expected.values)


@cells
def test_a_row_of_nothing_but_padding_keeps_its_state(cell):
    lm, ids, more = model(cell=cell), tokens(2, 4), tokens(2, 3)
    cache = lm(input_ids=ids, use_cache=True)[STATE]
    before = cache.layers[1].keys[0].clone()
    mask = torch.tensor([[0, 0, 0], [1, 1, 1]])
    lm(input_ids=more, attention_mask=mask, cache=cache)
    assert torch.equal(cache.layers[1].keys[0], before)
    empty = lm(input_ids=more, attention_mask=mask, use_cache=True)[STATE]
    assert not empty.layers[1].keys[0].any()


def test_an_empty_cache_of_another_kind_is_replaced_and_a_full_one_refused():
    lm, ids = model(), tokens(1, 3)
    out = lm(input_ids=ids, cache=DynamicCache())
    assert out[STATE].get_seq_length() == 3
    full = DynamicCache()
    full.update(torch.zeros(1, 1, 2, 4), torch.zeros(1, 1, 2, 4), 0)
    with pytest.raises(TypeError, match="the cache that this model returned"):
        lm(input_ids=ids, cache=full)


def test_a_conversation_goes_on_from_its_state():
    lm, ids = model(), tokens(1, 4)
    options = {"max_new_tokens": 4, "do_sample": False, "eos_token_id": None}
    first = lm.generate(ids, return_dict_in_generate=True, **options)
    longer = torch.cat([first.sequences, tokens(1, 3)], dim=1)
    again = lm.generate(longer, **{STATE: first[STATE]}, **options)
    assert again.tolist() == lm.generate(longer, **options).tolist()


def test_assisted_decoding_is_refused_as_a_state_cannot_be_rolled_back():
    with pytest.raises(ValueError, match="stateful"):
        model().generate(tokens(1, 3), assistant_model=model(), max_new_tokens=2)


def test_a_fresh_model_can_start_from_the_frequencies_of_words():
    lm = start_from_frequencies(model(num_hidden_layers=1), [0] * 10 + [5] * 10 + [50] * 10)
    guess = lm(input_ids=tokens(1, 8)).logits.softmax(-1).mean(dim=(0, 1))
    assert guess[20:].sum() > 0.8
    assert guess[:10].sum() < 0.05


def test_dropout_acts_in_training_with_one_layer_and_not_afterwards():
    lm, ids = model(num_hidden_layers=1, dropout=0.5), tokens(1, 6)
    assert torch.equal(lm(input_ids=ids).logits, lm(input_ids=ids).logits)
    lm.train()
    assert not torch.equal(lm(input_ids=ids).logits, lm(input_ids=ids).logits)


def test_dropout_of_words_acts_before_the_cells_and_not_on_outputs():
    lm, ids = model(embedding_dropout=0.5), tokens(1, 6)
    assert torch.equal(lm(input_ids=ids).logits, lm(input_ids=ids).logits)
    lm.train()
    assert not torch.equal(lm(input_ids=ids).logits, lm(input_ids=ids).logits)


@pytest.mark.parametrize("embedding_size", [6, 8])
def test_one_table_reads_words_and_scores_them(embedding_size, tmp_path):
    lm, ids = model(tie_word_embeddings=True, embedding_size=embedding_size), tokens(2, 6)
    assert lm.lm_head.weight is lm.embed_tokens.weight
    assert lm.embed_tokens.weight.std().item() == pytest.approx(embedding_size**-0.5, rel=0.2)
    apart = model(embedding_size=embedding_size)
    projection = 8 * 6 if embedding_size == 6 else 0
    assert lm.num_parameters() == apart.num_parameters() - WORDS * 8 + projection

    lm.save_pretrained(tmp_path)
    again = RecurrentForCausalLM.from_pretrained(tmp_path)
    assert again.lm_head.weight is again.embed_tokens.weight
    torch.testing.assert_close(again(input_ids=ids).logits, lm(input_ids=ids).logits)


def test_a_configuration_from_before_there_was_a_choice_keeps_its_meaning():
    old = {"cell": "lstm", "vocab_size": WORDS, "embedding_size": 6, "hidden_size": 8}
    lm = RecurrentForCausalLM(RecurrentConfig(**old))
    assert lm.lm_head.weight is not lm.embed_tokens.weight
    assert sorted(lm.state_dict()) == [
        "embed_tokens.weight",
        "lm_head.bias",
        "lm_head.weight",
        "rnn.bias_hh_l0",
        "rnn.bias_ih_l0",
        "rnn.weight_hh_l0",
        "rnn.weight_ih_l0",
    ]


def test_training_gives_the_loss_without_logits_and_no_state():
    lm, ids = model().train(), tokens(2, 6)
    out = lm(input_ids=ids, labels=ids)
    assert out.logits is None
    assert STATE not in out
    assert lm(input_ids=ids, labels=ids, skip_logits=False).logits.shape == (2, 6, WORDS)


def test_labels_that_all_do_not_count_give_zero():
    lm, ids = model().train(), tokens(1, 4)
    out = lm(input_ids=ids, labels=torch.full_like(ids, -100))
    out.loss.backward()
    assert out.loss.item() == 0.0


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rows", [7, 700])
def test_the_loss_and_its_gradients_equal_the_plain_ones(rows, bias):
    torch.manual_seed(3)
    hidden, weight = torch.randn(rows, 8), torch.randn(5000, 8)
    target = torch.randint(5000, (rows,))
    operands = [hidden, weight, torch.randn(5000) if bias else None]
    results = []
    for way in ("plain", "ours"):
        leaves = [None if t is None else t.clone().requires_grad_() for t in operands]
        if way == "plain":
            nats = cross_entropy(nn.functional.linear(*leaves), target, reduction="sum")
        else:
            nats = linear_cross_entropy(*leaves, target)
        (3 * nats).backward()
        results.append([nats.detach(), *(t.grad for t in leaves if t is not None)])
    for plain, ours in zip(*results, strict=True):
        torch.testing.assert_close(ours, plain, atol=1e-3, rtol=1e-4)
    with torch.no_grad():
        torch.testing.assert_close(linear_cross_entropy(*operands, target), results[0][0])


@cells
def test_the_loss_works_under_autocast(cell):
    lm, ids = model(cell=cell).train(), tokens(2, 6)
    exact = lm(input_ids=ids, labels=ids).loss
    with torch.autocast("cpu", torch.bfloat16):
        rough = lm(input_ids=ids, labels=ids).loss
    rough.backward()
    assert lm.lm_head.weight.grad.dtype == torch.float32
    assert rough.item() == pytest.approx(exact.item(), rel=0.02)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cell": "lsmt"}, "rnn, lstm, gru"),
        ({"hidden_size": 0}, "hidden_size is 0"),
        ({"hidden_size": "100"}, "hidden_size is '100'"),
        ({"num_hidden_layers": 1.5}, "num_hidden_layers is 1.5"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"embedding_dropout": -0.1}, "embedding_dropout is -0.1"),
        ({"hiden_size": 100}, "is it 'hidden_size'"),
    ],
)
def test_a_wrong_setting_is_named(settings, message):
    with pytest.raises(ValueError, match=message):
        model(**settings)


def test_a_sample_of_the_words_gives_the_loss_and_the_gradient_on_average():
    torch.manual_seed(0)
    hidden = torch.randn(1, 9, 6, requires_grad=True)
    weight, bias = torch.randn(3000, 6) / 3, torch.randn(3000) / 3
    labels = torch.randint(3000, (1, 9))
    exact = causal_loss(hidden, weight, bias, labels)
    (slope,) = torch.autograd.grad(exact, hidden)

    losses, slopes = [], []
    for _draw in range(200):
        loss = causal_loss(hidden, weight, bias, labels, sampled=True)
        losses.append(loss.detach())
        slopes.append(torch.autograd.grad(loss, hidden)[0])

    assert torch.stack(losses).std() > 0
    assert abs(torch.stack(losses).mean() - exact.detach()) < 0.01
    torch.testing.assert_close(torch.stack(slopes).mean(0), slope, atol=0.01, rtol=0.05)


def test_a_small_vocabulary_is_scored_whole():
    torch.manual_seed(0)
    hidden, weight, labels = torch.randn(1, 9, 6), torch.randn(600, 6), torch.randint(600, (1, 9))

    whole = causal_loss(hidden, weight, None, labels)

    assert causal_loss(hidden, weight, None, labels, sampled=True) == whole
