"""Data encoded to disk, and the rows that training and measuring cut from it.

A document is start + text + end; documents stand one after the other in one stream of ids, in
files of raw little-endian numbers that are mapped, not read. A row may hold the end of one document
and the beginning of the next: no token is padding, and every one is worth what it costs.

Rows come as {"input_ids", "labels"}, both of the same tokens: models of the `transformers` library
shift the labels themselves, so a row of n tokens teaches n - 1 predictions and its first label is
never used. Consecutive rows therefore share one token.
"""

import json
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerFast

from prosa.data.kinds import Kind, in_batches
from prosa.files import full_disk_said
from prosa.tokens.conversation import Renderer, messages
from prosa.tokens.encoder import Hidden, Ids, TextEncoder
from prosa.tokens.learn import is_ours
from prosa.tokens.stream import (
    HIDDEN,
    META,
    OFFSETS,
    TOKENS,
    WEIGHTS,
    Lengths,
    TokenStream,
    framed,
    shifted,
    starts_of,
    take,
)

__all__ = ["Packed", "Rows", "TokenStream", "collate", "encode", "encode_pairs"]

Row = dict[str, Tensor]

_ROWS = 500
_CHARACTERS = 1 << 20
_SIDES = {Kind.PAIR: ["source", "target"], Kind.QUESTION_ANSWER: ["question", "answer"]}
_IGNORED = -100


def encode(
    table: pa.Table, kind: Kind, tokenizer: PreTrainedTokenizerFast, folder: str | Path
) -> TokenStream:
    """Encode records into a folder.

    Text becomes start + text + end. A question with its answer, and a conversation, become
    start + turns + end, with weights: the loss counts on what the assistant says.

    Args:
        table: Records of this kind; read a few at a time.
        kind: TEXT, QUESTION_ANSWER or CONVERSATION.
        tokenizer: Any fast tokenizer with an end token; without a start token the end stands in.
        folder: Where the stream goes; it is created, and mapped.

    Raises:
        InputError: The tokenizer cannot render conversations.
        ProsaError: The disk is full.
    """
    if kind is Kind.TEXT:
        return _written(folder, tokenizer, lambda writer: writer.texts(table), weighted=False)
    return _written(folder, tokenizer, lambda writer: writer.conversations(table, kind))


def encode_pairs(
    table: pa.Table, kind: Kind, tokenizer: PreTrainedTokenizerFast, folder: str | Path
) -> TokenStream:
    """Encode pairs, or questions with answers, as source + end + target + end.

    The loss counts on the target and its end; otherwise as `encode`.
    """
    columns = _SIDES[kind]
    return _written(folder, tokenizer, lambda writer: writer.pairs(table.select(columns)))


