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
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer
from transformers import PreTrainedTokenizerFast

from prosa.extras import threads
from prosa.tokens.learn import algorithm, is_ours
from prosa.tokens.pieces import blocks, pieces
from prosa.tokens.stream import Lengths, offsets, sums, take

Ids = NDArray[np.uint32]
Hidden = NDArray[np.int64]
_NOTHING: Hidden = np.zeros((0, 2), dtype=np.int64)


class Encoded(NamedTuple):
    """Texts as ids.

    Attributes:
        ids: Of all texts, one after the other.
        lengths: How many ids each text has.
        hidden: Place among the ids of each token that does not spell the text it stands for, and
            how many UTF-8 bytes that text has, [unknown, 2]. Not of a text that is "<unk>" itself.
    """

    ids: Ids
    lengths: Lengths
    hidden: Hidden


_REMEMBERED = 400_000
"""Pieces; a million took 80 MB more at the peak of beginning to train on 314 MB (one run each)."""
_CHARACTERS = 32_000_000
_UTF8 = (0x80, 0x800, 0x10000)
"""From these characters on UTF-8 takes one byte more."""
_BATCH = 1 << 20


class TextEncoder:
    """Turns texts into ids with one tokenizer.

    Args:
        tokenizer: One made here, or any other fast tokenizer; others are not sped up, and very
            long texts are cut between two words for them.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        backend: Tokenizer = tokenizer.backend_tokenizer
        kind, unknown = algorithm(tokenizer), tokenizer.unk_token_id
        self._encode: Callable[[list[str]], Encoded] = _Library(backend, unknown)
        if is_ours(tokenizer):
            if kind == "char":
                self._encode = _Characters(backend, unknown)
            elif kind == "whitespace":
                self._encode = _Words(backend, unknown)
            else:
                self._encode = _Pieces(self._encode, fine=kind != "word")

    def __call__(self, texts: Sequence[str]) -> tuple[Ids, Lengths]:
        """The ids of all texts, without special tokens, and how many each text has."""
        return self.encode(texts)[:2]

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Encode texts, without special tokens, and say what the ids hide."""
        lengths = np.zeros(len(texts), dtype=np.int64)
        parts: list[Encoded] = []
        for owners, some in _groups(texts):
            parts.append(self._encode(some))
            np.add.at(lengths, owners, parts[-1].lengths)
        starts = np.cumsum([0, *(len(part.ids) for part in parts)]).tolist()
        hidden = [
            np.add(part.hidden, [start, 0]) for part, start in zip(parts, starts, strict=False)
        ]
        return Encoded(
            np.concatenate([np.zeros(0, np.uint32), *(part.ids for part in parts)]),
            lengths,
            np.concatenate([_NOTHING, *hidden]),
        )


class _Library:
    """The library's own encoding, in which no text is a special token."""

    def __init__(self, backend: Tokenizer, unknown: int | None) -> None:
        self._backend = backend
        self._unknown = unknown

    def __call__(self, texts: list[str]) -> Encoded:
        encoded = [encoding.ids for encoding in self._run(self._backend.encode_batch_fast, texts)]
        lengths = _counts(encoded)
        ids = np.fromiter(chain.from_iterable(encoded), np.uint32, lengths.sum())
        if self._unknown is None or not (ids == self._unknown).any():
            return Encoded(ids, lengths, _NOTHING)
        return Encoded(ids, lengths, self._hidden(texts, ids, lengths, self._unknown))

    def _hidden(self, texts: list[str], ids: Ids, lengths: Lengths, unknown: int) -> Hidden:
        """What unknown tokens stand for, from offsets, which cost time where nobody needs them."""
        at = np.flatnonzero(ids == unknown)
        row = np.searchsorted(np.cumsum(lengths), at, "right")
        rows, column = np.unique(row), at - offsets(lengths)[row]
        encodings = self._run(self._backend.encode_batch, [texts[i] for i in rows])
        spans = dict(zip(rows.tolist(), (encoding.offsets for encoding in encodings), strict=True))
        spelled = str(self._backend.id_to_token(unknown))
        sizes = []
        for i, k in zip(row.tolist(), column.tolist(), strict=True):
            start, end = spans[i][k]
            # A joiner that the normalizer puts in counts to the character before it.
            start = max(start, spans[i][k - 1][1]) if k else start
            sizes.append(hidden_bytes(texts[i][start:end], spelled))
        return hiding(at, sizes)

    def _run(self, encode: Callable[..., list[Encoding]], texts: list[str]) -> list[Encoding]:
        # A call with padding or truncation, or a file from the hub, leaves them on for good.
        self._backend.no_padding()
        self._backend.no_truncation()
        before = self._backend.encode_special_tokens
        self._backend.encode_special_tokens = True
        try:
            with threads():
                return encode(texts, add_special_tokens=False)
        finally:
            self._backend.encode_special_tokens = before


class _Characters:
    """A table of all of Unicode."""

    def __init__(self, backend: Tokenizer, unknown: int) -> None:
        self._unknown = unknown
        self._ids = np.full(0x110000, unknown, dtype=np.uint32)
        for token, number in backend.get_vocab(with_added_tokens=False).items():
            if len(token) == 1:
                self._ids[ord(token)] = number

    def __call__(self, texts: list[str]) -> Encoded:
        codes = np.frombuffer("".join(texts).encode("utf-32-le"), dtype="<u4")
        ids = self._ids[codes]
        at = np.flatnonzero(ids == self._unknown)
        sizes = 1 + np.searchsorted(_UTF8, codes[at], "right")
        return Encoded(ids, _counts(texts), hiding(at, sizes))


