"""The stream of ids that data becomes: documents one after the other, mapped from disk."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prosa.errors import InputError
from prosa.i18n import _

FEW = 8
"""Documents of a sample, below which the head of the stream is taken instead."""
TOKENS, OFFSETS, WEIGHTS, META = "tokens.bin", "offsets.bin", "weights.bin", "stream.json"


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
        unknown: How many tokens are `<unk>`: a model is not charged for how these are spelled.
    """

    tokens: NDArray[Any]
    offsets: NDArray[np.int64]
    weights: NDArray[np.uint8] | None
    bytes: int
    unknown: int = 0

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
                unknown=meta["unknown"],
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

    def head(self, limit: int) -> "TokenStream":
        """The first `limit` tokens; a document may be cut, and bytes are in proportion."""
        if limit >= len(self.tokens):
            return self
        whole = self.offsets[: np.searchsorted(self.offsets, limit)]
        part = TokenStream(
            tokens=self.tokens[:limit],
            offsets=np.append(whole, limit).astype(np.int64),
            weights=None if self.weights is None else self.weights[:limit],
            bytes=0,
        )
        self._share_with(part)
        return part

    def sample(self, limit: int) -> "TokenStream":
        """About `limit` tokens of documents spread evenly over the stream, in memory.

        The head alone would be the first source of many. Of fewer than `FEW` documents it is taken
        all the same.
        """
        step = -(-len(self.tokens) // max(1, limit))
        chosen = np.arange(step // 2, len(self.offsets) - 1, step)
        if step == 1 or len(chosen) < FEW:
            return self.head(limit)
        spans = [slice(self.offsets[n], self.offsets[n + 1]) for n in chosen]
        lengths = [span.stop - span.start for span in spans]
        part = TokenStream(
            tokens=np.concatenate([self.tokens[span] for span in spans]),
            offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            weights=None
            if self.weights is None
            else np.concatenate([self.weights[span] for span in spans]),
            bytes=0,
        )
        self._share_with(part)
        return part.head(limit)

    def _share_with(self, part: "TokenStream") -> None:
        """Give a part its share of the bytes and of the unknown tokens."""
        share = part.counted / max(1, self.counted)
        object.__setattr__(part, "bytes", round(self.bytes * share))
        object.__setattr__(part, "unknown", round(self.unknown * share))

    def labels(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """The ids at some places, and -100 where the loss does not count."""
        ids = self.tokens[places].astype(np.int64)
        if self.weights is not None:
            ids[self.weights[places] == 0] = -100
        else:
            found = np.searchsorted(self.offsets, places)
            ids[np.asarray(self.offsets)[found] == places] = -100
        return ids


def _mapped(path: Path, dtype: str, size: int) -> NDArray[Any]:
    if path.stat().st_size != size * np.dtype(dtype).itemsize:
        raise ValueError(path.name)
    if not size:
        return np.zeros(0, dtype=dtype)
    return np.memmap(path, dtype=dtype, mode="r", shape=(size,))
