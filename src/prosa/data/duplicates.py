"""Copies and near copies in a whole set, and the groups of records that belong on one side.

MinHash over runs of five words (why: docs/decisions/0001-minhash.md), banded so that similar
records meet in a bucket (Indyk & Motwani 1998). What is dropped is verified by the true Jaccard
similarity first; what is only grouped, by the estimate. All arrays take some bytes a record.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prosa.data.signatures import SHORT, Hashes, Signatures, similarity

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]

NEAR = 0.9
GROUPED = 0.5
_LONE_ANSWER = 4
_LARGEST, _SMALL = 0.5, 10
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Fingerprints:
    """One text of each record, as numbers.

    Attributes:
        identity: uint64 [records], the hash of all its words; 0 where it has none.
        words: int32 [records], how many words it has.
        signatures: Those of the records that have at least `SHORT` words.
        text_of: The text of a record, for verifying.
    """

    identity: Hashes
    words: NDArray[np.int32]
    signatures: Signatures
    text_of: Callable[[int], str]


@dataclass(frozen=True)
class Duplicates:
    """What is alike in a set of records.

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
    texts: Sequence[Fingerprints],
    *,
    usable: Mask,
    held_out: Mask,
    keep_short: bool,
    near: bool = True,
) -> Duplicates:
    """Find copies, near copies and groups.

    A record is a near copy of another if every text of it is (at least `NEAR`); two records are
    grouped if any text is alike (at least `GROUPED`), or says the same. Of copies the first stays,
    or the one that is held out.

    Args:
        exact: uint64 [records], the hash of everything the record says, to the letter.
        texts: The texts of the records that are compared.
        usable: bool [records], those that take part; others are dropped already.
        held_out: bool [records], those that a person holds out.
        keep_short: Whether repeated records of fewer than `SHORT` words stay, unless they repeat
            one that is held out.
        near: Whether near copies are dropped.
    """
    count = len(exact)
    copy_of = np.full(count, -1, np.int64)
    droppable = np.ones(count, np.bool_)
    if keep_short:
        droppable = np.sum([one.words for one in texts], axis=0) >= SHORT
    rows = np.concatenate([np.flatnonzero(usable & held_out), np.flatnonzero(usable & ~held_out)])
    first, again = _repeats(exact, rows)
    drops = droppable[again] | held_out[first]
    copy_of[again[drops]] = first[drops]
    exact_copies = copy_of >= 0
    repeats = int((~drops & ~held_out[again]).sum())

    rows = rows[~exact_copies[rows]]
    alike = [_alike(one, rows) for one in texts]
    if near:
        for one, other in _near_pairs(alike[0], texts, droppable, held_out):
            if copy_of[one] < 0 and copy_of[other] < 0:
                copy_of[other] = one
    group, threshold = _groups(alike, texts, rows, copy_of)
    return Duplicates(
        exact_copies, (copy_of >= 0) & ~exact_copies, copy_of, group, threshold, repeats
    )


_Alike = tuple[Rows, NDArray[np.float64]]
"""Pairs of records, int64 [pairs, 2], and how alike they are in one text, float64 [pairs]."""


def _alike(text: Fingerprints, rows: Rows) -> _Alike:
    """The pairs of one text: first those that say the same, then those that share much."""
    first, again = _repeats(text.identity, rows[text.identity[rows] != 0])
    different = text.signatures.has.copy()
    different[again] = False
    similar = _bucketed(text.signatures, rows[different[rows]])
    likeness = text.signatures.likeness(similar)
    enough = likeness >= GROUPED
    pairs = np.concatenate([np.stack([first, again], axis=1), similar[enough]])
    return pairs, np.concatenate([np.ones(len(again)), likeness[enough]])


