"""Vectors of texts: the mean of a model's last hidden states, as sentence encoders have it.

A sentence-transformers folder (`modules.json`) says itself which of its states count, how many
tokens it reads, and whether its vectors have length 1; such a model reads no further than that. Any
other model reads a long text whole, in windows as long as it reads at once.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel

from prosa.errors import InputError
from prosa.i18n import _
from prosa.tasks.padded import reads_at_once
from prosa.tokens.encoder import Framed

Floats = NDArray[np.float32]

_TOKENS = 4_096
"""Of a batch, padding included."""
_WAYS = {"mean": False, "mean_tokens": False, "cls": True, "cls_token": True}
"""How sentence-transformers calls the mean and the first token's state."""


@dataclass(frozen=True)
class Pooling:
    """How states become a vector.

    Attributes:
        first: It is the first token's state, not the mean of all.
        most: Tokens that are read of a text; None for all of it.
        unit: It is brought to length 1.
    """

    first: bool = False
    most: int | None = None
    unit: bool = False

    @classmethod
    def of(cls, folder: str | Path) -> "Pooling":
        """What a sentence-transformers folder says; of any other the mean of all tokens.

        Raises:
            InputError: It says something that is not done here.
        """
        folder = Path(folder)
        if not (folder / "modules.json").is_file():
            return cls()
        try:
            parts = {part["type"].rpartition(".")[2]: part["path"] for part in _json(folder)}
            settings = _json(folder / parts["Pooling"], "config.json")
            # Newer folders name the way; in older ones each way is switched on or off.
            switched = [name for name, on in settings.items() if "pooling_mode_" in name and on]
            mode = settings.get("pooling_mode", "".join(switched).removeprefix("pooling_mode_"))
            if set(parts) - {"Transformer", "Pooling", "Normalize"}:
                raise ValueError(parts)  # noqa: TRY301  said below
            limits = folder / "sentence_bert_config.json"
            most = _json(folder, limits.name).get("max_seq_length") if limits.exists() else None
            return cls(_WAYS[mode], most, "Normalize" in parts)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                _("This sentence encoder makes its vectors in a way that is not known here"),
                path=folder / "modules.json",
                expected=_("the mean of the tokens' states, or the first one's"),
            ) from error


def _json(folder: Path, name: str = "modules.json") -> Any:
    return json.loads((folder / name).read_text(encoding="utf-8"))


def vectors(model: PreTrainedModel, tokenizer: Any, texts: Sequence[str]) -> Floats:
    """A vector of each text, in their order, float32 [texts, dimensions].

    Batches are made of texts of like length. A text without a single token gets zeros.

    Raises:
        InputError: The model has no hidden states: an n-gram looks up counts.
    """
    width = getattr(model.config.get_text_config(), "hidden_size", None)
    if width is None:
        raise InputError(
            _("This model has no vectors of texts: it has no hidden states"),
            expected=_("a recurrent model, a Transformer or a sentence encoder"),
        )
    pooling = Pooling.of(model.name_or_path or "")
    framed, limit = Framed(tokenizer), reads_at_once(model)
    window = min(pooling.most or limit, limit)
    rows: list[list[int]] = []
    owners: list[int] = []
    for number, ids in enumerate(framed(texts)):
        windows = framed.windows(ids, window)
        rows += windows[:1] if pooling.most else windows
        owners += [number] * (len(rows) - len(owners))
    pad = tokenizer.pad_token_id or 0
    sums, counts = torch.zeros(len(texts), width), torch.zeros(len(texts), 1)
    with torch.inference_mode():
        for chosen in _batches([len(row) for row in rows]):
            states, mask = _states(model, [rows[i] for i in chosen], pad)
            if pooling.first:
                mask = mask * (torch.arange(mask.shape[1]) == 0)
            owner = torch.tensor([owners[i] for i in chosen])
            sums.index_add_(0, owner, (states * mask[..., None]).sum(1))
            counts.index_add_(0, owner, mask.sum(1, keepdim=True))
    means = sums / counts.clamp(min=1)
    if pooling.unit:
        means = torch.nn.functional.normalize(means, dim=1)
    return means.numpy()


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Numbers of rows that hold something, long ones first, so many at a time as memory is for."""
    order = sorted((i for i, length in enumerate(lengths) if length), key=lambda i: -lengths[i])
    first = 0
    while first < len(order):
        some = order[first : first + max(1, _TOKENS // lengths[order[first]])]
        first += len(some)
        yield some


def _states(model: Any, rows: Sequence[Sequence[int]], pad: int) -> tuple[Tensor, Tensor]:
    """Last hidden states [B, L, H] of rows of tokens, and which of them count [B, L]."""
    lengths = torch.tensor([len(row) for row in rows])
    mask = (torch.arange(int(lengths.max())) < lengths[:, None]).long()
    ids = torch.full_like(mask, pad)
    ids[mask > 0] = torch.tensor([token for row in rows for token in row])
    body = model.get_encoder() if model.config.is_encoder_decoder else model.base_model
    read = getattr(body, "states", body)
    states = read(input_ids=ids.to(model.device), attention_mask=mask.to(model.device))
    return states[0].float().cpu(), mask.float()
