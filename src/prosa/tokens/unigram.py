"""The unigram language model of subwords (Kudo 2018), learned from counted words.

The `tokenizers` library's own trainer gives another vocabulary every time it runs. Like it and
SentencePiece, this one begins with the most promising substrings, fits their probabilities by
expectation maximisation, and drops those that cost least to lose, until few enough are left.
All words are worked on at once: their segmentations are the paths through one big lattice.
"""

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_WORDS = 100_000
_LONGEST_WORD = 64
_LONGEST_PIECE = 16
_SEEDS = 8
_STEPS = 2
_KEPT = 0.75
_USED = 0.5
_LEAST = 1e-9
_NEVER = -1e9


def train(counts: Counter[str], size: int, alphabet: Sequence[str]) -> list[tuple[str, float]]:
    """Learn pieces and their log probabilities.

    Args:
        counts: How often each word occurs; pieces never cross words.
        size: Pieces wanted, the alphabet included; a small text may give fewer.
        alphabet: Single characters that are pieces in any case; every word is made of them.

    Returns:
        (piece, natural logarithm of its probability), the most probable first.
    """
    words, times = _words(counts)
    pieces = [*alphabet, *_seeds(words, times, _SEEDS * size)]
    single = np.arange(len(pieces)) < len(alphabet)
    numbers = {piece: i for i, piece in enumerate(pieces)}
    lattice = _lattice(words, numbers)
    parts = _lattice(pieces, numbers)
    parts = parts.only(parts.piece != parts.word)  # what each piece would be made of without it
    expected = np.bincount(lattice.piece, times[lattice.word], len(pieces)).astype(np.float64)
    alive = np.ones(len(pieces), dtype=bool)
    while True:
        for _ in range(_STEPS):
            chances = np.maximum(expected / expected.sum(), _LEAST) * alive
            expected = lattice.expected(chances, times)
            alive &= single | (expected >= _USED)
        excess = int(alive.sum()) - size
        if excess <= 0:
            break
        scores = np.log(np.maximum(chances, _LEAST))
        cost = expected * (scores - np.maximum(parts.best(scores), _NEVER))
        cost[single] = np.inf
        cost[~alive] = -np.inf
        kept = max(size, int(_KEPT * alive.sum()))
        alive[np.argsort(-cost, kind="stable")[kept:]] = False
        lattice, parts = lattice.only(alive[lattice.piece]), parts.only(alive[parts.piece])
        expected *= alive
    chances = np.maximum(expected / expected.sum(), _LEAST)
    order = [int(i) for i in np.argsort(-chances, kind="stable") if alive[i]]
    return [(pieces[i], round(float(np.log(chances[i])), 6)) for i in order]


@dataclass(frozen=True)
class _Lattice:
    """All segmentations of all words. Nodes are the places between characters.

    Attributes:
        start, end, piece, word: Of each edge; sorted by the depth of its end in its word.
        levels: Where the edges of each depth begin.
        first, last: Each word's first and last node.
    """

    start: Ints
    end: Ints
    piece: Ints
    word: Ints
    levels: Ints
    first: Ints
    last: Ints

    def only(self, kept: NDArray[np.bool_]) -> "_Lattice":
        """The lattice with some of its edges."""
        return replace(
            self,
            start=self.start[kept],
            end=self.end[kept],
            piece=self.piece[kept],
            word=self.word[kept],
            levels=np.concatenate(([0], np.cumsum(kept)))[self.levels],
        )

    def expected(self, chances: Floats, times: Floats) -> Floats:
        """How often each piece is expected, over all segmentations (forward and backward)."""
        weight = chances[self.piece]
        before = np.zeros(self.last[-1] + 1)
        after = np.zeros(self.last[-1] + 1)
        before[self.first] = 1
        after[self.last] = 1
        slices = [slice(a, b) for a, b in zip(self.levels, self.levels[1:], strict=False)]
        for level in slices:
            flow = before[self.start[level]] * weight[level]
            np.add.at(before, self.end[level], flow)
        for level in reversed(slices):
            flow = after[self.end[level]] * weight[level]
            np.add.at(after, self.start[level], flow)
        whole = before[self.last]
        share = np.divide(times, whole, out=np.zeros_like(times), where=whole > 0)
        flow = before[self.start] * weight * after[self.end] * share[self.word]
        return np.bincount(self.piece, flow, len(chances)).astype(np.float64)

    def best(self, scores: Floats) -> Floats:
        """The score of each word's best segmentation (Viterbi)."""
        score = np.full(self.last[-1] + 1, -np.inf)
        score[self.first] = 0
        for a, b in zip(self.levels, self.levels[1:], strict=False):
            through = score[self.start[a:b]] + scores[self.piece[a:b]]
            np.maximum.at(score, self.end[a:b], through)
        return score[self.last]