def _written(
    folder: str | Path,
    tokenizer: PreTrainedTokenizerFast,
    write: Callable[["_Writer"], None],
    *,
    weighted: bool = True,
) -> TokenStream:
    folder = Path(folder)
    with full_disk_said(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with (
            (folder / TOKENS).open("wb") as tokens,
            (folder / OFFSETS).open("wb") as offsets,
            (folder / WEIGHTS).open("wb") as weights,
            (folder / HIDDEN).open("wb") as hidden,
        ):
            writer = _Writer(tokenizer, tokens, offsets, weights, hidden)
            write(writer)
        if not weighted:
            (folder / WEIGHTS).unlink()
        meta = {
            "dtype": writer.dtype,
            "tokens": writer.tokens,
            "documents": writer.documents,
            "bytes": writer.bytes,
            "unknown": writer.unknown,
            "weighted": weighted,
        }
        (folder / META).write_text(json.dumps(meta), encoding="utf-8")
    return TokenStream.open(folder)


class _Writer:
    """Appends documents to the files of a stream and counts what it writes."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, *files: BinaryIO) -> None:
        self._tokenizer = tokenizer
        self._files = files
        # BERT has a sign before and after a text, and no start or end.
        self._end = _first(tokenizer.eos_token_id, tokenizer.sep_token_id)
        self._start = _first(tokenizer.bos_token_id, tokenizer.cls_token_id, self._end)
        self.dtype = "<u2" if len(tokenizer) <= 1 << 16 else "<u4"
        self.tokens = self.documents = self.bytes = self.unknown = 0
        files[1].write(np.zeros(1, dtype="<i8").tobytes())

    def texts(self, table: pa.Table) -> None:
        encoder = TextEncoder(self._tokenizer)
        batches = table.select(["text"]).to_batches(max_chunksize=_ROWS)
        every = (text or "" for batch in batches for text in batch.column(0).to_pylist())
        for texts in in_batches(every, len, _CHARACTERS):
            ids, lengths, hidden = encoder.encode(texts)
            self.bytes += sum(len(text.encode()) for text in texts)
            hidden[:, 0] = shifted(hidden[:, 0], lengths, 1, 1)
            self._append(*framed(ids, lengths, [self._start], [self._end]), hidden)

    def conversations(self, table: pa.Table, kind: Kind) -> None:
        renderer = Renderer(self._tokenizer)
        for batch in table.to_batches(max_chunksize=_ROWS):
            conversations = [messages(kind, row) for row in batch.to_pylist()]
            ids, weights, lengths, hidden = renderer(conversations)
            self.bytes += sum(
                len(message["content"].encode())
                for message in chain.from_iterable(conversations)
                if message["role"] == "assistant"
            )
            hidden = hidden[weights[hidden[:, 0]] == 1]
            hidden[:, 0] = shifted(hidden[:, 0], lengths, 0, 1)
            weights, _whole = framed(weights, lengths, [], [0])
            self._files[2].write(weights.tobytes())
            self._append(*framed(ids, lengths, [], [self._end]), hidden)

    def pairs(self, table: pa.Table) -> None:
        encoder = TextEncoder(self._tokenizer)
        for batch in table.to_batches(max_chunksize=_ROWS):
            sides = [[text or "" for text in column.to_pylist()] for column in batch.columns]
            (sources, before, _hidden), (targets, after, hidden) = map(encoder.encode, sides)
            self.bytes += sum(len(text.encode()) for text in sides[1])
            frame = frame_of(self._tokenizer)
            hidden[:, 0] = shifted(hidden[:, 0], after, *map(len, frame))
            source, before = framed(sources, before, *frame)
            target, after = framed(targets, after, *frame)
            lengths = np.stack([before, after], axis=1)
            starts = np.stack([starts_of(before), len(source) + starts_of(after)], axis=1)
            ids = take(np.concatenate([source, target]), starts.ravel(), lengths.ravel())
            weights = np.repeat(np.tile(np.array([0, 1], np.uint8), len(lengths)), lengths.ravel())
            # A target's token stands behind as many sources as its pair's number, and its own.
            row = np.searchsorted(np.cumsum(after), hidden[:, 0], "right")
            hidden[:, 0] += np.cumsum(before)[row]
            self._files[2].write(weights.tobytes())
            self._append(ids, lengths.sum(axis=1), hidden)

    def _append(self, ids: Ids, lengths: Lengths, hidden: Hidden) -> None:
        tokens_file, offsets_file, _weights_file, hidden_file = self._files
        tokens_file.write(ids.astype(self.dtype).tobytes())
        offsets_file.write((self.tokens + np.cumsum(lengths)).astype("<i8").tobytes())
        hidden_file.write(np.add(hidden, [self.tokens, 0]).astype("<i8").tobytes())
        self.unknown += len(hidden)
        self.tokens += len(ids)
        self.documents += len(lengths)


def _first(*ids: int | None) -> int:
    """The first id that there is."""
    return next(number for number in ids if number is not None)


def frame_of(tokenizer: PreTrainedTokenizerFast) -> tuple[list[int], list[int]]:
    """What an encoder reads before and after a text; a tokenizer from elsewhere says it itself."""
    if is_ours(tokenizer):
        return [], [tokenizer.eos_token_id]
    ids = list(tokenizer("")["input_ids"])
    return (ids[:-1], ids[-1:]) if ids else ([], [tokenizer.eos_token_id])


def collate(rows: Sequence[Row]) -> Row:
    """Stack rows of equal length: {"input_ids", "labels"}, [rows, context]."""
    return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}


class Packed(Dataset[Row]):
    """Rows for training: cuts of `context` tokens from the stream, each sharing one with the next.

    The stream is a ring, opened at `phase`: in one epoch every token but the first one after the
    opening is predicted exactly once, where its weight is not 0. The last row begins early enough
    to be full; what was counted before is not counted again (`aligned` rows do count it again). No
    row has padding. A stream shorter than `context` is one row of its own length.

    Args:
        stream: The encoded data.
        context: Tokens a row, 2 or more.
        phase: Where the ring is opened: 0 to tokens - 1.
        seed: With a seed, `set_epoch` opens the ring somewhere else in every epoch after the first,
            so that rows are not the same ones again; the same seed and epoch give the same rows.
        shuffled: Put the documents in another order in every epoch, the first included. Where they
            are questions with answers they must be: in one order, an answer is learned from the one
            before it, which nobody says in a chat.
        aligned: Begin a row where a document begins, if most fit into one. Then what a name
            or a question refers back to is in sight, and rows overlap: about half a document is
            learned twice an epoch, and the end of the last document of a row may be left out.
    """

    ordered = False
    rows = 1

    def __init__(
        self,
        stream: TokenStream,
        context: int,
        phase: int = 0,
        seed: int | None = None,
        *,
        shuffled: bool = False,
        aligned: bool = False,
    ) -> None:
        self._stream = stream
        self._shuffled = shuffled
        self._ends: NDArray[np.int64] | None = None
        self._moves: NDArray[np.int64] | None = None
        self._phase = phase
        self._seed = seed
        self._size = len(stream.tokens)
        self.context = min(context, self._size)
        if self.context < 2:
            raise ValueError(context)
        # Documents that do not fit have no beginning in most rows: then rows stand side by side.
        mean = self._size // max(1, len(stream.offsets) - 1)
        self._aligned = aligned and mean <= self.context
        self._stride = max(1, self.context - 1 - (mean // 2 if self._aligned else 0))
        self.row_tokens = float(self.context)
        if shuffled:
            self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch's phase and order; `accelerate` calls this before every epoch."""
        if self._seed is not None:
            random = np.random.default_rng((self._seed, epoch))
            self._phase = int(random.integers(self._size)) if epoch else 0
        if self._shuffled:
            offsets = np.asarray(self._stream.offsets)
            order = np.random.default_rng((self._seed or 0, epoch, 1)).permutation(len(offsets) - 1)
            lengths = np.diff(offsets)[order]
            self._ends = np.cumsum(lengths)
            self._moves = offsets[:-1][order] - (self._ends - lengths)

    def _places(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where in the stream the tokens of the ring stand, by their number in this epoch."""
        around = (numbers + self._phase) % self._size
        if self._ends is None or self._moves is None:
            return around
        return around + self._moves[np.searchsorted(self._ends, around, "right")]

    def _at_documents(self, wanted: NDArray[np.int64]) -> NDArray[np.int64]:
        """Numbers of the ring where rows begin: a document that fits into a row is begun anew."""
        around = (wanted + self._phase) % self._size
        ends = np.asarray(self._stream.offsets[1:]) if self._ends is None else self._ends
        document = np.searchsorted(ends, around, "right")
        starts = np.where(document > 0, ends[document - 1], 0)
        whole = ends[document] - starts <= self.context
        return np.where(whole, starts, around) - self._phase

    def __len__(self) -> int:
        return 1 + (self._size - 2) // self._stride

    def __getitem__(self, index: int) -> Row:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Row]:
        batch = self.batch(indices)
        return [
            {"input_ids": ids, "labels": labels}
            for ids, labels in zip(batch["input_ids"], batch["labels"], strict=True)
        ]

    collate = staticmethod(collate)

    def batch(self, indices: Sequence[int]) -> Row:
        """Rows by number: {"input_ids", "labels"}, [rows, context] int64."""
        wanted = np.asarray(indices, dtype=np.int64) * self._stride
        if self._aligned:
            return _rows(self._stream, self._at_documents(wanted), self.context, self._places)
        return _cut(self._stream, wanted, self.context, wanted, self._places)


class Rows:
    """Windows for measuring: every token but the first is predicted exactly once.

    Window k begins `stride` tokens after window k - 1 and predicts the `stride` last of its tokens,
    each from at least `context - stride` tokens before it; the first window predicts all it can.
    The last window begins early enough to be full.

    Args:
        stream: The encoded data.
        context: Tokens a window, 2 or more.
        stride: New predictions a window, 1 to context - 1; by default context - 1, the fastest.
    """

    def __init__(self, stream: TokenStream, context: int, stride: int | None = None) -> None:
        self._stream = stream
        self._size = len(stream.tokens)
        self.context = max(2, context)
        self.stride = min(stride or self.context - 1, self.context - 1)

    def __len__(self) -> int:
        if self._size < 2:
            return 0
        return 1 + max(0, -(-(self._size - self.context) // self.stride))

    def batch(self, indices: Sequence[int]) -> Row:
        """Windows by number: {"input_ids", "labels"}, [windows, context] int64."""
        wanted = np.asarray(indices, dtype=np.int64) * self.stride
        context = min(self.context, self._size)
        counted = np.where(wanted > 0, wanted + context - 1 - self.stride, 0)
        return _cut(self._stream, wanted, context, counted)


def _cut(
    stream: TokenStream,
    wanted: NDArray[np.int64],
    context: int,
    counted: NDArray[np.int64],
    place: Callable[[NDArray[np.int64]], NDArray[np.int64]] | None = None,
) -> Row:
    """Rows that begin where `wanted`, or earlier near the end of the stream.

    `counted` is the last place that was counted in rows before each one; `place` tells where in the
    stream a token stands, by the number used here.
    """
    starts = np.minimum(wanted, len(stream.tokens) - context)
    row = _rows(stream, starts, context, place)
    passed = starts[:, None] + np.arange(context) <= counted[:, None]
    row["labels"][torch.from_numpy(passed)] = _IGNORED
    return row


def _rows(
    stream: TokenStream,
    starts: NDArray[np.int64],
    context: int,
    place: Callable[[NDArray[np.int64]], NDArray[np.int64]] | None = None,
) -> Row:
    """Rows of `context` tokens from where they start; all but the first token is predicted."""
    numbers = starts[:, None] + np.arange(context)
    places = place(numbers) if place else numbers
    labels = stream.labels(places)
    labels[:, 0] = _IGNORED
    ids = stream.tokens[places].astype(np.int64)
    return {"input_ids": torch.from_numpy(ids), "labels": torch.from_numpy(labels)}
