"""The cache of a recurrent model: one layer's state after the tokens read so far.

It is a layer of transformers' `Cache`, so `generate` passes it on, reorders it between beams and
takes it back in a next turn. It does not grow with the text, and cannot be rolled back.

This file is copied beside a saved model and must import nothing but torch and transformers.

Shapes: B rows (beams included), H hidden units.
"""

from typing import Any

import torch
from transformers.cache_utils import Cache, CacheLayerMixin


class RecurrentLayer(CacheLayerMixin):
    """State of one recurrent layer, batch first.

    `keys` holds the hidden state [B, H] and `values` the cell state [B, H] ([B, 0] where the cell
    has none), under the names by which transformers moves, selects and reorders a layer.
    """

    def __init__(self) -> None:
        super().__init__()
        self.cumulative_length = 0

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Take over device and type of the first state."""
        self.dtype, self.device = key_states.dtype, key_states.device
        self.keys, self.values = key_states, value_states
        self.is_initialized = True

    def update(
        self,
        key_states: torch.Tensor,
        value_states: torch.Tensor,
        *args: Any,
        tokens: int = 1,
        **kwargs: Any,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Replace the state by the one after `tokens` more columns of input."""
        self.lazy_initialization(key_states, value_states)
        self.cumulative_length += tokens
        return key_states, value_states

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Length and offset of the mask over all columns read so far and now."""
        return self.cumulative_length + query_length, 0

    def get_seq_length(self) -> int:
        """Columns read so far, padding included."""
        return self.cumulative_length

    def get_max_length(self) -> int:
        """-1: a state has no end."""
        return -1

    def reset(self) -> None:
        """Forget everything."""
        self.keys = self.values = None
        self.is_initialized = False
        super().reset()

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Repeat every row `repeats` times."""
        if self.keys is not None and self.values is not None:
            self.keys = self.keys.repeat_interleave(repeats, dim=0)
            self.values = self.values.repeat_interleave(repeats, dim=0)

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep only the rows in `indices`."""
        if self.keys is not None and self.values is not None:
            self.keys, self.values = self.keys[indices], self.values[indices]


def empty_state(layers: int) -> Cache:
    """A cache of `layers` recurrent layers that have read nothing."""
    return Cache(layers=[RecurrentLayer() for _ in range(layers)])