def _words(counts: Counter[str]) -> tuple[list[str], Floats]:
    """The most frequent words and their counts; very long ones in parts."""
    parts: Counter[str] = Counter()
    for word, times in counts.items():
        for i in range(0, len(word), _LONGEST_WORD):
            parts[word[i : i + _LONGEST_WORD]] += times
    words = sorted(parts, key=lambda word: (-parts[word], word))[:_WORDS]
    return words, np.array([parts[word] for word in words], dtype=np.float64)


def _lattice(words: Sequence[str], numbers: dict[str, int]) -> _Lattice:
    lengths = np.array([len(word) for word in words], dtype=np.int64)
    last = np.cumsum(lengths + 1) - 1
    first = last - lengths
    start, end, piece = array("q"), array("q"), array("q")
    for word, node in zip(words, first.tolist(), strict=True):
        for i in range(len(word)):
            for j in range(i + 1, min(len(word), i + _LONGEST_PIECE) + 1):
                number = numbers.get(word[i:j])
                if number is not None:
                    start.append(node + i)
                    end.append(node + j)
                    piece.append(number)
    ends = np.frombuffer(end, dtype=np.int64)
    owner = np.searchsorted(last, ends)
    depth = ends - first[owner]
    order = np.argsort(depth, kind="stable")
    return _Lattice(
        start=np.frombuffer(start, dtype=np.int64)[order],
        end=ends[order],
        piece=np.frombuffer(piece, dtype=np.int64)[order],
        word=owner[order],
        levels=np.searchsorted(depth[order], np.arange(1, int(lengths.max()) + 2)),
        first=first,
        last=last,
    )


def _seeds(words: Sequence[str], times: Floats, limit: int) -> list[str]:
    """The substrings that cover most: ranked by frequency times length."""
    text = "".join(words)
    codes = np.frombuffer(text.encode("utf-32-le"), dtype="<u4").astype(np.int64)
    lengths = np.array([len(word) for word in words], dtype=np.int64)
    owner = np.repeat(np.arange(len(words)), lengths)
    room = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(codes))
    rank, places = codes, np.arange(len(codes))
    starts, sizes, scores = [], [], []
    for size in range(2, _LONGEST_PIECE + 1):
        longer = room[places] >= size
        places, rank = places[longer], rank[longer]
        if not len(places):
            break
        key = rank * 0x110000 + codes[places + size - 1]
        _keys, index, rank = np.unique(key, return_index=True, return_inverse=True)
        frequency = np.bincount(rank, times[owner[places]])
        found = frequency >= 2
        starts.append(places[index[found]])
        sizes.append(np.full(int(found.sum()), size))
        scores.append(frequency[found] * size)
        kept = found[rank]
        places, rank = places[kept], rank[kept]
    if not starts:
        return []
    start, size_of, score = (np.concatenate(values) for values in (starts, sizes, scores))
    top = np.argsort(-score, kind="stable")[:limit]
    return [
        text[a : a + n] for a, n in zip(start[top].tolist(), size_of[top].tolist(), strict=True)
    ]
