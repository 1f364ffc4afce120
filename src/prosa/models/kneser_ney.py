"""Counting n-grams of any order for modified Kneser-Ney, without a loop over tokens.

It covers what is estimated from data: which n-grams occur, their counts, the three discounts of
each order. The probabilities, which are computed from these, are in `ngram_tables.py`.

Method: Chen and Goodman 1998, "An empirical study of smoothing techniques for language modeling",
with the choices of KenLM's lmplz (Heafield et al. 2013): an n-gram below the highest order counts
how many different words stand before it, except that one which begins with the sentence start keeps
its plain count; nothing is pruned.

All n-grams form one tree laid out level by level: node 0 is the empty n-gram, nodes 1 to V are the
words of the vocabulary by id, then come all pairs, and so on. Within a level the nodes are sorted
by (node of all words but the last, last word). A node's place is its number, and `parent * V + last
word` rises all along: one sorted array finds any n-gram.

This file is copied beside a saved model and must import nothing but numpy.

Shapes: T tokens of the stream, V words of the vocabulary, N the order, M nodes, C nodes below the
highest order (those that can be a context).
"""

from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

# lmplz's own values for --discount_fallback.
FALLBACK = (0.5, 1.0, 1.5)
_KEYS = 2**63 - 1
_LARGEST = 2**31
"""Node numbers from here on take 64 bits; below, 32 save 8 bytes a token while counting."""


@dataclass(frozen=True)
class Counts:
    """All n-grams of a stream.

    Attributes:
        entries: How many n-grams each order has, from 1 to N; order 1 has the whole vocabulary.
        keys: int64 [M], `parent * V + last word` of each node; -1 for the root.
        counts: int32 [M], plain counts at order N and of n-grams that begin with the sentence
            start, elsewhere how many different words stand before the n-gram.
        followers: int32 [C, 4], for each context the sum of its n-grams' counts, and how many of
            them have count 1, 2, and 3 or more.
    """

    entries: list[int]
    keys: NDArray[np.int64]
    counts: NDArray[np.int32]
    followers: NDArray[np.int32]


def count(
    tokens: NDArray, offsets: NDArray[np.int64], *, order: int, vocabulary: int, bos: int | None
) -> Counts:
    """Count the n-grams of a stream of documents; none reaches over a document's border.

    Args:
        tokens: Ids [T], the documents one after another, each bos + ids + eos.
        offsets: Borders of the documents, from 0 to T.
        order: N, at least 1.
        vocabulary: V.
        bos: Id of the sentence start: context only, never predicted.

    Raises:
        ValueError: The stream is too long for 32-bit counts, an id is not below V, the offsets do
            not fit the stream, or there are more n-grams than 64-bit keys can tell apart.
    """
    _check(tokens, offsets, vocabulary)
    text = _Text.sort(tokens, offsets, order, vocabulary)
    entries = [vocabulary] + [int(text.new(n).sum()) for n in range(2, order + 1)]
    ends = list(accumulate(entries, initial=1))
    if ends[-2] * vocabulary > _KEYS:
        raise ValueError(
            f"{ends[-2]} n-grams below order {order} of {vocabulary} words are too many to number;"
            " take a lower order or a smaller vocabulary"
        )
    keys = np.empty(ends[-1], np.int64)
    keys[: ends[1]] = np.arange(-1, vocabulary)
    counts = np.zeros(ends[-1], np.int32)
    if order == 1:
        counts[1:] = np.bincount(tokens, minlength=vocabulary)
    else:
        _fill(text, ends, keys, counts, bos)
    if bos is not None:
        counts[1 + bos] = 0
    return Counts(entries, keys, counts, _followers(ends, keys, counts, vocabulary))


def discounts(counts: Counts) -> tuple[NDArray[np.float32], list[int]]:
    """Estimate what counts of 1, 2, and 3 or more lose, from counts of counts.

    Returns:
        float32 [N, 3], and the orders that got `FALLBACK` because no n-gram of theirs has count 1,
        2 or 3, or an estimate is below 0 or above the count (tiny or artificial data; lmplz stops
        there unless it is given --discount_fallback).
    """
    amounts, fallback = [], []
    ends = list(accumulate(counts.entries, initial=1))
    for n, level in enumerate(map(slice, ends, ends[1:]), start=1):
        of_counts = np.bincount(np.minimum(counts.counts[level], 5), minlength=6)
        estimate = _estimate(of_counts.astype(np.float32))
        if estimate is None:
            fallback.append(n)
        amounts.append(estimate or FALLBACK)
    return np.array(amounts, np.float32), fallback