def _bucketed(signatures: Signatures, rows: Rows) -> Rows:
    """Pairs of records that share a bucket: each with the first in it and with the one before."""
    count = len(signatures.has)
    places = signatures.places(rows)
    pairs = np.empty(0, np.int64)
    for band in signatures.bands() if len(rows) > 1 else ():
        bucket = band[places]
        order = np.argsort(bucket, kind="stable")
        same = _same_as_before(bucket[order])
        joins = np.flatnonzero(same)
        # The place where the bucket of each begins: the last before it that begins one.
        begins = np.flatnonzero(~same)
        leaders = rows[order[begins[np.searchsorted(begins, joins) - 1]]]
        members, before = rows[order[joins]], rows[order[joins - 1]]
        pairs = np.unique(
            np.concatenate([pairs, leaders * count + members, before * count + members])
        )
    return np.stack([pairs // max(1, count), pairs % max(1, count)], axis=1)


def _near_pairs(
    alike: _Alike, texts: Sequence[Fingerprints], droppable: Mask, held_out: Mask
) -> list[tuple[int, int]]:
    """Verified near copies, (preferred, other), in order of preference of the other."""
    # The estimate of 128 slots is off by 0.027 (one sigma) at 0.9.
    pairs, likeness = alike
    likely = pairs[likeness >= NEAR - 0.1]
    likely = likely[droppable[likely].all(axis=1) | held_out[likely].any(axis=1)]

    def preference(row: int) -> tuple[bool, int]:
        return not held_out[row], row

    near = []
    for ends in likely.tolist():
        one, other = sorted(ends, key=preference)
        if all(_is_near(text, one, other) for text in texts):
            near.append((one, other))
    return sorted(near, key=lambda pair: (preference(pair[1]), preference(pair[0])))


def _is_near(text: Fingerprints, one: int, other: int) -> bool:
    if text.identity[one] == text.identity[other]:
        return True
    if min(text.words[one], text.words[other]) < SHORT:
        return False
    return similarity(text.text_of(one), text.text_of(other)) >= NEAR


def _groups(
    alike: Sequence[_Alike], texts: Sequence[Fingerprints], rows: Rows, copy_of: Rows
) -> tuple[Rows, float]:
    """Connected records; the threshold rises while one group would swallow half of the set."""
    count = len(copy_of)
    copies = np.flatnonzero(copy_of >= 0)
    pairs = [np.stack([copy_of[copies], copies], axis=1)]
    strengths = [np.ones(len(copies))]
    for place, (text, (alike_rows, strength)) in enumerate(zip(texts, alike, strict=True)):
        # "Sim." answers many questions; that does not make them alike.
        few = text.words[alike_rows].min(axis=1, initial=1 << 30) < _LONE_ANSWER
        telling = ~few if place else np.ones(len(few), np.bool_)
        pairs.append(alike_rows[telling])
        strengths.append(strength[telling])
    edges, likeness = np.concatenate(pairs), np.concatenate(strengths)
    kept = rows[copy_of[rows] < 0]
    for threshold in (GROUPED, 0.6, 0.7, NEAR):
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


def _repeats(keys: Hashes, rows: Rows) -> tuple[Rows, Rows]:
    """Of some rows, those whose key an earlier one has: (the first with that key, the row).

    Args:
        keys: uint64 [records]
        rows: int64 [rows], in order of preference.
    """
    ordered = keys[rows]
    ordered.sort()
    repeated = np.unique(ordered[_same_as_before(ordered)])
    del ordered
    blocks = range(0, len(rows) if len(repeated) else 0, _BLOCK)
    some = [start + _members(keys[rows[start : start + _BLOCK]], repeated) for start in blocks]
    rows = rows[np.concatenate([np.empty(0, np.int64), *some])]
    known = keys[rows]
    _keys, first, inverse = np.unique(known, return_index=True, return_inverse=True)
    first = first[inverse]
    again = first != np.arange(len(first))
    return rows[first[again]], rows[again]


def _members(keys: Hashes, of: Hashes) -> Rows:
    """The places of the keys that are among some sorted ones."""
    nearest = np.minimum(np.searchsorted(of, keys), len(of) - 1)
    return np.flatnonzero(of[nearest] == keys)


def _same_as_before(sorted_keys: Hashes) -> Mask:
    """Whether each of some sorted numbers equals the one before it."""
    same = np.zeros(len(sorted_keys), np.bool_)
    np.equal(sorted_keys[1:], sorted_keys[:-1], out=same[1:])
    return same
