"""Many texts to ids, as arrays, by the shortest way that each kind of tokenizer has.

Characters and whole words are looked up; any other text is cut into pieces, each of which is
tokenised once and remembered. Measured on Portuguese, one slow processor, against the library
alone: characters 113 MB/s (5), split words 14 (4), BPE 3.0 (1.4), and 3.9 on all of 314 MB.

Ids are the same as the tokenizer's own, with one difference that is meant: a text that happens to
contain "</s>" or "<|im_end|>" gets ordinary tokens for these characters, so data cannot end a
document or speak for somebody else.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, count

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from prosa.tokens.learn import algorithm, is_ours
from prosa.tokens.parallel import threads
from prosa.tokens.pieces import blocks, pieces
from prosa.tokens.ragged import Lengths, sums, take

Ids = NDArray[np.uint32]
Encoded = tuple[Ids, Lengths]
"""The ids of some texts one after the other, and how many each text has."""

_REMEMBERED = 400_000
"""Pieces; a million took 80 MB more at the peak of beginning to train on 314 MB (one run each)."""
_CHARACTERS = 32_000_000
_BATCH = 1 << 20


class TextEncoder:
    """Turns texts into ids with one tokenizer.

    Args:
        tokenizer: One made here, or any other fast tokenizer; others are not sped up, and very
            long texts are cut between two words for them.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        backend: Tokenizer = tokenizer.backend_tokenizer
        self._encode: Callable[[list[str]], Encoded]
        match algorithm(tokenizer) if is_ours(tokenizer) else "":
            case "":
                self._encode = _Library(backend)
            case "char":
                self._encode = _Characters(backend, tokenizer.unk_token_id)
            case "whitespace":
                self._encode = _Words(backend, tokenizer.unk_token_id)
            case "word":
                self._encode = _Pieces(backend, fine=False)
            case _:
                self._encode = _Pieces(backend, fine=True)

    def __call__(self, texts: Sequence[str]) -> Encoded:
        """Encode texts, without special tokens.

        Returns:
            The ids of all texts one after the other, and how many each text has.
        """
        parts = [np.zeros(0, dtype=np.uint32)]
        lengths = np.zeros(len(texts), dtype=np.int64)
        for owners, some in _groups(texts):
            ids, counts = self._encode(some)
            parts.append(ids)
            np.add.at(lengths, owners, counts)
        return np.concatenate(parts), lengths


class _Library:
    """The library's own encoding, in which no text is a special token."""

    def __init__(self, backend: Tokenizer) -> None:
        self._backend = backend

    def __call__(self, texts: list[str]) -> Encoded:
        before = self._backend.encode_special_tokens
        self._backend.encode_special_tokens = True
        try:
            with threads():
                encodings = self._backend.encode_batch_fast(texts, add_special_tokens=False)
        finally:
            self._backend.encode_special_tokens = before
        encoded = [encoding.ids for encoding in encodings]
        lengths = _counts(encoded)
        return np.fromiter(chain.from_iterable(encoded), np.uint32, lengths.sum()), lengths


class _Characters:
    """A table of all of Unicode."""

    def __init__(self, backend: Tokenizer, unknown: int) -> None:
        self._ids = np.full(0x110000, unknown, dtype=np.uint32)
        for token, number in backend.get_vocab(with_added_tokens=False).items():
            if len(token) == 1:
                self._ids[ord(token)] = number

    def __call__(self, texts: list[str]) -> Encoded:
        codes = np.frombuffer("".join(texts).encode("utf-32-le"), dtype="<u4")
        return self._ids[codes], _counts(texts)


class _Words:
    """What `str.split` gives, looked up in the vocabulary."""

    def __init__(self, backend: Tokenizer, unknown: int) -> None:
        self._ids = _Vocabulary(backend.get_vocab(with_added_tokens=False))
        self._ids.unknown = unknown

    def __call__(self, texts: list[str]) -> Encoded:
        words = [text.split() for text in texts]
        lengths = _counts(words)
        ids = map(self._ids.__getitem__, chain.from_iterable(words))
        return np.fromiter(ids, np.uint32, lengths.sum()), lengths


class _Vocabulary(dict[str, int]):
    unknown = 0

    def __missing__(self, word: str) -> int:
        return self.unknown


class _Pieces:
    """Pieces of text, remembered: the k-th has the ids [starts[k] : starts[k] + lengths[k]]."""

    def __init__(self, backend: Tokenizer, *, fine: bool) -> None:
        self._library = _Library(backend)
        self._fine = fine
        self._numbers: dict[str, int] = {}
        self._characters = 0
        self._ids: Ids = np.zeros(0, dtype=np.uint32)
        self._starts: Lengths = np.zeros(0, dtype=np.int64)
        self._lengths: Lengths = np.zeros(0, dtype=np.int64)

    def __call__(self, texts: list[str]) -> Encoded:
        found: list[str] = []
        counts = np.zeros(len(texts), dtype=np.int64)
        for i, text in enumerate(texts):
            before = len(found)
            found += pieces(text, fine=self._fine)
            counts[i] = len(found) - before
        self._learn(found)
        numbers = np.fromiter(map(self._numbers.__getitem__, found), np.int64, len(found))
        lengths = self._lengths[numbers]
        return take(self._ids, self._starts[numbers], lengths), sums(lengths, counts)

    def _learn(self, found: list[str]) -> None:
        """Tokenise the pieces that were never seen."""
        if len(self._numbers) > _REMEMBERED or self._characters > _CHARACTERS:
            self._forget()
        new = [piece for piece in dict.fromkeys(found) if piece not in self._numbers]
        if not new:
            return
        ids, lengths = self._library(new)
        starts = len(self._ids) + np.cumsum(lengths) - lengths
        self._characters += sum(map(len, new))
        self._numbers.update(zip(new, count(len(self._numbers)), strict=False))
        self._ids = np.concatenate((self._ids, ids))
        self._starts = np.concatenate((self._starts, starts))
        self._lengths = np.concatenate((self._lengths, lengths))

    def _forget(self) -> None:
        self._numbers = {}
        self._characters = 0
        self._ids = self._ids[:0]
        self._starts = self._starts[:0]
        self._lengths = self._lengths[:0]


def _counts(texts: Sequence[Sequence[object]]) -> Lengths:
    return np.fromiter(map(len, texts), np.int64, len(texts))


def _groups(texts: Iterable[str]) -> Iterator[tuple[list[int], list[str]]]:
    """Blocks of text, some at a time, and the number of the text each belongs to."""
    owners: list[int] = []
    some: list[str] = []
    size = 0
    for i, text in enumerate(texts):
        for block in blocks(text):
            owners.append(i)
            some.append(block)
            size += len(block)
            if size >= _BATCH:
                yield owners, some
                owners, some, size = [], [], 0
    if some:
        yield owners, some
