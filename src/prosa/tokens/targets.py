"""Documents that end in the numbers that are to be found, and their rows: a label, or a span.

They are a stream as any other: tokens, and behind them the numbers, on which alone the loss counts.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from prosa.files import full_disk_said
from prosa.tokens.stream import HIDDEN, META, OFFSETS, TOKENS, WEIGHTS, TokenStream


def write(
    folder: Path,
    documents: Iterable[tuple[Sequence[int], Sequence[int]]],
    *,
    classes: Sequence[str] = (),
) -> TokenStream:
    """Write documents of (tokens, numbers) as a stream.

    Args:
        folder: Where it goes; it is created, and mapped.
        documents: One at a time.
        classes: The labels that the numbers stand for, if any.

    Raises:
        ProsaError: The disk is full.
    """
    tokens = count = 0
    with full_disk_said(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / HIDDEN).write_bytes(b"")
        with (
            (folder / TOKENS).open("wb") as ids_file,
            (folder / OFFSETS).open("wb") as offsets_file,
            (folder / WEIGHTS).open("wb") as weights_file,
        ):
            offsets_file.write(np.zeros(1, "<i8").tobytes())
            for ids, numbers in documents:
                ids_file.write(np.array([*ids, *numbers], "<u4").tobytes())
                weights_file.write(bytes(len(ids)) + b"\1" * len(numbers))
                tokens, count = tokens + len(ids) + len(numbers), count + 1
                offsets_file.write(np.array([tokens], "<i8").tobytes())
        meta = {
            "dtype": "<u4",
            "tokens": tokens,
            "documents": count,
            "bytes": 0,
            "unknown": 0,
            "weighted": True,
            "classes": list(classes),
        }
        (folder / META).write_text(json.dumps(meta), encoding="utf-8")
    return TokenStream.open(folder)


def whole(stream: TokenStream, numbers: int) -> list[int]:
    """The documents that have all their numbers: `TokenStream.head` may have cut the last one."""
    assert stream.weights is not None
    counted = np.concatenate([[0], np.cumsum(stream.weights, dtype=np.int64)])
    return np.flatnonzero(np.diff(counted[np.asarray(stream.offsets)]) == numbers).tolist()
