"""From words to passages: for each stem the passages that hold it, with its weight there.

The weights are BM25's without the idf (Robertson & Zaragoza 2009), so that a question only adds
them up. Character pieces lead to words, not to passages: a misspelt or inflected word is answered
by the words most like it, which keeps the arrays a tenth as large (measured on Portuguese reading
texts: pieces by word find as many passages as pieces by passage).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from prosa.search.forward import Forward, ranges
from prosa.search.vocabulary import Ids, Vocabulary

K1 = 1.2
B = 0.75

_CHUNK_TOKENS = 1 << 21

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Inverted:
    """What is searched, as arrays that can be memory-mapped.

    Attributes:
        stem_of: The stem of each word, uint32 [words].
        stops: Which words are stop words, bool [words].
        word_pieces: The first piece of each word, and the count of all, uint32 [words + 1].
        pieces: The pieces of each word as places in `piece_hashes`, uint32.
        piece_hashes: Every piece there is, sorted, uint32 [pieces].
        piece_words: The first word of each piece, and the count of all, uint32 [pieces + 1].
        words_by_piece: The words that hold each piece, uint32.
        piece_idf: How rare each piece is among passages, float32 [pieces].
        postings: The first posting of each stem, and the count of all, uint32 [stems + 1].
        posting_passages: The passage of each posting, uint32.
        posting_weights: The weight of the stem in it, float16.
        stem_idf: How rare each stem is among passages, float32 [stems].
        word_idf: How rare each word is among passages, float32 [words].
    """

    stem_of: Ids
    stops: npt.NDArray[np.bool_]
    word_pieces: Ids
    pieces: Ids
    piece_hashes: Ids
    piece_words: Ids
    words_by_piece: Ids
    piece_idf: Floats
    postings: Ids
    posting_passages: Ids
    posting_weights: npt.NDArray[np.float16]
    stem_idf: Floats
    word_idf: Floats

    def piece_places(self, hashes: Ids) -> npt.NDArray[np.int64]:
        """The places of those pieces that some word of the index has."""
        if not len(self.piece_hashes):
            return np.empty(0, np.int64)
        places = np.searchsorted(self.piece_hashes, hashes)
        places = np.minimum(places, len(self.piece_hashes) - 1)
        known: npt.NDArray[np.int64] = places[self.piece_hashes[places] == hashes]
        return known


def build(forward: Forward, vocabulary: Vocabulary) -> Inverted:
    """Make all that is searched from the passages and their words."""
    stem_of = vocabulary.stem_of
    stems, passages, counts, word_counts = _counted(forward, stem_of, len(vocabulary))
    order = np.argsort(stems, kind="stable")
    stems, passages, counts = stems[order], passages[order], counts[order]
    lengths = np.diff(forward.passage_tokens).astype(np.float32)
    shares = lengths / max(1.0, float(lengths.mean()) if len(lengths) else 1.0)
    weights = weigh(counts, shares[passages])
    in_passages = np.bincount(stems, minlength=len(vocabulary.stem_numbers))
    ends, hashes = vocabulary.pieces()
    piece_hashes, pieces = np.unique(hashes, return_inverse=True)
    word_pieces = np.concatenate([np.zeros(1, np.uint32), ends])
    by_piece = np.argsort(pieces, kind="stable")
    words = np.repeat(np.arange(len(vocabulary), dtype=np.uint32), np.diff(word_pieces))
    total = forward.passages
    return Inverted(
        stem_of,
        vocabulary.stops(),
        word_pieces,
        pieces.astype(np.uint32),
        piece_hashes,
        _starts(np.bincount(pieces, minlength=len(piece_hashes))),
        words[by_piece],
        idf(_piece_counts(pieces, words, word_counts, total, len(piece_hashes)), total),
        _starts(in_passages),
        passages,
        weights.astype(np.float16),
        idf(in_passages, total),
        idf(word_counts, total),
    )


def weigh(counts: npt.NDArray[np.number], shares: Floats | float) -> Floats:
    """BM25's weights of counts, without the idf; `shares` are lengths over their mean."""
    times = counts.astype(np.float32)
    result: Floats = times * (K1 + 1) / (times + K1 * (1 - B + B * shares))
    return result


