"""Rows of different lengths: mixed in every epoch, and padded as little as can be."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from prosa.tasks.task import Row
from prosa.tokens.documents import by_length, filled

_WINDOW = 512


class PaddedRows:
    """Rows by number, in an order of their own for every epoch; a task says what a row is.

    Args:
        lengths: Tokens of each row.
        pad: The id that fills up short rows.
        seed: Of the order.
        shuffled: Taken, as every order here is mixed.

    Attributes:
        lengths: Tokens of each row.
        rows: Rows of a batch, which have nearly the same length.
    """

    ordered = True

    def __init__(
        self, lengths: NDArray[np.int64], pad: int, seed: int = 0, *, shuffled: bool = True
    ) -> None:
        self.lengths, self._pad, self._seed = lengths, pad, seed
        self.row_tokens = float(lengths.mean()) if len(lengths) else 1.0
        self.rows = 1
        self._order = np.arange(len(lengths))

    def __len__(self) -> int:
        return len(self._order)

    def set_epoch(self, epoch: int) -> None:
        """Mix the rows, then bring those of one length together."""
        self._order = by_length(self.lengths, self.rows, self._seed, epoch)

    def __getitems__(self, indices: Sequence[int]) -> list[Row]:
        return [self.row(number) for number in self._order[list(indices)].tolist()]

    def __getitem__(self, index: int) -> Row:
        return self.__getitems__([index])[0]

    def batches(self, size: int) -> "list[list[int]]":
        """All rows, by number, in batches of so many: the longest first."""
        order = np.argsort(-self.lengths, kind="stable")
        return [part.tolist() for part in np.split(order, np.arange(size, len(order), size))]

    def row(self, number: int) -> Row:
        """One row."""
        raise NotImplementedError

    def collate(self, rows: Sequence[Row]) -> Row:
        """Fill up: {"input_ids", "attention_mask"} [B, L], padded on the right."""
        ids = filled([row["input_ids"] for row in rows], self._pad)
        lengths = torch.tensor([len(row["input_ids"]) for row in rows])
        mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
        return {"input_ids": ids, "attention_mask": mask}


def tensor(ids: Any) -> Tensor:
    """Ids of a stream as a model takes them."""
    return torch.from_numpy(np.asarray(ids).astype(np.int64))


def reads_at_once(model: nn.Module) -> int:
    """Tokens that a model reads at once: as many as its table of positions has, else 512."""
    config: Any = model.config
    places = getattr(config, "max_position_embeddings", None) or _WINDOW
    # RoBERTa's tables begin behind the padding id: the places up to it are never used.
    tables = [m for name, m in model.named_modules() if name.endswith("position_embeddings")]
    padding: list[Any] = [getattr(table, "padding_idx", None) for table in tables]
    return int(places) - max((n + 1 for n in padding if n is not None), default=0)
