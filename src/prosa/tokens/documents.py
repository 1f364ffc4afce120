"""Documents apart: a row holds one, or a piece of a long one, and looks at no other.

Rows of nearly one length make a batch, so little is padding: of questions with answers about a
twentieth. That is quicker on a processor than one packed row with a mask of blocks, whose attention
grows with the square of the row, and every architecture can do it.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from prosa.tokens.stream import TokenStream

IGNORED = -100
_CHUNK = 1_024
"""Rows that are sorted by length together, so that a batch has little padding."""

Row = dict[str, Tensor]


def by_length(lengths: NDArray[np.int64], rows: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """An order for an epoch: mixed, but batches of so many rows are of nearly one length."""
    random = np.random.default_rng((seed, epoch))
    order = random.permutation(len(lengths))
    parts = np.split(order, np.arange(_CHUNK, len(order), _CHUNK))
    order = np.concatenate([part[np.argsort(lengths[part], kind="stable")] for part in parts])
    batches = np.split(order, np.arange(rows, len(order), rows))
    whole, rest = batches[: len(order) // rows], batches[len(order) // rows :]
    mixed = [whole[i] for i in random.permutation(len(whole))]
    return np.concatenate([*mixed, *rest])


class Documents:
    """Rows of one document each.

    Args:
        stream: The encoded data.
        pad: The id that fills up short rows; it is masked.
        context: Tokens of a row at most; what is longer is cut into pieces.
        seed: Of the order.
        shuffled: Taken, as every order here is mixed.
        overlap: Tokens of the piece before that a piece reads again, without being asked for them.

    Attributes:
        rows: Rows of a batch, which have nearly the same length.
    """

    ordered = True

    def __init__(
        self,
        stream: TokenStream,
        pad: int,
        context: int,
        seed: int = 0,
        *,
        shuffled: bool = True,
        overlap: int = 0,
    ) -> None:
        self._stream, self._pad, self._seed, self._overlap = stream, pad, seed, overlap
        offsets = np.asarray(stream.offsets)
        spans = [
            (start, min(start + context, end), int(start > first))
            for first, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)
            for start in range(first, max(first + 1, end - 1 - overlap), context - 1 - overlap)
        ]
        self._spans = np.array(spans, dtype=np.int64).reshape(-1, 3)
        self.lengths = self._spans[:, 1] - self._spans[:, 0]
        self.row_tokens = float(self.lengths.mean()) if spans else 0.0
        self.rows = 1
        self._order = np.arange(len(spans))

    def __len__(self) -> int:
        return len(self._order)

    def set_epoch(self, epoch: int) -> None:
        """Mix the documents, then bring those of one length together."""
        self._order = by_length(self.lengths, self.rows, self._seed, epoch)

    def __getitems__(self, indices: Sequence[int]) -> list[Row]:
        return [self._row(*self._spans[i].tolist()) for i in self._order[list(indices)]]

    def __getitem__(self, index: int) -> Row:
        return self.__getitems__([index])[0]

    def _row(self, start: int, end: int, later: int) -> Row:
        places = np.arange(start, end)
        labels = self._stream.labels(places)
        labels[: 1 + later * self._overlap] = IGNORED
        ids = self._stream.tokens[places].astype(np.int64)
        return {"input_ids": torch.from_numpy(ids), "labels": torch.from_numpy(labels)}

    def collate(self, rows: Sequence[Row]) -> Row:
        """Fill up on the right: {"input_ids", "attention_mask", "labels"}, [B, L]."""
        ids = filled([row["input_ids"] for row in rows], self._pad)
        lengths = torch.tensor([len(row["input_ids"]) for row in rows])
        mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
        labels = filled([row["labels"] for row in rows], IGNORED)
        return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def filled(rows: Sequence[Tensor], value: int) -> Tensor:
    """Rows of different lengths as one matrix, filled up with a value on the right."""
    return torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True, padding_value=value)
