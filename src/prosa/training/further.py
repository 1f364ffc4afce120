"""A model that is taught further: what it needs before the plan is made."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from prosa.errors import InputError
from prosa.i18n import _, number
from prosa.models import adapter
from prosa.models.family import Family, SpecialIds
from prosa.models.pretrained import AUTO, HEADS, auto_class, described, load
from prosa.models.registry import CAUSAL, label_settings, stop_at
from prosa.tokens.learn import is_ours
from prosa.tokens.stream import TokenStream
from prosa.training import machine as machines
from prosa.training.events import Listener, Note
from prosa.training.loss import AnswerLoss
from prosa.training.plan import DEFAULT_MINUTES, Options, Setup
from prosa.training.size_ladder import Corpus

_FULL_BYTES = 16
"""A parameter that is trained, its gradient and AdamW's two moments, in float32."""
_MEMORY = 0.6
"""Share of the free memory that these may take; the rest is for a batch."""


def with_head(
    start: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    auto: str,
    classes: Sequence[str],
    listen: Listener,
) -> PreTrainedModel:
    """The model to start from, with a new head where the task or the labels are other ones.

    Args:
        start: As it was loaded.
        tokenizer: Its tokenizer; what padding is, a classifier must know.
        auto: The auto class of the task.
        classes: Labels to be learned, if any.
        listen: Hears that a head is new.
    """
    labels = [str(label) for label in (start.config.id2label or {}).values()]
    if auto_class(described(start)) == auto and (not classes or labels == list(classes)):
        return start
    task = next(name for name, builds in AUTO.items() if builds == auto)
    model = load(
        str(start.name_or_path),
        task,
        dtype="float32",
        settings=label_settings(classes),
        say=lambda text: listen(Note(text)),
    ).model
    if model.config.pad_token_id is None:
        model.config.pad_token_id = tokenizer.pad_token_id
    return model


def grow(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> None:
    """Give a model of ours rows for tokens that its tokenizer has been given: the mean of all."""
    table: Any = model.get_input_embeddings()
    known = len(table.weight)
    if not is_ours(tokenizer) or len(tokenizer) <= known:
        return
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    tables: list[Any] = [model.get_input_embeddings(), model.get_output_embeddings()]
    with torch.no_grad():
        for table in tables:
            table.weight[known:] = table.weight[:known].mean(0)
            if getattr(table, "bias", None) is not None:
                table.bias[known:] = table.bias[:known].mean()
    stop_at(model, SpecialIds.of(tokenizer))


def adapter_rank(
    model: PreTrainedModel, family: Family, options: Options, corpus: Corpus
) -> int | None:
    """The rank of an adapter, where one is taught, and not the whole model.

    None where a head is new, as an adapter is saved without one. Else as it was asked for; else for
    a model from elsewhere whose training as a whole would not fit into the memory, or not go once
    through the data in the time.

    Raises:
        InputError: An adapter was asked for where a head is new.
    """
    if auto_class(described(model)) in HEADS:
        if options.lora:
            raise InputError(
                _("--lora teaches no new head: an adapter is saved without one"),
                hint=_("Leave --lora away: the whole model is taught"),
            )
        return None
    if options.lora is not None or not family.recipe.apart:
        return adapter.RANK if options.lora else None
    machine, parameters = machines.measure(), model.num_parameters()
    fits = parameters * _FULL_BYTES <= _MEMORY * machine.memory_bytes
    speed = max(machine.float32_flops, machine.bfloat16_flops) / 3
    seconds = 60 * (options.minutes or DEFAULT_MINUTES)
    once = corpus.tokens * 6 * parameters <= seconds * speed
    fixed = options.steps or options.epochs
    return None if fits and (once or fixed) else adapter.RANK


def prepare(model: PreTrainedModel, rank: int | None, seed: int, listen: Listener) -> None:
    """Make a model trainable: whole in float32, or frozen with an adapter beside it.

    What is frozen may be bfloat16, where this machine computes faster so.
    """
    module = cast(nn.Module, model)
    if rank is None:
        module.float()
        return
    if machines.measure().bfloat16 and not getattr(model, "is_quantized", False):
        module.to(torch.bfloat16)
    torch.manual_seed(seed)  # only here: measuring the machine has drawn numbers
    adapter.begin(model, rank)
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    listen(
        Note(
            _("LoRA: an adapter of {trained} parameters is taught beside {all} frozen ones").format(
                trained=number(trained, 0), all=number(model.num_parameters() - trained, 0)
            )
        )
    )


def with_answer_loss(setup: Setup, stream: TokenStream) -> Setup:
    """The same with a loss of the answers alone, where the model allows it."""
    if setup.start is None or setup.task.auto != CAUSAL:
        return setup
    try:
        loss = AnswerLoss(setup.start, stream)
    except ValueError:
        return setup
    return replace(setup, loss=loss, scored=loss.words)