def _estimate(n: NDArray[np.float32]) -> tuple[np.float32, ...] | None:
    """Equation 26 of Chen and Goodman, in lmplz's precision and sequence of operations."""
    if not n[1:4].all():
        return None
    y = n[1] / np.float32(float(n[1]) + 2.0 * float(n[2]))
    three = tuple(np.float32(k) - np.float32(k + 1) * y * n[k + 1] / n[k] for k in (1, 2, 3))
    return three if all(0 <= d <= k for k, d in enumerate(three, start=1)) else None


@dataclass(frozen=True)
class _Text:
    """A stream and its positions, sorted by the (at most N) words that begin there.

    Attributes:
        stream: Ids [T + N], zeros at the end.
        rows: Positions [T] in the order of the words from there to N words on, or to the end of the
            document, which sorts before any word.
        length: uint8 [T], how many words those are.
        shared: uint8 [T], how many of them the row has in common with the row before.
    """

    stream: NDArray
    rows: NDArray[np.int64]
    length: NDArray[np.uint8]
    shared: NDArray[np.uint8]

    @classmethod
    def sort(
        cls, tokens: NDArray, offsets: NDArray[np.int64], order: int, vocabulary: int
    ) -> "_Text":
        stream = np.concatenate([tokens, np.zeros(order, tokens.dtype)])
        reach = _reach(offsets, order)
        # An id is shifted by one: 0 stands for "the document has ended".
        bits = int(vocabulary).bit_length()
        rows, shared = _sorted_rows(stream, reach, order, bits)
        return cls(stream, rows, reach[rows], shared)

    def new(self, n: int) -> NDArray[np.bool_]:
        """Rows [T] at which an n-gram appears for the first time."""
        return (self.shared < n) & (self.length >= n)

    def plain_counts(self, n: int, heads: NDArray[np.int64], rows: slice) -> NDArray[np.int64]:
        """How often each n-gram occurs whose first row is in `heads`, all of them within `rows`."""
        if not heads.size:
            return heads
        return np.add.reduceat(self.length[rows] >= n, heads - rows.start, dtype=np.int64)


def _check(tokens: NDArray, offsets: NDArray[np.int64], vocabulary: int) -> None:
    if tokens.size >= 2**31:
        raise ValueError(f"the stream has {tokens.size} tokens; at most 2**31 - 1 can be counted")
    if tokens.size and int(tokens.max()) >= vocabulary:
        raise ValueError(f"the stream holds id {tokens.max()}; the vocabulary has {vocabulary}")
    if (
        not offsets.size
        or offsets[0] != 0
        or offsets[-1] != tokens.size
        or (np.diff(offsets) < 0).any()
    ):
        raise ValueError(f"the offsets must rise from 0 to the stream's length, {tokens.size}")


def _reach(offsets: NDArray[np.int64], order: int) -> NDArray[np.uint8]:
    """Words from each position to the end of its document, at most N: uint8 [T]."""
    reach = np.full(offsets[-1], order, np.uint8)
    lengths, ends = np.diff(offsets), offsets[1:]
    for n in range(1, order):
        reach[ends[lengths >= n] - n] = n
    return reach


