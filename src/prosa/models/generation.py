"""Every override of a private name of transformers' generation, for the families that are ours.

It covers two ways of remembering the past that are not keys and values: a state the model keeps in
its own cache layers, and no state at all but a short window of tokens. It holds no model.

The classes end in `GenerationMixin` because transformers knows by that name that a model generates.
They come before `PreTrainedModel` among the bases, which has defaults of its own for some of this.

This file is copied beside a saved model and must import nothing but torch and transformers.
Written against transformers 5.23 (`transformers/generation/utils.py`).
"""

from typing import Any

from transformers import GenerationMixin


class StatefulGenerationMixin(GenerationMixin):
    """`generate` for a model that makes its own cache and returns it as `past_key_values`."""

    # A state cannot be rolled back: with this `generate` refuses assisted decoding.
    _is_stateful = True

    @classmethod
    def _supports_default_dynamic_cache(cls) -> bool:
        """Keep `generate` from making a cache of keys and values, which this model cannot fill."""
        return False


class WindowGenerationMixin(GenerationMixin):
    """`generate` for a model that reads the last few tokens and keeps nothing between steps.

    With `use_cache=True` (the default) `generate` passes one token a step after the first, and such
    a model would write wrong text in silence: the window is cut here instead.
    """

    @property
    def window(self) -> int:
        """How many of the last tokens the next one depends on, at least 1."""
        raise NotImplementedError

    @classmethod
    def _supports_default_dynamic_cache(cls) -> bool:
        """Keep `generate` from making a cache that stays empty."""
        return False

    def prepare_inputs_for_generation(  # type: ignore[override]
        self: Any,
        input_ids: Any,
        next_sequence_length: int | None = None,
        attention_mask: Any = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Cut tokens [B, L] and mask [B, L] to the window at every step, whatever a cache needs."""
        ids_BW = input_ids[:, -self.window :]
        mask_BW = None if attention_mask is None else attention_mask[:, -self.window :]
        return GenerationMixin.prepare_inputs_for_generation(
            self, ids_BW, attention_mask=mask_BW, **kwargs
        )
