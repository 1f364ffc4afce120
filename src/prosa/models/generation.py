"""What transformers asks of our families, and a check that generation loses no text.

It covers two ways of remembering the past that are not keys and values: a state that the model
keeps in its own cache layers, and no state at all but a short window of tokens. It holds no model.

`generate` passes one token a step and the state that it got back, if it found it: to 5.23 it looked
for `past_key_values`, from 5.24 on for `cache`. A model that gets the token without the state would
write wrong text in silence. So here each step is given what the state has not read, the whole
text where there is no state; and what still arrives too short raises (`_check_growth`).

The classes end in `GenerationMixin` because transformers knows by that name that a model generates.
They come before `PreTrainedModel` among the bases, which has defaults of its own for some of this.

This file is copied beside a saved model and must import nothing but torch and transformers.
Tested with transformers 5.20 to 5.24.
"""

import difflib
from contextvars import ContextVar
from dataclasses import dataclass, fields
from typing import Any

from transformers import GenerationMixin
from transformers.modeling_outputs import CausalLMOutputWithPast

STATE = next(
    field.name
    for field in fields(CausalLMOutputWithPast)
    if field.name not in ("loss", "logits", "hidden_states", "attentions")
)
"""How this version of transformers calls what a model remembers: "past_key_values" or "cache"."""

OVERRIDDEN = ("_is_stateful", "_supports_default_dynamic_cache")
"""Every private name of transformers' generation that is overridden here."""


@dataclass
class _Writing:
    """One run of `generate`."""

    model: Any
    before: int  # columns of the text that stand before those given to `generate`
    columns: int  # columns read by the last step


_writing: ContextVar[_Writing | None] = ContextVar("writing", default=None)


def output(loss: Any, logits: Any, state: Any = None) -> CausalLMOutputWithPast:
    """A model's output, the state under the name by which `generate` looks for it."""
    return CausalLMOutputWithPast(**{"loss": loss, "logits": logits, STATE: state})


def columns(logits_to_keep: Any) -> Any:
    """The columns of a row whose logits are wanted: so many last ones (0 means all), or these."""
    return slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep


def refuse_misspelt(kwargs: dict[str, Any], names: tuple[str, ...]) -> None:
    """Raise ValueError where a setting nearly has one of the names: the base class takes any."""
    for name in kwargs:
        if close := difflib.get_close_matches(name, names, n=1, cutoff=0.8):
            raise ValueError(f"there is no setting {name!r}; is it {close[0]!r}?")


class _CheckedGenerationMixin(GenerationMixin):
    """`generate` in which every step must have read more of the text than the one before."""

    def generate(self: Any, inputs: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As transformers has it; a mask longer than the tokens says that these are only the end.

        Raises:
            RuntimeError: The loop has lost what the model had read.
        """
        if self.config.is_encoder_decoder:  # the text that is written is the decoder's
            ids, mask = kwargs.get("decoder_input_ids"), kwargs.get("decoder_attention_mask")
        else:
            ids, mask = kwargs.get("input_ids", inputs), kwargs.get("attention_mask")
        given = 1 if ids is None else ids.shape[1]
        # `generate` puts None for a mask that masks nothing: its length is known here alone.
        length = given if mask is None else mask.shape[1]
        token = _writing.set(_Writing(self, length - given, length - 1))
        try:
            return GenerationMixin.generate(self, inputs, *args, **kwargs)
        finally:
            _writing.reset(token)

    @classmethod
    def _supports_default_dynamic_cache(cls) -> bool:
        """Keep `generate` from making a cache of keys and values, which would stay empty."""
        return False

    def _check_growth(
        self: Any, columns: int, attention_mask: Any, enough: int | None = None
    ) -> None:
        """Raise where a part of the text is missing.

        Args:
            columns: Columns read, those in the state included.
            attention_mask: As `forward` gets it; longer than what was read, it tells of a loss.
            enough: So many columns are as good as all.
        """
        needed = 0 if attention_mask is None else attention_mask.shape[1]
        writing = _writing.get()
        if writing and writing.model is self:
            needed = max(needed, writing.columns + 1)
            writing.columns = columns
        if columns < (needed if enough is None else min(needed, enough)):
            raise RuntimeError(
                f"{columns} columns arrived of a text of {needed} or more, and no state of those "
                "before: this version of transformers loses what this model has read. Generate "
                "with use_cache=False, or install transformers 5.20 to 5.24."
            )


class StatefulGenerationMixin(_CheckedGenerationMixin):
    """`generate` for a model that makes its own cache and returns it through `output`."""

    # A state cannot be rolled back: with this `generate` refuses assisted decoding.
    _is_stateful = True

    def prepare_inputs_for_generation(  # type: ignore[override]
        self: Any, input_ids: Any, attention_mask: Any = None, **kwargs: Any
    ) -> dict[str, Any]:
        """What the state has not read of tokens [B, L]; without a state, all of them.

        Raises:
            ValueError: The state has read as much as there is, or more.
        """
        kwargs.pop("next_sequence_length", None)
        state = kwargs.pop(STATE, None)
        if state is not None:
            writing, length = _writing.get(), input_ids.shape[1]
            if attention_mask is not None:
                length = attention_mask.shape[1]
            elif writing and writing.model is self:
                length += writing.before
            unread = length - state.get_seq_length()
            if unread < 1:
                raise ValueError(
                    f"the state has read {length - unread} tokens of {length}: pass the whole "
                    "text, or the mask of the whole text with its end"
                )
            input_ids = input_ids[:, -unread:]
        return {"input_ids": input_ids, "attention_mask": attention_mask, STATE: state, **kwargs}


class EncoderDecoderGenerationMixin(StatefulGenerationMixin):
    """`generate` for a model whose decoder keeps its own state and reads an encoder's outputs."""

    def prepare_inputs_for_generation(  # type: ignore[override]
        self: Any,
        input_ids: Any,
        attention_mask: Any = None,
        decoder_attention_mask: Any = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """As the base class, for the decoder's tokens [B, T]; the mask [B, S] is the source's."""
        prepare = super().prepare_inputs_for_generation
        inputs = prepare(input_ids, decoder_attention_mask, **kwargs)
        for name in ("input_ids", "attention_mask"):
            inputs[f"decoder_{name}"] = inputs.pop(name)
        return {"attention_mask": attention_mask, **inputs}


class WindowGenerationMixin(_CheckedGenerationMixin):
    """`generate` for a model that reads the last few tokens and keeps nothing between steps."""

    @property
    def window(self) -> int:
        """How many of the last tokens the next one depends on, at least 1."""
        raise NotImplementedError

    def prepare_inputs_for_generation(  # type: ignore[override]
        self: Any, input_ids: Any, attention_mask: Any = None, **kwargs: Any
    ) -> dict[str, Any]:
        """Cut tokens [B, L] and mask [B, L] to the window at every step, whatever a cache needs."""
        kwargs.pop("next_sequence_length", None)
        kwargs.pop(STATE, None)
        if attention_mask is not None and input_ids.shape[1] >= self.window:
            attention_mask = attention_mask[:, -self.window :]
        input_ids = input_ids[:, -self.window :]
        return {"input_ids": input_ids, "attention_mask": attention_mask, **kwargs}