def _sorted_rows(
    stream: NDArray, reach: NDArray[np.uint8], order: int, bits: int
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Sort all positions by their next N words, as many words at once as 63 bits hold.

    After the first sort only ties are sorted further: of 900 thousand 4-grams a third.

    Returns:
        Positions [T] in that order, and how many words each shares with the one before, uint8 [T].
    """
    depth = min(order, 63 // bits)
    key = _packed(stream, reach, slice(0, reach.size), range(depth), bits)
    rows = np.argsort(key)
    shared = _shared_words(key[rows], depth, bits)
    del key
    while depth < order:
        same = shared == depth
        tied = same.copy()
        tied[:-1] |= same[1:]
        at = np.flatnonzero(tied)
        if not at.size:
            break
        group = np.cumsum(~same[at])
        more = min(order - depth, (63 - int(group[-1]).bit_length()) // bits)
        key = _packed(stream, reach, rows[at], range(depth, depth + more), bits)
        key |= group << (more * bits)
        resorted = np.argsort(key)
        rows[at] = rows[at][resorted]
        shared[at] += _shared_words(key[resorted], more, bits)
        depth += more
    return rows, shared


def _packed(
    stream: NDArray,
    reach: NDArray[np.uint8],
    positions: slice | NDArray[np.int64],
    steps: range,
    bits: int,
) -> NDArray[np.int64]:
    """The words some steps after each position in one integer, the nearest highest."""
    near = reach[positions]
    key = np.zeros(near.size, np.int64)
    for step in steps:
        if isinstance(positions, slice):
            word = stream[positions.start + step : positions.stop + step].astype(np.int64)
        else:
            word = stream[positions + step].astype(np.int64)
        word += 1
        word *= near > step
        key <<= bits
        key |= word
    return key


def _shared_words(key: NDArray[np.int64], words: int, bits: int) -> NDArray[np.uint8]:
    """How many of its words each sorted key has in common with the one before; 0 in a new group."""
    different = key[1:] ^ key[:-1]
    shared = np.zeros(key.size, np.uint8)
    for unread in range(words):
        shared[1:] += different >> (unread * bits) == 0
    return shared


def _fill(
    text: _Text,
    ends: list[int],
    keys: NDArray[np.int64],
    counts: NDArray[np.int32],
    bos: int | None,
) -> None:
    """Write keys and counts of the orders from 2, and counts of order 1.

    A pair's second word, a triple's last pair, and so on, are found by position: the n-gram at p
    ends in the (n-1)-gram at p + 1. Each n-gram adds one to the continuation count of that one.
    """
    order, vocabulary = len(ends) - 1, ends[1] - 1
    everywhere = slice(0, text.rows.size)
    after_start = _rows_of(text, bos)
    # The numbers of the highest order are never needed.
    numbers: Any = np.int32 if ends[-2] < _LARGEST else np.int64
    node_by_row = text.stream[text.rows].astype(numbers) + 1
    node_by_position = text.stream.astype(numbers) + 1
    for n in range(2, order + 1):
        level, below = slice(ends[n - 1], ends[n]), slice(ends[n - 2], ends[n - 1])
        new = text.new(n)
        heads = np.flatnonzero(new)
        position = text.rows[heads]
        key = keys[level]
        key[:] = node_by_row[heads]
        key *= vocabulary
        key += text.stream[position + (n - 1)]
        suffix = node_by_position[position + 1]
        suffix -= below.start
        counts[below] += np.bincount(suffix, minlength=below.stop - below.start).astype(np.int32)
        del position, suffix
        plain = everywhere if n == order else after_start
        part = slice(*np.searchsorted(heads, [plain.start, plain.stop]))
        counts[level][part] = text.plain_counts(n, heads[part], plain)
        del heads
        if n < order:
            np.cumsum(new, dtype=numbers, out=node_by_row)
            node_by_row += level.start - 1
            node_by_position[text.rows] = node_by_row


def _rows_of(text: _Text, word: int | None) -> slice:
    """The rows of the n-grams that begin with a word."""
    if word is None:
        return slice(0, 0)
    stream = text.stream[: text.rows.size]
    start = int((stream < word).sum())
    return slice(start, start + int((stream == word).sum()))


def _followers(
    ends: list[int], keys: NDArray[np.int64], counts: NDArray[np.int32], vocabulary: int
) -> NDArray[np.int32]:
    """Sum the n-grams of each context: `Counts.followers`."""
    followers = np.zeros((ends[-2], 4), np.int32)
    for level in map(slice, [1, *ends[1:-1]], ends[1:]):
        if level.start == level.stop:
            continue
        parent = keys[level] // vocabulary
        heads = np.flatnonzero(np.diff(parent, prepend=-1))
        parent, c = parent[heads], counts[level]
        followers[parent, 0] = np.add.reduceat(c, heads, dtype=np.int32)
        for column, members in enumerate((c == 1, c == 2, c >= 3), start=1):
            followers[parent, column] = np.add.reduceat(members, heads, dtype=np.int32)
    return followers
