"""Which rows each process takes in each step: together the same ones, on any number of processes.

A step's rows are cut into as many parts, of equal size but for one row, as there are forward passes
in all processes. So a step learns from the same rows whether one process takes them whole, in parts
one after the other (accumulation), or several processes take a part each.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from prosa.tasks.task import Batches, Row

_BLANK = -1
_IGNORED = -100


class Shares(Sampler[list[int]]):
    """The numbers of the rows of each forward pass of one process, epoch after epoch.

    Args:
        rows: Rows of the data.
        ordered: They come in an order that stays.
        batch: Rows a step, of all processes.
        accumulation: Forward passes a step, of each process.
        seed: Of the order.
        rank: The number of this process.
        processes: How many there are.
    """

    def __init__(
        self,
        rows: int,
        *,
        ordered: bool,
        batch: int,
        accumulation: int,
        seed: int,
        rank: int = 0,
        processes: int = 1,
    ) -> None:
        self._rows = rows
        self._ordered = ordered
        self._batch = batch
        self._accumulation = accumulation
        self._seed = seed
        self._rank = rank
        self._processes = processes
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch's order."""
        self._epoch = epoch

    def __len__(self) -> int:
        return math.ceil(self._rows / self._batch) * self._accumulation

    def __iter__(self) -> Iterator[list[int]]:
        order = np.arange(self._rows)
        if not self._ordered:
            np.random.default_rng((self._seed, self._epoch, 2)).shuffle(order)
        for start in range(0, self._rows, self._batch):
            rows = order[start : start + self._batch]
            parts = np.array_split(rows, self._accumulation * self._processes)
            for part in parts[self._rank :: self._processes]:
                yield part.tolist() or [_BLANK]


class _Ready(Dataset[Row]):
    """Batches of the data, and one on which nothing counts for a process that has no rows left."""

    def __init__(self, data: Batches) -> None:
        self._data = data

    def __len__(self) -> int:
        return len(self._data)

    def __getitems__(self, numbers: Sequence[int]) -> Row:
        blank = list(numbers) == [_BLANK]
        batch = self._data.collate(self._data.__getitems__([0] if blank else numbers))
        if blank:
            batch["labels"] = torch.full_like(batch["labels"], _IGNORED)
        return batch


def _as_it_is(batch: Any) -> Any:
    return batch


def loader(data: Batches, shares: Shares, *, pinned: bool) -> DataLoader[Row]:
    """What a Trainer learns from: a batch a forward pass; `pinned` for a GPU."""
    return DataLoader(_Ready(data), batch_sampler=shares, collate_fn=_as_it_is, pin_memory=pinned)