class _Words:
    """What `str.split` gives, looked up in the vocabulary."""

    def __init__(self, backend: Tokenizer, unknown: int) -> None:
        self._ids = _Vocabulary(backend.get_vocab(with_added_tokens=False))
        self._ids.unknown, self._ids.spelled = unknown, str(backend.id_to_token(unknown))
        self._ids.pop(self._ids.spelled, None)

    def __call__(self, texts: list[str]) -> Encoded:
        words = [text.split() for text in texts]
        lengths = _counts(words)
        self._ids.sizes = []
        every = map(self._ids.__getitem__, chain.from_iterable(words))
        ids = np.fromiter(every, np.uint32, lengths.sum())
        at = np.flatnonzero(ids == self._ids.unknown)
        return Encoded(ids, lengths, hiding(at, self._ids.sizes))


class _Vocabulary(dict[str, int]):
    """Ids of words; the bytes of those it does not know are kept in the order they come."""

    unknown, spelled = 0, ""
    sizes: list[int]

    def __missing__(self, word: str) -> int:
        self.sizes.append(hidden_bytes(word, self.spelled))
        return self.unknown


class _Pieces:
    """Pieces of text, remembered: the k-th has the ids [starts[k] : starts[k] + lengths[k]]."""

    def __init__(self, library: Callable[[list[str]], Encoded], *, fine: bool) -> None:
        self._library = library
        self._fine = fine
        self._forget()

    def _forget(self) -> None:
        self._numbers: dict[str, int] = {}
        self._characters = 0
        self._ids: Ids = np.zeros(0, dtype=np.uint32)
        self._hidden: Ids = np.zeros(0, dtype=np.uint32)
        self._starts: Lengths = np.zeros(0, dtype=np.int64)
        self._lengths: Lengths = np.zeros(0, dtype=np.int64)

    def __call__(self, texts: list[str]) -> Encoded:
        cut: list[str] = []
        counts = np.zeros(len(texts), dtype=np.int64)
        for i, text in enumerate(texts):
            before = len(cut)
            cut += pieces(text, fine=self._fine)
            counts[i] = len(cut) - before
        self._learn(cut)
        numbers = np.fromiter(map(self._numbers.__getitem__, cut), np.int64, len(cut))
        starts, lengths = self._starts[numbers], self._lengths[numbers]
        ids = take(self._ids, starts, lengths)
        hidden = _NOTHING
        if self._hidden.any():
            sizes = take(self._hidden, starts, lengths)
            hidden = hiding(np.arange(len(sizes)), sizes)
        return Encoded(ids, sums(lengths, counts), hidden)

    def _learn(self, cut: list[str]) -> None:
        """Tokenise the pieces that were never seen."""
        if len(self._numbers) > _REMEMBERED or self._characters > _CHARACTERS:
            self._forget()
        new = [piece for piece in dict.fromkeys(cut) if piece not in self._numbers]
        if not new:
            return
        ids, lengths, hidden = self._library(new)
        starts = len(self._ids) + np.cumsum(lengths) - lengths
        self._characters += sum(map(len, new))
        self._numbers.update(zip(new, count(len(self._numbers)), strict=False))
        self._ids = np.concatenate((self._ids, ids))
        sizes = np.zeros_like(ids)
        sizes[hidden[:, 0]] = hidden[:, 1]
        self._hidden = np.concatenate((self._hidden, sizes))
        self._starts = np.concatenate((self._starts, starts))
        self._lengths = np.concatenate((self._lengths, lengths))


def hiding(places: NDArray[np.int64], sizes: Sequence[int] | NDArray[Any]) -> Hidden:
    """`Encoded.hidden`: the places, and the bytes that are hidden there, where there are any."""
    rows = np.stack([places, np.asarray(sizes, dtype=np.int64)], axis=1)
    return rows[rows[:, 1] > 0]


def hidden_bytes(text: str, spelled: str) -> int:
    """UTF-8 bytes of a text that a token stands for, unless the token spells it."""
    return 0 if text == spelled else len(text.encode())


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


class Framed:
    """Texts to ids with what stands around each: start and end, as the tokenizer's models know it.

    A tokenizer made here that adds nothing by itself gets its start and its end.

    Attributes:
        before: Ids before each text.
        after: Ids behind it.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._encode = TextEncoder(tokenizer)
        bare = tokenizer("a", add_special_tokens=False)["input_ids"]
        whole = tokenizer("a")["input_ids"]
        start = next((i for i in range(len(whole)) if whole[i : i + len(bare)] == bare), len(whole))
        self.before, self.after = whole[:start], whole[start + len(bare) :]
        if is_ours(tokenizer) and not (self.before or self.after):
            self.before, self.after = [tokenizer.bos_token_id], [tokenizer.eos_token_id]

    def __call__(self, texts: Sequence[str]) -> Iterator[list[int]]:
        """The ids of each text, framed."""
        ids, lengths = self._encode(texts)
        for row in np.split(ids, np.cumsum(lengths)[:-1]) if len(lengths) else ():
            yield [*self.before, *row.tolist(), *self.after]

    def windows(self, ids: list[int], most: int) -> list[list[int]]:
        """A framed text in parts of at most `most` tokens, each framed."""
        if len(ids) <= most:
            return [ids]
        inner = ids[len(self.before) : len(ids) - len(self.after)]
        room = max(1, most - len(self.before) - len(self.after))
        parts = [inner[i : i + room] for i in range(0, len(inner), room)]
        return [[*self.before, *part, *self.after] for part in parts]
