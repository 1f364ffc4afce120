"""Which records train, validate and test: by group, by seed, and never by the order of the rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prosa.data.duplicates import Rows
from prosa.data.shingles import Hashes

NAMES = ("train", "validation", "test")
TRAIN, VALIDATION, TEST = range(3)

Sides = NDArray[np.int8]


@dataclass(frozen=True)
class Shares:
    """How much is held out.

    Attributes:
        test: Share of all records.
        validation: Share of the records that are not test.
    """

    validation: float = 0.1
    test: float = 0.15


def assign(group: Rows, keys: Hashes, shares: Shares, seed: int, sides: Sides) -> Sides:
    """Deal groups of records out to the sides.

    The groups are shuffled by a hash of what they say and the seed, so that the order of the rows
    does not matter, and then taken whole while they fit; the rest trains.

    Args:
        group: int64 [records], the same number where records belong together.
        keys: uint64 [records], the hash of what each record says.
        shares: What to hold out.
        seed: Another seed, another deal.
        sides: int8 [records], `TRAIN` where the record is free, or the side where it stands.

    Returns:
        int8 [records]
    """
    sides = sides.copy()
    free = np.flatnonzero(sides == TRAIN)
    for side, share in ((TEST, shares.test), (VALIDATION, shares.validation)):
        wanted = round(len(free) * share)
        if wanted:
            taken = _deal(group[free], keys[free], wanted, seed + side)
            sides[free[taken]] = side
            free = free[~taken]
    return sides


def _deal(group: Rows, keys: Hashes, wanted: int, seed: int) -> NDArray[np.bool_]:
    """Choose whole groups, in shuffled order, that hold `wanted` records together."""
    _, member, sizes = np.unique(group, return_inverse=True, return_counts=True)
    salt = np.random.default_rng(seed).integers(0, 1 << 63, dtype=np.uint64)
    shuffled = (keys ^ salt) * np.uint64(0x9E3779B97F4A7C15)
    shuffled = (shuffled ^ (shuffled >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    lot = np.full(len(sizes), np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(lot, member, shuffled)
    chosen = np.zeros(len(sizes), np.bool_)
    left = wanted
    for number in np.argsort(lot, kind="stable").tolist():
        if sizes[number] <= left:
            chosen[number] = True
            left -= int(sizes[number])
            if not left:
                break
    return chosen[member]


def cut(texts: Sequence[str], shares: Shares) -> dict[str, list[str]]:
    """Cut running texts into train, validation and test, one behind the other.

    The shares are of the characters; each cut is made at the nearest border of a paragraph or line.
    """
    total = sum(map(len, texts))
    test = round(total * (1 - shares.test))
    validation = round(test * (1 - shares.validation))
    parts: dict[str, list[str]] = {name: [] for name in NAMES}
    start = 0
    for text in texts:
        first = _border(text, validation - start)
        second = max(first, _border(text, test - start))
        for name, part in zip(
            NAMES, (text[:first], text[first:second], text[second:]), strict=True
        ):
            if part.strip():
                parts[name].append(part.strip("\n"))
        start += len(text)
    return parts


def _border(text: str, place: int) -> int:
    """The nearest place to cut: a blank line close by, a line, a sentence, a word."""
    if place <= 0 or place >= len(text):
        return max(0, min(place, len(text)))
    for mark, reach in (
        ("\n\n", min(1000, len(text) // 200)),
        ("\n", 2000),
        (". ", 500),
        (" ", 100),
    ):
        low, high = max(0, place - reach), min(len(text), place + reach)
        before = text.rfind(mark, low, place)
        after = text.find(mark, place, high)
        ends = [at + len(mark) for at in (before, after) if at >= 0]
        if ends:
            return min(ends, key=lambda end: abs(end - place))
    return place
