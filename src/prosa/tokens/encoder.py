"""Many texts to ids, as arrays: each piece of text is tokenised once and then looked up.

Measured on 10 MB of Portuguese, one processor: SPEED. Ids are the same as the tokenizer's own, with
one difference that is meant: a text that happens to contain "</s>" or "<|im_end|>" gets ordinary
tokens for these characters, so data cannot end a document or speak for somebody else.
"""

from collections.abc import Iterable, Iterator, Sequence
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

_REMEMBERED = 1_000_000
_CHARACTERS = 32_000_000
_BATCH = 1 << 20


class TextEncoder:
    """Turns texts into ids with one tokenizer.

    Args:
        tokenizer: One made here, or any other fast tokenizer; others are not sped up.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._backend: Tokenizer = tokenizer.backend_tokenizer
        self._cuts = is_ours(tokenizer)
        self._fine = algorithm(tokenizer) not in ("word", "whitespace")
        self._numbers: dict[str, int] = {}
        self._characters = 0
        self._ids: Ids = np.zeros(0, dtype=np.uint32)
        self._starts: Lengths = np.zeros(0, dtype=np.int64)
        self._lengths: Lengths = np.zeros(0, dtype=np.int64)

    def __call__(self, texts: Sequence[str]) -> tuple[Ids, Lengths]:
        """Encode texts, without special tokens.

        Returns:
            The ids of all texts one after the other, and how many each text has.
        """
        parts = [np.zeros(0, dtype=np.uint32)]
        lengths = np.zeros(len(texts), dtype=np.int64)
        for owners, some in _groups(texts):
            ids, counts = self._look_up(some) if self._cuts else self._encode(some)
            parts.append(ids)
            np.add.at(lengths, owners, counts)
        return np.concatenate(parts), lengths

    def _look_up(self, texts: list[str]) -> tuple[Ids, Lengths]:
        found: list[str] = []
        ends = np.zeros(len(texts) + 1, dtype=np.int64)
        for i, text in enumerate(texts):
            found += pieces(text, fine=self._fine)
            ends[i + 1] = len(found)
        self._learn(found)
        numbers = np.fromiter(map(self._numbers.__getitem__, found), np.int64, len(found))
        lengths = self._lengths[numbers]
        ids = take(self._ids, self._starts[numbers], lengths)
        return ids, sums(lengths, np.diff(ends))

    def _learn(self, found: list[str]) -> None:
        """Tokenise the pieces that were never seen."""
        if len(self._numbers) > _REMEMBERED or self._characters > _CHARACTERS:
            self._forget()
        new = [piece for piece in dict.fromkeys(found) if piece not in self._numbers]
        if not new:
            return
        ids, lengths = self._encode(new)
        starts = len(self._ids) + np.cumsum(lengths) - lengths
        self._characters += sum(map(len, new))
        self._numbers.update(zip(new, count(len(self._numbers)), strict=False))
        self._ids = np.concatenate((self._ids, ids))
        self._starts = np.concatenate((self._starts, starts))
        self._lengths = np.concatenate((self._lengths, lengths))

    def _encode(self, texts: list[str]) -> tuple[Ids, Lengths]:
        """The library's own encoding."""
        before = self._backend.encode_special_tokens
        self._backend.encode_special_tokens = True
        try:
            with threads():
                encodings = self._backend.encode_batch_fast(texts, add_special_tokens=False)
        finally:
            self._backend.encode_special_tokens = before
        encoded = [encoding.ids for encoding in encodings]
        lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
        return np.fromiter(chain.from_iterable(encoded), np.uint32, lengths.sum()), lengths

    def _forget(self) -> None:
        self._numbers = {}
        self._characters = 0
        self._ids = self._ids[:0]
        self._starts = self._starts[:0]
        self._lengths = self._lengths[:0]


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
