"""Copies and near copies in a whole set, and the groups of records that belong on one side.

MinHash over runs of five words with `rensa` (why: docs/decisions/0001-minhash.md), banded so that
similar records meet in a bucket (Broder 1997; Indyk & Motwani 1998). What is dropped is verified
by the true Jaccard similarity first; what is only grouped, by the estimate.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prosa.data.shingles import Hashes, similarity
from prosa.data.sketches import BANDS, SHORT, Sketches

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]

NEAR = 0.9
GROUPED = 0.5
_LONE_ANSWER = 4
_LARGEST, _SMALL = 0.5, 10


@dataclass(frozen=True)
class Facet:
    """One text of each record, as numbers.

    Attributes:
        identity: uint64 [records], the hash of all its words; 0 where it has none.
        words: int32 [records], how many words it has.
        sketches: Those of the records that have at least `SHORT` words.
    """

    identity: Hashes
    words: NDArray[np.int32]
    sketches: Sketches


@dataclass(frozen=True)
class Found:
    """What was found in a set of records.

    Attributes:
        exact: bool [records], the records that repeat another that stays.
        near: bool [records], the records that nearly repeat another that stays.
        copy_of: int64 [records], the record that stays, -1 where there is none.
        group: int64 [records], the same number where records belong on one side of a split.
        threshold: The similarity from which records were grouped.
        repeats: How many short records repeat another and stay.
    """

    exact: Mask
    near: Mask
    copy_of: Rows
    group: Rows
    threshold: float
    repeats: int


def find(
    exact: Hashes,
    facets: Sequence[Facet],
    text_of: Callable[[int, int], str],
    *,
    usable: Mask,
    order: Rows,
    keep_short: bool,
    near: bool = True,
) -> Found:
    """Find copies, near copies and groups.

    A record is a near copy of another if every facet is (at least `NEAR`); two records are grouped
    if any facet is alike (at least `GROUPED`), or says the same.

    Args:
        exact: uint64 [records], the hash of everything the record says, to the letter.
        facets: The texts of the records that are compared.
        text_of: (facet, record) -> the text, for verifying.
        usable: bool [records], those that take part; others are dropped already.
        order: int64 [records], all record numbers in the order in which they are preferred.
        keep_short: Whether repeated records of fewer than `SHORT` words stay.
        near: Whether near copies are dropped.
    """
    count = len(exact)
    copy_of = np.full(count, -1, np.int64)
    long_enough = np.ones(count, np.bool_)
    if keep_short:
        long_enough = np.sum([facet.words for facet in facets], axis=0) >= SHORT
    rows = order[usable[order]]
    repeats = int((~_firsts(exact[rows]) & ~long_enough[rows]).sum())
    is_exact = np.zeros(count, np.bool_)
    candidates = rows[long_enough[rows]]
    first = _first(exact[candidates])
    is_exact[candidates] = ~_firsts(exact[candidates])
    copy_of[candidates] = np.where(is_exact[candidates], candidates[first], -1)

    rows = rows[~is_exact[rows]]
    alike = [_alike(facet, rows) for facet in facets]
    is_near = np.zeros(count, np.bool_)
    if near:
        position = np.empty(count, np.int64)
        position[order] = np.arange(count)
        for one, other in _near_pairs(alike, facets, text_of, long_enough, position):
            if copy_of[one] < 0 and copy_of[other] < 0:
                copy_of[other] = one
                is_near[other] = True
    group, threshold = _groups(alike, facets, rows, copy_of)
    return Found(is_exact, is_near, copy_of, group, threshold, repeats)


@dataclass(frozen=True)
class _Alike:
    """Pairs of records that are alike in one facet: int64 [pairs, 2] and float64 [pairs]."""

    pairs: Rows
    likeness: NDArray[np.float64]


def _alike(facet: Facet, rows: Rows) -> _Alike:
    """The pairs of one facet: first those that say the same, then those that share much."""
    rows = rows[facet.identity[rows] != 0]
    first = _first(facet.identity[rows])
    same = first != np.arange(len(rows))
    equal = np.stack([rows[first[same]], rows[same]], axis=1)
    different = rows[~same & (facet.words[rows] >= SHORT)]
    similar = _bucketed(facet.sketches, different)
    likeness = facet.sketches.likeness(similar)
    enough = likeness >= GROUPED
    return _Alike(
        np.concatenate([equal, similar[enough]]),
        np.concatenate([np.ones(len(equal)), likeness[enough]]),
    )


def _bucketed(sketches: Sketches, rows: Rows) -> Rows:
    """Pairs of records that share a bucket: each with the first in it and with the one before."""
    found = [np.empty((0, 2), np.int64)]
    for band in range(BANDS):
        bucket = sketches.buckets(band, rows)
        by_bucket = np.argsort(bucket, kind="stable")
        members, bucket = rows[by_bucket], bucket[by_bucket]
        starts = np.flatnonzero(np.r_[True, bucket[1:] != bucket[:-1]][: len(bucket)])
        sizes = np.diff(np.r_[starts, len(bucket)])
        leaders = np.repeat(members[starts], sizes)
        joins = np.flatnonzero(leaders != members)
        found.append(np.stack([leaders[joins], members[joins]], axis=1))
        found.append(np.stack([members[joins - 1], members[joins]], axis=1))
        found[:] = [np.unique(np.concatenate(found), axis=0)]
    return found[0]


def _near_pairs(
    alike: Sequence[_Alike],
    facets: Sequence[Facet],
    text_of: Callable[[int, int], str],
    long_enough: Mask,
    position: Rows,
) -> list[tuple[int, int]]:
    """Verified near copies, (preferred, other), in order of preference of the other."""
    # The estimate of 128 slots is off by 0.027 (one sigma) at 0.9.
    likely = alike[0].pairs[alike[0].likeness >= NEAR - 0.1]
    likely = likely[long_enough[likely].all(axis=1)]
    found = []
    for one, other in likely.tolist():
        if position[one] > position[other]:
            one, other = other, one  # noqa: PLW2901
        if all(_is_near(number, facets, text_of, one, other) for number in range(len(facets))):
            found.append((one, other))
    return sorted(found, key=lambda pair: (position[pair[1]], position[pair[0]]))


def _is_near(
    number: int,
    facets: Sequence[Facet],
    text_of: Callable[[int, int], str],
    one: int,
    other: int,
) -> bool:
    facet = facets[number]
    if facet.identity[one] == facet.identity[other]:
        return True
    if min(facet.words[one], facet.words[other]) < SHORT:
        return False
    return similarity(text_of(number, one), text_of(number, other)) >= NEAR


def _groups(
    alike: Sequence[_Alike], facets: Sequence[Facet], rows: Rows, copy_of: Rows
) -> tuple[Rows, float]:
    """Connected records; the threshold rises while one group would swallow half of the set."""
    count = len(copy_of)
    pairs = [np.stack([np.maximum(copy_of, 0), np.arange(count)], axis=1)[copy_of >= 0]]
    strong = [np.ones(len(pairs[0]))]
    for number, (facet, one) in enumerate(zip(facets, alike, strict=True)):
        # "Sim." answers many questions; that does not make them alike.
        few = facet.words[one.pairs].min(axis=1, initial=1 << 30) < _LONE_ANSWER
        telling = ~few if number else np.ones(len(few), np.bool_)
        pairs.append(one.pairs[telling])
        strong.append(one.likeness[telling])
    edges, likeness = np.concatenate(pairs), np.concatenate(strong)
    kept = rows[copy_of[rows] < 0]
    for threshold in (GROUPED, 0.6, 0.7, NEAR, 0.9):
        group = connected(count, edges[likeness >= threshold])
        largest = np.bincount(group[kept]).max(initial=0)
        if largest <= max(_SMALL, _LARGEST * len(kept)):
            break
    return group, threshold


def connected(count: int, edges: Rows) -> Rows:
    """The connected components of a graph.

    Args:
        count: How many nodes there are.
        edges: int64 [edges, 2]

    Returns:
        int64 [count], the smallest node of each node's component.
    """
    label = np.arange(count)
    while len(edges):
        ends = label[edges]
        low, high = ends.min(axis=1), ends.max(axis=1)
        if np.array_equal(low, high):
            break
        np.minimum.at(label, high, low)
        while not np.array_equal(label, shorter := label[label]):
            label = shorter
    return label


def _firsts(keys: Hashes) -> Mask:
    """Whether each key stands at its first place."""
    mask: Mask = _first(keys) == np.arange(len(keys))
    return mask


def _first(keys: Hashes) -> Rows:
    """For each key the place where it stands first."""
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    places: Rows = first[inverse]
    return places
