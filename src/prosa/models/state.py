"""The cache of a recurrent model: one layer's state after the tokens read so far.

It is a layer of transformers' `Cache`, so `generate` passes it on, reorders it between beams and
takes it back in a next turn. It does not grow with the text, and cannot be rolled back.
`read` runs torch's cells from such a state to the next, whatever the padding.

This file is copied beside a saved model and must import nothing but torch and transformers.

Shapes: B rows (beams included), L columns (tokens), E inputs, H hidden units.
"""

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from transformers.cache_utils import Cache, CacheLayerMixin


class RecurrentLayer(CacheLayerMixin):
    """State of one recurrent layer, batch first.

    `keys` holds the hidden state [B, H] and `values` the cell state [B, H] ([B, 0] where the cell
    has none), under the names by which transformers moves, selects and reorders a layer.
    """

    def __init__(self) -> None:
        super().__init__()
        self.cumulative_length = 0

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Take over device and type of the first state."""
        self.dtype, self.device = key_states.dtype, key_states.device
        self.keys, self.values = key_states, value_states
        self.is_initialized = True

    def update(
        self,
        key_states: Tensor,
        value_states: Tensor,
        *args: Any,
        tokens: int = 1,
        **kwargs: Any,
    ) -> tuple[Tensor, Tensor]:
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

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep only the rows in `indices`."""
        if self.keys is not None and self.values is not None:
            self.keys, self.values = self.keys[indices], self.values[indices]


def empty_state(layers: int) -> Cache:
    """A cache of `layers` recurrent layers that have read nothing."""
    return Cache(layers=[RecurrentLayer() for _ in range(layers)])


def read(
    rnn: nn.RNNBase,
    input_BLE: Tensor,
    mask_BL: Tensor | None,
    cache: Cache | None,
    *,
    keep_state: bool,
    initial: Any = None,
) -> tuple[Tensor, Cache | None]:
    """Run cells over the columns that count.

    Args:
        rnn: torch's RNN, LSTM or GRU, batch first.
        input_BLE: What they read.
        mask_BL: True where a column counts, in any place; None where all do.
        cache: The state before these columns, changed in place.
        keep_state: Make a cache where there is none.
        initial: The state [layers, B, H] (an LSTM's with its cell state) of a cache that has read
            nothing; None means zeros.

    Returns:
        Outputs [B, L, H] and the cache, or None where no state is kept.

    Raises:
        TypeError: The cache has read something, and is of another kind.
    """
    layers: Any = cache.layers if cache is not None else ()
    if cache is None:
        cache = empty_state(rnn.num_layers) if keep_state else None
    elif not layers or not all(isinstance(layer, RecurrentLayer) for layer in layers):
        if cache.get_seq_length():
            raise TypeError("the state must be the cache that this model returned")
        cache = empty_state(rnn.num_layers)
    before = _state(cache)
    before = initial if before is None else before
    # A step of an LSTM takes half the time in bfloat16 from 128 units on (32 rows of 64 tokens: 14
    # and 5 ms, 256 units 50 and 21); GRU and RNN have no such cells in oneDNN, and take longer.
    plain = mask_BL is None and before is None and cache is None
    mixed = plain and isinstance(rnn, nn.LSTM) and _bfloat16_lstm()
    with cell_precision(input_BLE, mixed=mixed):
        if mask_BL is None:
            read_BLH, after = rnn(input_BLE, before)
        else:
            read_BLH, after = _read_padded(rnn, input_BLE, mask_BL, before, cache is not None)
    if cache is not None:
        _store(cache, after, tokens=input_BLE.shape[1])
    return read_BLH, cache


def cell_precision(input_BLE: Tensor, *, mixed: bool = False) -> AbstractContextManager:
    """Under autocast the cells stay in float32 on the CPU, if not `mixed`."""
    if input_BLE.device.type == "cpu" and not mixed:
        return torch.autocast("cpu", enabled=False)
    return nullcontext()


@cache
def _bfloat16_lstm() -> bool:
    """Whether oneDNN has a bfloat16 LSTM for this processor: without AVX-512 it raises."""
    # Its weights are drawn: not from the numbers of a run, which would go on with others.
    mixed = torch.autocast("cpu", torch.bfloat16)
    try:
        with torch.random.fork_rng(devices=[]), torch.inference_mode(), mixed:
            nn.LSTM(8, 8, batch_first=True)(torch.zeros(1, 1, 8))
    except RuntimeError:
        return False
    return True


def _read_padded(
    rnn: nn.RNNBase, input_BLE: Tensor, mask_BL: Tensor, before: Any, keep_state: bool
) -> tuple[Tensor, Any]:
    """Shift the padding to the right, read, shift back. Only the state needs packing."""
    order_BL1 = mask_BL.long().argsort(dim=1, descending=True, stable=True)[..., None]
    shifted_BLE = input_BLE.take_along_dim(order_BL1, dim=1)
    if keep_state:
        # An empty row reads one token of padding, which packing needs; its state is put back.
        length_B = mask_BL.sum(1)
        packed = pack_padded_sequence(
            shifted_BLE, length_B.clamp(min=1).cpu(), batch_first=True, enforce_sorted=False
        )
        out, after = rnn(packed, before)
        read_BLH, _ = pad_packed_sequence(out, batch_first=True, total_length=mask_BL.shape[1])
        after = _unless(length_B == 0, before, after)
    else:
        read_BLH, after = rnn(shifted_BLE, before)
    return read_BLH.take_along_dim(order_BL1.argsort(dim=1), dim=1), after


def _state(cache: Cache | None) -> Any:
    """What torch's cells take: hidden [layers, B, H], for the LSTM with the cell state; or None."""
    layers: Any = cache.layers if cache else []
    if not layers or not layers[0].is_initialized:
        return None
    hidden = torch.stack([layer.keys for layer in layers])
    if not layers[0].values.shape[1]:
        return hidden
    return hidden, torch.stack([layer.values for layer in layers])


def _store(cache: Cache, state: Any, tokens: int) -> None:
    hidden, cell = state if isinstance(state, tuple) else (state, state[..., :0])
    layers: Any = cache.layers
    for layer, hidden_BH, cell_BH in zip(layers, hidden, cell, strict=True):
        layer.update(hidden_BH, cell_BH, tokens=tokens)


def _unless(empty_B: Tensor, before: Any, after: Any) -> Any:
    """`after`, but `before` (zeros where None) in the rows that read nothing."""
    if isinstance(after, tuple):
        pairs = before if before is not None else (None, None)
        return tuple(_unless(empty_B, old, new) for old, new in zip(pairs, after, strict=True))
    old = torch.zeros_like(after) if before is None else before
    return torch.where(empty_B[None, :, None], old, after)