def idf(in_passages: npt.NDArray[np.number], total: int) -> Floats:
    """How rare what stands in so many of all passages is."""
    result = np.log1p((total - in_passages + 0.5) / (in_passages + 0.5))
    rare: Floats = np.maximum(result, 0.0).astype(np.float32)
    return rare


def scores(inverted: Inverted, stems: Ids, weights: Floats, passages: int) -> Floats:
    """BM25 of all passages; each stem once, with what it counts for, idf included."""
    result = np.zeros(passages, np.float32)
    starts = inverted.postings
    for stem, weight in zip(stems.tolist(), weights.tolist(), strict=True):
        part = slice(starts[stem], starts[stem + 1])
        # A passage stands once under a stem, so that adding in place is sound.
        result[inverted.posting_passages[part]] += weight * inverted.posting_weights[part]
    return result


def _counted(
    forward: Forward, stem_of: Ids, words: int
) -> tuple[Ids, Ids, Floats, npt.NDArray[np.int64]]:
    """Stem, passage and count of every posting, and in how many passages each word stands."""
    word_counts = np.zeros(words, np.int64)
    starts = forward.passage_tokens
    parts: list[tuple[Ids, Ids, Floats]] = []
    begin = 0
    while begin < forward.passages:
        limit = int(starts[begin]) + _CHUNK_TOKENS
        end = max(begin + 1, int(np.searchsorted(starts, limit, "right")) - 1)
        tokens = forward.tokens[starts[begin] : starts[end]]
        lengths = np.diff(starts[begin : end + 1])
        passages = np.repeat(np.arange(begin, end, dtype=np.uint64), lengths)
        keys, counts = np.unique((passages << np.uint64(32)) | tokens, return_counts=True)
        words_here = (keys & np.uint64(0xFFFFFFFF)).astype(np.uint32)
        word_counts += np.bincount(words_here, minlength=words)
        stem_keys = (stem_of[words_here].astype(np.uint64) << np.uint64(32)) | (
            keys >> np.uint64(32)
        )
        keys, places = np.unique(stem_keys, return_inverse=True)
        parts.append(
            (
                (keys >> np.uint64(32)).astype(np.uint32),
                (keys & np.uint64(0xFFFFFFFF)).astype(np.uint32),
                np.bincount(places, counts).astype(np.float32),
            )
        )
        begin = end
    if not parts:
        none = np.empty(0, np.uint32)
        return none, none, np.empty(0, np.float32), word_counts
    stems, passages_, counted = (np.concatenate(column) for column in zip(*parts, strict=True))
    return stems, passages_, counted, word_counts


def _piece_counts(
    pieces: npt.NDArray[np.integer],
    words: Ids,
    word_counts: npt.NDArray[np.int64],
    total: int,
    count: int,
) -> npt.NDArray[np.float64]:
    """In how many passages each piece stands, as if its words were strewn independently."""
    share = np.clip(word_counts / max(1, total), 0.0, 1 - 1e-6)
    missed = np.bincount(pieces, np.log1p(-share)[words], minlength=count)
    return -np.expm1(missed) * total


def _starts(counts: npt.NDArray[np.integer]) -> Ids:
    return np.concatenate([np.zeros(1, np.uint32), np.cumsum(counts).astype(np.uint32)])


def words_like(inverted: Inverted, hashes: Ids, least: float) -> tuple[Ids, Floats]:
    """The words whose pieces are like those of another word, by number, and how like they are.

    The likeness, from `least` to 1, is Dice's coefficient.
    """
    known = inverted.piece_places(hashes)
    starts = inverted.piece_words[known]
    lengths = inverted.piece_words[known + 1] - starts
    sharing = inverted.words_by_piece[ranges(starts, lengths)]
    shared = np.bincount(sharing, minlength=len(inverted.stem_of))
    words = np.flatnonzero(shared)
    counts = inverted.word_pieces[words + 1] - inverted.word_pieces[words]
    like = 2 * shared[words] / (counts + len(hashes))
    enough = like >= least
    return words[enough].astype(np.uint32), like[enough].astype(np.float32)
