"""What a model remembers of the texts it is writing, so that texts may come and go between steps.

Transformers' `generate` begins and ends a batch together. Here a row joins the others after its
prompt was read, and leaves when it is done: the caches are put together and cut row by row. How
depends on what a model remembers: keys and values of every token, a state, a few last tokens.

Shapes: R rows, L columns (tokens, the last in the last column), S columns of a source, V words.
"""

import inspect
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.cache_utils import Cache, CacheLayerMixin

from prosa.models.generation import STATE, StatefulGenerationMixin, WindowGenerationMixin

_ROOM = 64
"""Columns made at a time: a cache that grows by one is copied whole with every token."""


class Rows(Protocol):
    """Texts that a model goes on with together."""

    def read(self, prompts: Sequence[list[int]]) -> Tensor:
        """Read the beginnings; give the scores of what comes next [R, V]. Called once, first."""

    def step(self, tokens: Sequence[int]) -> Tensor:
        """Read one more token of each text; give the scores of what comes next [R, V]."""

    def keep(self, rows: list[int]) -> None:
        """Forget all texts but these."""

    def join(self, other: Any) -> bool:
        """Take the texts of another group behind these, or say that this cannot be done."""


def rows_of(model: PreTrainedModel) -> Rows:
    """An empty group, of the kind that a model needs."""
    if model.config.is_encoder_decoder:
        return _FromSource(model)
    if isinstance(model, WindowGenerationMixin):
        return _Window(model, model.window)
    if isinstance(model, StatefulGenerationMixin):
        return _State(model)
    if getattr(model, "_is_stateful", False):  # a state of another maker's: read everything again
        return _Window(model, None)
    return _KeysAndValues(model)


def _padded(texts: Sequence[Sequence[int]], device: Any, *, left: bool = True) -> tuple[Any, Any]:
    """Tokens and mask [R, L]; no mask where all texts are of one length."""
    longest = max(map(len, texts))
    gaps = [[0] * (longest - len(text)) for text in texts]
    pairs = list(zip(texts, gaps, strict=True))
    ids = [[*gap, *text] if left else [*text, *gap] for text, gap in pairs]
    ids_RL = torch.tensor(ids, device=device)
    if not any(gaps):
        return ids_RL, None
    ones = [([*gap, *[1] * len(text)] if left else [*[1] * len(text), *gap]) for text, gap in pairs]
    return ids_RL, torch.tensor(ones, device=device)


class _Forward:
    """A call of the model that names only what its `forward` takes."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self._names = inspect.signature(model.forward).parameters

    def __call__(self, **given: Any) -> Any:
        given["logits_to_keep"] = 1
        optional = ("position_ids", "logits_to_keep")
        return self.model(
            **{k: v for k, v in given.items() if k not in optional or k in self._names}
        )


class _Window:
    """An n-gram's last tokens; all of them where the model keeps no other past."""

    def __init__(self, model: PreTrainedModel, size: int | None) -> None:
        self._forward = _Forward(model)
        self._size = size
        self._texts: list[list[int]] = []

    def read(self, prompts: Sequence[list[int]]) -> Tensor:
        self._texts = [self._cut(list(prompt)) for prompt in prompts]
        return self._scores()

    def step(self, tokens: Sequence[int]) -> Tensor:
        pairs = zip(self._texts, tokens, strict=True)
        self._texts = [self._cut([*text, token]) for text, token in pairs]
        return self._scores()

    def keep(self, rows: list[int]) -> None:
        self._texts = [self._texts[row] for row in rows]

    def join(self, other: "_Window") -> bool:
        self._texts += other._texts  # noqa: SLF001  one of its own kind
        return True

    def _cut(self, text: list[int]) -> list[int]:
        return text if self._size is None else text[-self._size :]

    def _scores(self) -> Tensor:
        ids_RL, mask_RL = _padded(self._texts, self._forward.model.device)
        out = self._forward(input_ids=ids_RL, attention_mask=mask_RL, use_cache=False)
        scores: Tensor = out.logits[:, -1]
        return scores


class _State:
    """A recurrent model's state, which is as large after a long text as after a short one."""

    def __init__(self, model: PreTrainedModel) -> None:
        self._forward = _Forward(model)
        self.cache: Any = None

    def read(self, prompts: Sequence[list[int]]) -> Tensor:
        return self._scores(*_padded(prompts, self._forward.model.device))

    def step(self, tokens: Sequence[int]) -> Tensor:
        return self._scores(*_padded([[token] for token in tokens], self._forward.model.device))

    def _scores(self, ids_RL: Tensor, mask_RL: Tensor | None) -> Tensor:
        given = {"input_ids": ids_RL, "attention_mask": mask_RL, STATE: self.cache}
        out = self._forward(**given, use_cache=True)
        self.cache = out[STATE]
        scores: Tensor = out.logits[:, -1]
        return scores

    def keep(self, rows: list[int]) -> None:
        self.cache.batch_select_indices(torch.tensor(rows, device=self._forward.model.device))

    def join(self, other: "_State") -> bool:
        for layer, more in zip(self.cache.layers, other.cache.layers, strict=True):
            layer.keys = torch.cat([layer.keys, more.keys])
            layer.values = torch.cat([layer.values, more.values])
        return True


