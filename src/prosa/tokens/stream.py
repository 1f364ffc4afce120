"""The stream of ids that data becomes: documents one after the other, mapped from disk.

And what such streams are made of: rows of different lengths in one flat array.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from prosa.errors import InputError
from prosa.i18n import _

FEW = 8
"""Documents of a sample, below which the head of the stream is taken instead."""
TOKENS, OFFSETS, WEIGHTS, META = "tokens.bin", "offsets.bin", "weights.bin", "stream.json"
HIDDEN = "hidden.bin"
_COUNTED = 1 << 20
"""Tokens counted at a time."""

Flat = NDArray[Any]
Lengths = NDArray[np.int64]


@dataclass(frozen=True)
class TokenStream:
    """Encoded documents.

    A document is start + text + end. Each of its tokens but the start is predicted.

    Attributes:
        tokens: Ids of all documents, [tokens], uint16 or uint32.
        offsets: Where each document starts and where the last one ends, [documents + 1], int64.
        weights: 1 where the loss counts, else 0, [tokens], uint8; None where it counts on
            everything but the start of each document.
        bytes: UTF-8 bytes of the text that the counted tokens stand for.
        hidden: Place in the stream of each counted token that does not spell what it stands for
            (`<unk>`), and how many UTF-8 bytes it hides, [unknown, 2], int64.
        classes: What the counted tokens stand for, where each is the number of a label.
        records: The table that was just encoded, where measuring needs its texts.
    """

    tokens: NDArray[Any]
    offsets: NDArray[np.int64]
    weights: NDArray[np.uint8] | None
    bytes: int
    hidden: NDArray[np.int64]
    classes: tuple[str, ...] = ()
    records: pa.Table | None = None

    @classmethod
    def open(cls, folder: str | Path) -> "TokenStream":
        """Map a stream that `examples.encode` wrote.

        Raises:
            InputError: There is none, or it is not whole.
        """
        folder = Path(folder)
        try:
            meta = json.loads((folder / META).read_text(encoding="utf-8"))
            size = meta["tokens"]
            return cls(
                tokens=_mapped(folder / TOKENS, meta["dtype"], size),
                offsets=_mapped(folder / OFFSETS, "<i8", meta["documents"] + 1),
                weights=_mapped(folder / WEIGHTS, "u1", size) if meta["weighted"] else None,
                bytes=meta["bytes"],
                hidden=_mapped(folder / HIDDEN, "<i8", 2 * meta["unknown"]).reshape(-1, 2),
                classes=tuple(meta.get("classes", ())),
            )
        except (OSError, ValueError, KeyError) as error:
            raise InputError(
                _("The encoded data is missing or damaged: {error}").format(error=error),
                path=folder,
                hint=_("Start the run again without --resume"),
            ) from error

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def counted(self) -> int:
        """Tokens that the loss counts on."""
        if self.weights is not None:
            return int(np.count_nonzero(self.weights))
        return len(self.tokens) - (len(self.offsets) - 1)

    @property
    def unknown(self) -> int:
        """Counted tokens that hide what they stand for."""
        return len(self.hidden)

    def frequencies(self, vocabulary: int, limit: int) -> NDArray[np.int64]:
        """How often each word is predicted in the first `limit` tokens, [vocabulary]."""
        counts, stop = np.zeros(vocabulary, np.int64), min(limit, len(self))
        for start in range(0, stop, _COUNTED):
            labels = self.labels(np.arange(start, min(start + _COUNTED, stop)))
            counts += np.bincount(labels[labels >= 0], minlength=vocabulary)
        return counts

    def head(self, limit: int) -> "TokenStream":
        """The first `limit` tokens; a document may be cut, and bytes are in proportion."""
        if limit >= len(self.tokens):
            return self
        whole = self.offsets[: np.searchsorted(self.offsets, limit)]
        return self._part([slice(0, limit)], np.append(whole, limit))

    def sample(self, limit: int) -> "TokenStream":
        """About `limit` tokens of documents spread evenly over the stream, in memory.

        The head alone would be the first source of many. Of fewer than `FEW` documents it is taken
        all the same.
        """
        step = -(-len(self.tokens) // max(1, limit))
        chosen = np.arange(step // 2, len(self.offsets) - 1, step)
        if step == 1 or len(chosen) < FEW:
            return self.head(limit)
        starts, ends = self.offsets[chosen], self.offsets[chosen + 1]
        spans = [slice(*span) for span in zip(starts.tolist(), ends.tolist(), strict=True)]
        return self._part(spans, np.append(0, np.cumsum(ends - starts))).head(limit)

    def _part(self, spans: list[slice], offsets: NDArray[np.int64]) -> "TokenStream":
        """Some stretches of the stream, with their share of the bytes."""

        def cut(values: NDArray[Any]) -> NDArray[Any]:
            if len(spans) == 1:
                return values[spans[0]]
            return np.concatenate([values[span] for span in spans])

        places, start, hidden = self.hidden[:, 0], 0, []
        for span in spans:
            rows = slice(*np.searchsorted(places, [span.start, span.stop]))
            hidden.append(self.hidden[rows] - [span.start - start, 0])
            start += span.stop - span.start
        part = replace(
            self,
            tokens=cut(self.tokens),
            offsets=offsets.astype(np.int64),
            weights=None if self.weights is None else cut(self.weights),
            hidden=np.concatenate(hidden),
        )
        return replace(part, bytes=round(self.bytes * part.counted / max(1, self.counted)))

    def labels(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """The ids at some places, and -100 where the loss does not count."""
        ids = self.tokens[places].astype(np.int64)
        if self.weights is not None:
            ids[self.weights[places] == 0] = -100
        else:
            nearest = np.searchsorted(self.offsets, places)
            ids[np.asarray(self.offsets)[nearest] == places] = -100
        return ids


def _mapped(path: Path, dtype: str, size: int) -> NDArray[Any]:
    if path.stat().st_size != size * np.dtype(dtype).itemsize:
        raise ValueError(path.name)
    if not size:
        return np.zeros(0, dtype=dtype)
    return np.memmap(path, dtype=dtype, mode="r", shape=(size,))


def offsets(lengths: Lengths) -> NDArray[np.int64]:
    """Where each row starts, and where the last one ends: [rows + 1]."""
    return np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(lengths, dtype=np.int64)))


def starts_of(lengths: Lengths) -> NDArray[np.int64]:
    """Where each row starts: [rows]."""
    return offsets(lengths)[:-1]


def positions(lengths: Lengths) -> NDArray[np.int64]:
    """The place of every value in its row: 0, 1, 2, 0, 1..."""
    borders = offsets(lengths)
    return np.arange(borders[-1]) - np.repeat(borders[:-1], lengths)


def take(values: Flat, starts: NDArray[np.int64], lengths: Lengths) -> Flat:
    """Rows of a flat array, by where they start and how long they are, one after the other."""
    taken: Flat = values[np.repeat(starts, lengths) + positions(lengths)]
    return taken


def sums(lengths: Lengths, groups: Lengths) -> Lengths:
    """Add up lengths in groups of so many rows each; an empty group gives 0."""
    total = offsets(lengths)
    return np.diff(total[offsets(groups)])


def shifted(places: NDArray[np.int64], lengths: Lengths, before: int, after: int) -> Lengths:
    """Where values at some places stand after `framed` has put so many before and after a row."""
    row = np.searchsorted(np.cumsum(lengths), places, "right")
    return places + row * (before + after) + before


def framed(
    values: Flat, lengths: Lengths, before: Sequence[int], after: Sequence[int]
) -> tuple[Flat, Lengths]:
    """Rows with the same values before and after each, and their lengths."""
    whole = lengths + len(before) + len(after)
    borders = offsets(whole)
    result = np.empty(borders[-1], dtype=values.dtype)
    inside = np.ones(borders[-1], dtype=bool)
    for i, value in enumerate(before):
        result[borders[:-1] + i] = value
        inside[borders[:-1] + i] = False
    for i, value in enumerate(reversed(after), start=1):
        result[borders[1:] - i] = value
        inside[borders[1:] - i] = False
    result[inside] = values
    return result, whole
