"""Sizes are checked where they come in, and a model's cost is known without building it."""

import subprocess
import sys

import pytest

from prosa.errors import InputError
from prosa.models.family import Sizes, SpecialIds
from prosa.models.registry import REGISTRY, build, estimate, family, family_of
from prosa.models.sizes import check, complete, fitting_heads
from prosa.tasks.task import task

IDS = SpecialIds(pad=0, bos=2, eos=3)
DESCENDING = [name for name in REGISTRY if family(name).learning == "descend"]


@pytest.mark.parametrize(
    ("sizes", "parts"),
    [
        ({"hidden_size": 0}, ["--hidden-size is 0", "whole number from 1"]),
        ({"layers": 2.5}, ["--layers is 2.5"]),
        ({"context": 1}, ["--context is 1", "from 2"]),
        ({"dropout": 1}, ["--dropout is 1", "0 to below 1"]),
        ({"dropout": "x"}, ["--dropout is x"]),
        ({"order": 0}, ["--order is 0"]),
        ({"heads": True}, ["--heads is True"]),
    ],
)
def test_a_size_out_of_range_names_its_flag(sizes, parts):
    with pytest.raises(InputError) as error:
        check(Sizes(**sizes))
    assert all(part in str(error.value) for part in parts)


def test_heads_that_do_not_fit_say_what_would():
    with pytest.raises(InputError) as error:
        complete(family("decoder"), Sizes(hidden_size=100, heads=3))
    message = str(error.value)
    assert "--hidden-size 100 cannot be shared out among --heads 3" in message
    assert "--heads 1, 2, 5, 10, 25, 50" in message
    assert "--hidden-size 96 or 102" in message


def test_an_odd_width_has_no_heads():
    with pytest.raises(InputError, match="even"):
        complete(family("decoder"), Sizes(hidden_size=101, heads=1))
    with pytest.raises(InputError, match="even"):
        build(family("decoder"), Sizes(hidden_size=101), 50, IDS)


@pytest.mark.parametrize(
    ("width", "heads"), [(128, 4), (100, 2), (192, 6), (64, 2), (2, 1), (202, 1)]
)
def test_heads_are_chosen_to_fit_the_width(width, heads):
    assert fitting_heads(width) == heads
    assert complete(family("decoder"), Sizes(hidden_size=width)).heads == heads


@pytest.mark.parametrize(
    ("name", "sizes", "flag"),
    [
        ("lstm", Sizes(order=3), "--order"),
        ("lstm", Sizes(heads=2), "--heads"),
        ("decoder", Sizes(embedding_size=8), "--embedding-size"),
        ("ngram", Sizes(layers=2), "--layers"),
    ],
)
def test_a_size_that_means_nothing_to_a_family_is_refused(name, sizes, flag):
    with pytest.raises(InputError, match=f"{flag} means nothing to the family {name}"):
        complete(family(name), sizes)


def test_chosen_sizes_win_over_the_defaults():
    sizes = complete(family("lstm"), Sizes(hidden_size=7, dropout=0.0))
    assert (sizes.hidden_size, sizes.dropout) == (7, 0.0)
    assert sizes.embedding_size == family("lstm").sizes[0].embedding_size


def test_an_unknown_family_is_answered_with_those_there_are():
    with pytest.raises(
        InputError, match="ngram, rnn, lstm, gru, seq2seq, decoder, encoder, encoder-decoder"
    ):
        family("bert")


@pytest.mark.parametrize("name", DESCENDING)
def test_an_estimate_counts_the_parameters_that_are_built(name):
    sizes = Sizes(context=32, layers=2, hidden_size=24)
    auto = task(family(name).tasks[0]).auto
    built = build(family(name), sizes, 77, IDS, auto)
    cost = estimate(name, sizes, 77, auto)
    assert cost.parameters == built.num_parameters()
    assert cost.flops_per_token > 6 * 24 * 77


@pytest.mark.parametrize("name", DESCENDING)
def test_a_configuration_tells_its_family(name):
    auto = task(family(name).tasks[0]).auto
    config = build(family(name), Sizes(layers=1, hidden_size=8), 20, IDS, auto).config
    assert family_of(config.to_dict()) is family(name)


def test_other_models_have_no_family_here():
    assert family_of({"model_type": "gpt2"}) is None
    assert family_of({}) is None


def test_decoder_dropout_acts_in_training_only(tmp_path):
    import torch

    from prosa.models.transformer import with_dropout

    lm = build(family("decoder"), Sizes(layers=1, hidden_size=8, dropout=0.5), 20, IDS)
    ids = torch.tensor([[4, 5, 6]])
    with torch.no_grad():
        assert not torch.equal(lm.train()(ids).logits, lm(ids).logits)
        quiet = lm.eval()(ids).logits
        assert torch.equal(quiet, lm(ids).logits)
    lm.save_pretrained(tmp_path)
    again = with_dropout(type(lm).from_pretrained(tmp_path))
    with torch.no_grad():
        assert not torch.equal(again.train()(ids).logits, again(ids).logits)


def test_names_are_there_without_torch():
    code = "import sys, prosa.models.registry as m; print(*m.REGISTRY); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "transformers", "numpy"} & set(done.stdout.split())
