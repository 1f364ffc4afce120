"""What `generate` of another version of transformers may do to the state: no text goes wrong."""

import pytest
import torch
from tests.models.test_contract import greedy
from transformers import GenerationMixin, PreTrainedModel

from prosa.models import generation
from prosa.models.generation import OVERRIDDEN, STATE
from prosa.models.recurrent import RecurrentForCausalLM


def forgets(kwargs):
    kwargs.pop(STATE, None)


def renames(kwargs):
    kwargs["zustand"] = kwargs.pop(STATE, None)


@pytest.mark.parametrize("version", [forgets, renames])
@pytest.mark.parametrize("prompt", ["", "O me"])
def test_a_loop_that_loses_the_state_writes_the_same_text(trained, monkeypatch, version, prompt):
    if not trained.family.own:
        pytest.skip("transformers' own")
    ids = trained.encode(prompt)
    expected = greedy(trained.model, ids, 12).tolist()
    beams = trained.model.generate(ids, num_beams=3, max_new_tokens=8).tolist()
    update = GenerationMixin._update_model_kwargs_for_generation

    def lossy(self, outputs, model_kwargs, *args, **kwargs):
        model_kwargs = update(self, outputs, model_kwargs, *args, **kwargs)
        version(model_kwargs)
        return model_kwargs

    monkeypatch.setattr(GenerationMixin, "_update_model_kwargs_for_generation", lossy)
    written = trained.model.generate(ids, max_new_tokens=12, do_sample=False)
    assert written.tolist() == expected
    assert trained.model.generate(ids, num_beams=3, max_new_tokens=8).tolist() == beams


@pytest.mark.parametrize("mask", ["whole", "cut", "none"])
@pytest.mark.parametrize("prompt", ["", "O me"])
def test_a_loop_that_passes_the_last_token_without_the_state_raises(
    trained, monkeypatch, prompt, mask
):
    if not trained.family.own:
        pytest.skip("transformers' own")

    def last(self, input_ids, attention_mask=None, is_first_iteration=False, **kwargs):
        ids = input_ids if is_first_iteration else input_ids[:, -1:]
        masks = {"whole": torch.ones_like(input_ids), "cut": torch.ones_like(ids), "none": None}
        return {"input_ids": ids, "attention_mask": masks[mask]}

    monkeypatch.setattr(type(trained.model), "prepare_inputs_for_generation", last)
    with pytest.raises(RuntimeError, match="loses what this model has read"):
        trained.model.generate(trained.encode(prompt), max_new_tokens=4, do_sample=False)


def test_a_loop_that_passes_the_last_token_with_the_mask_of_all_raises(trained, monkeypatch):
    if not trained.family.own:
        pytest.skip("transformers' own")
    prepare = type(trained.model).prepare_inputs_for_generation

    def short(self, input_ids, **kwargs):
        kwargs.pop(STATE, None)
        return prepare(self, input_ids[:, -1:], **kwargs)

    monkeypatch.setattr(type(trained.model), "prepare_inputs_for_generation", short)
    with pytest.raises(RuntimeError, match="loses what this model has read"):
        trained.model.generate(trained.encode("O me"), max_new_tokens=4, do_sample=False)


def test_other_texts_may_be_read_before_and_after(trained):
    long, short = trained.encode("O menino perdeu"), trained.encode("A")
    first = trained.model.generate(long, max_new_tokens=4, do_sample=False)
    with torch.no_grad():
        trained.model(input_ids=short)
        trained.model(input_ids=short, attention_mask=torch.ones_like(short))
    assert trained.model.generate(short, max_new_tokens=4).shape[1] > short.shape[1]
    again = trained.model.generate(long, max_new_tokens=4, do_sample=False)
    assert again.tolist() == first.tolist()


def test_a_state_that_has_read_more_than_there_is_is_refused(every_trained):
    for trained in every_trained:
        if isinstance(trained.model, RecurrentForCausalLM):
            ids = trained.encode("O menino")
            state = trained.model(input_ids=ids, use_cache=True)[STATE]
            with pytest.raises(ValueError, match="has read 9 tokens of 2"):
                trained.model.generate(ids[:, -2:], **{STATE: state}, max_new_tokens=2)


def test_a_conversation_goes_on_with_the_new_tokens_alone(every_trained):
    for trained in every_trained:
        if isinstance(trained.model, RecurrentForCausalLM):
            ids = trained.encode("O menino")
            state = trained.model(input_ids=ids[:, :5], use_cache=True)[STATE]
            new, mask = ids[:, 5:], torch.ones_like(ids)
            options = {"max_new_tokens": 5, "do_sample": False}
            written = trained.model.generate(new, attention_mask=mask, **{STATE: state}, **options)
            whole = trained.model.generate(ids, **options)
            assert written[:, new.shape[1] :].tolist() == whole[:, ids.shape[1] :].tolist()


def test_every_private_name_of_generation_that_is_overridden_is_listed_and_exists():
    theirs = {*dir(GenerationMixin), *vars(PreTrainedModel)}
    ours = {
        name
        for part in vars(generation).values()
        if isinstance(part, type) and part.__module__ == generation.__name__
        for name in vars(part)
    }
    private = {n for n in ours & theirs if n.startswith("_") and not n.startswith("__")}
    assert private == set(OVERRIDDEN)
