"""Rows of different lengths in one flat array: the shapes that token streams are made of."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Flat = NDArray[Any]
Lengths = NDArray[np.int64]


def offsets(lengths: Lengths) -> NDArray[np.int64]:
    """Where each row starts, and where the last one ends: [rows + 1]."""
    return np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(lengths, dtype=np.int64)))


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