class _FromSource:
    """An encoder-decoder's texts, begun together: these join no others, and are stepped beside."""

    def __init__(self, model: PreTrainedModel) -> None:
        self._forward = _Forward(model)
        self._source: Any = None
        self._mask: Tensor | None = None
        self._cache: Any = None

    def read(self, prompts: Sequence[list[int]]) -> Tensor:
        model: Any = self._forward.model
        ids_RS, self._mask = _padded(prompts, model.device, left=False)
        self._source = model.get_encoder()(input_ids=ids_RS, attention_mask=self._mask)
        start = model.generation_config.decoder_start_token_id
        start = model.config.decoder_start_token_id if start is None else start
        forced = getattr(model.generation_config, "forced_bos_token_id", None)
        begun = [start] if forced is None else [start, forced]
        return self._scores([begun] * len(prompts))

    def step(self, tokens: Sequence[int]) -> Tensor:
        return self._scores([[token] for token in tokens])

    def _scores(self, written: list[list[int]]) -> Tensor:
        given = {
            "encoder_outputs": self._source,
            "attention_mask": self._mask,
            "decoder_input_ids": torch.tensor(written, device=self._forward.model.device),
            STATE: self._cache,
        }
        out = self._forward(**given, use_cache=True)
        self._cache = out[STATE]
        scores: Tensor = out.logits[:, -1]
        return scores

    def keep(self, rows: list[int]) -> None:
        index = torch.tensor(rows, device=self._forward.model.device)
        self._cache.batch_select_indices(index)
        self._source.last_hidden_state = self._source.last_hidden_state[index]
        self._mask = None if self._mask is None else self._mask[index]

    def join(self, other: Any) -> bool:
        return False


class _Columns(CacheLayerMixin):  # type: ignore[no-untyped-call]
    """Keys and values of one layer [R, heads, L, D] with room behind them.

    Texts end in the same column; before a shorter one stands padding.
    """

    is_sliding = False

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.used = 0

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        self.keys, self.values = key_states[:, :, :0], value_states[:, :, :0]
        self.is_initialized = True

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Add columns; return all."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        keys: Any = self.keys
        begin, end = self.used, self.used + key_states.shape[2]
        if end > keys.shape[2]:
            self.resize(slice(None), begin, end + _ROOM)
        self.used = end
        both = []
        for kept, new in ((self.keys, key_states), (self.values, value_states)):
            assert kept is not None
            kept[:, :, begin:end] = new
            both.append(kept[:, :, :end])
        return both[0], both[1]

    def resize(self, rows: Any, columns: int, size: int) -> None:
        """Keep some rows and the last columns of them, in as much room."""
        first = self.used - columns
        self.keys, self.values = (
            _placed(kept[rows, :, first : self.used], size, 0)  # type: ignore[index]
            for kept in (self.keys, self.values)
        )
        self.used = columns

    def append(self, other: "_Columns") -> None:
        """Take the rows of another cache; all texts end in one column again."""
        columns = max(self.used, other.used)
        pairs = ((self.keys, other.keys), (self.values, other.values))
        self.keys, self.values = (
            torch.cat(
                [
                    _placed(kept[:, :, : one.used], columns + _ROOM, columns - one.used)  # type: ignore[index]
                    for one, kept in ((self, ours), (other, theirs))
                ]
            )
            for ours, theirs in pairs
        )
        self.used = columns

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Columns that a query of this length sees, and where they begin."""
        return self.used + query_length, 0

    def get_seq_length(self) -> int:
        """Columns, padding included."""
        return self.used

    def get_max_length(self) -> int:
        """-1: there is no end."""
        return -1


def _placed(kept: Tensor, size: int, start: int) -> Tensor:
    """Columns in a larger tensor of zeros (what is masked is multiplied by 0: no NaN may stand)."""
    room = kept.new_zeros((*kept.shape[:2], size, kept.shape[3]))
    room[:, :, start : start + kept.shape[2]] = kept
    return room


class _KeysAndValues:
    """What a Transformer decoder keeps of every token; layers that look back a short way, too."""

    def __init__(self, model: PreTrainedModel) -> None:
        self._forward = _Forward(model)
        self._device = model.device
        self.cache: Any = Cache(layer_class_to_replicate=_Columns)
        self.lengths = torch.zeros(0, dtype=torch.long, device=model.device)

    def read(self, prompts: Sequence[list[int]]) -> Tensor:
        ids_RL, _mask = _padded(prompts, self._device)
        self.lengths = torch.tensor([len(prompt) for prompt in prompts], device=self._device)
        return self._scores(ids_RL)

    def step(self, tokens: Sequence[int]) -> Tensor:
        self.lengths += 1
        return self._scores(torch.tensor(tokens, device=self._device)[:, None])

    def _scores(self, ids_RL: Tensor) -> Tensor:
        columns = self.cache.get_seq_length() + ids_RL.shape[1]
        gap_R1 = columns - self.lengths[:, None]
        column_L = torch.arange(columns, device=self._device)
        mask_RL = (column_L >= gap_R1).long() if bool(gap_R1.any()) else None
        position_RL = (column_L[-ids_RL.shape[1] :] - gap_R1).clamp(min=0)
        given = {"input_ids": ids_RL, "attention_mask": mask_RL, STATE: self.cache}
        out = self._forward(**given, position_ids=position_RL, use_cache=True)
        scores: Tensor = out.logits[:, -1]
        return scores

    def keep(self, rows: list[int]) -> None:
        self.lengths = self.lengths[rows]
        columns = int(self.lengths.max())
        for layer in self.cache.layers:
            layer.resize(rows, columns, columns + _ROOM)

    def join(self, other: "_KeysAndValues") -> bool:
        for layer, more in zip(self.cache.layers, other.cache.layers, strict=True):
            layer.append(more)
        self.lengths = torch.cat([self.lengths, other.lengths])
        return True
