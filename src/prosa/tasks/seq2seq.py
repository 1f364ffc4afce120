"""A text from a text: source to target, or question to answer, for an encoder and a decoder.

The loss counts on the target alone, given the whole source. That makes its bits per byte those of
an answer given its question, as a decoder's are on the same data, and not those of a text.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from transformers import PreTrainedModel

from prosa.data.kinds import Kind
from prosa.measure.bits import Score
from prosa.measure.metrics import Metrics
from prosa.models.family import Recipe
from prosa.tasks.padded import PaddedRows, tensor
from prosa.tasks.task import Row
from prosa.tokens import examples
from prosa.tokens.documents import filled
from prosa.tokens.encoder import TextEncoder
from prosa.tokens.learn import is_ours
from prosa.tokens.stream import TokenStream

IGNORED = -100
_SCORED_ROWS = 32
_TRANSLATED = 100
"""Held-out pairs whose targets are written for chrF."""


class Pairs(PaddedRows):
    """Pairs of source and target, each side cut off at `context` tokens.

    Args:
        stream: Documents of source + end + target + end, the target weighted.
        pad: The id that fills up short rows.
        context: Tokens of a side at most.
        order: As for `PaddedRows`.
    """

    def __init__(self, stream: TokenStream, pad: int, context: int, **order: Any) -> None:
        self._stream, self._context = stream, context
        self._starts = np.asarray(stream.offsets[:-1])
        self._ends = np.asarray(stream.offsets[1:])
        spoken = np.concatenate([[0], np.cumsum(np.asarray(stream.weights), dtype=np.int64)])
        self._splits = self._ends - (spoken[self._ends] - spoken[self._starts])
        super().__init__(self._ends - self._starts, pad, **order)

    def row(self, number: int) -> Row:
        """Source and target."""
        start, split, end = (int(x[number]) for x in (self._starts, self._splits, self._ends))
        source = self._stream.tokens[start : min(split, start + self._context)]
        target = self._stream.tokens[split : min(end, split + self._context)]
        return {"input_ids": tensor(source), "labels": tensor(target)}

    def collate(self, rows: Sequence[Row]) -> Row:
        """Fill up: {"input_ids", "attention_mask"} [B, S] and {"labels"} [B, T]."""
        return super().collate(rows) | {"labels": filled([row["labels"] for row in rows], IGNORED)}


class Seq2Seq:
    """Target from source."""

    name = "seq2seq"
    kinds = frozenset({Kind.PAIR, Kind.QUESTION_ANSWER})
    auto = "AutoModelForSeq2SeqLM"
    special: tuple[str, ...] = ()
    template: str | None = "$A </s>"
    writes = True
    replies = True
    loss_only = False
    tries = ('prosa generate {name} "..."', "prosa chat {name}")

    def chats(self, kind: Kind) -> bool:
        """A source is no turn of a conversation."""
        return False

    def encode(self, table: pa.Table, kind: Kind, tokenizer: Any, folder: Path) -> TokenStream:
        """Source + end + target + end, one pair after the other."""
        return examples.encode_pairs(table, kind, tokenizer, folder)

    def batches(
        self, stream: TokenStream, tokenizer: Any, recipe: Recipe, context: int, **order: Any
    ) -> Pairs:
        """Padded pairs of nearly equal length."""
        return Pairs(stream, tokenizer.pad_token_id, context, **order)

    def prompt(self, tokenizer: Any, text: str) -> list[int]:
        """A source as the encoder reads it."""
        if not is_ours(tokenizer):
            return list(tokenizer(text)["input_ids"])
        return [*TextEncoder(tokenizer)([text])[0].tolist(), tokenizer.eos_token_id]

    def measure(
        self, model: PreTrainedModel, tokenizer: Any, stream: TokenStream, *, whole: bool = True
    ) -> Metrics:
        """Loss, perplexity, accuracy and bits per byte of targets; `whole` also writes for chrF."""
        start = time.perf_counter()
        longest = int(np.diff(np.asarray(stream.offsets)).max(initial=1))
        pairs = Pairs(stream, tokenizer.pad_token_id, longest, seed=0)
        nats, right, tokens = 0.0, 0, 0
        training = model.training
        model.train(False)
        with torch.inference_mode():
            for first in range(0, len(pairs), _SCORED_ROWS):
                rows = pairs.__getitems__(range(first, min(first + _SCORED_ROWS, len(pairs))))
                total, hits, count = _score(model, pairs.collate(rows))
                nats, right, tokens = nats + total, right + hits, tokens + count
        seconds = time.perf_counter() - start
        model.train(training)
        score = Score(
            tokens=tokens,
            bytes=stream.bytes,
            loss=nats / max(1, tokens),
            accuracy=right / max(1, tokens),
            seconds=seconds,
            unknown=stream.unknown,
            unknown_bytes=int(stream.hidden[:, 1].sum()),
        )
        metrics = score.metrics()
        if whole and len(pairs):
            metrics.values["chrf"] = _chrf(model, tokenizer, pairs)
        return metrics


def _score(model: PreTrainedModel, batch: Row) -> tuple[float, int, int]:
    batch = {name: values.to(model.device) for name, values in batch.items()}
    logits = model(**batch).logits.float()
    counted = batch["labels"] != IGNORED
    logits, targets = logits[counted], batch["labels"][counted]
    nats = torch.nn.functional.cross_entropy(logits, targets, reduction="sum").item()
    return nats, int((logits.argmax(-1) == targets).sum()), len(targets)


def _chrf(model: Any, tokenizer: Any, pairs: Pairs) -> float:
    """ChrF (Popović 2015, as sacrebleu has it) of what the model writes for held-out sources."""
    from sacrebleu import corpus_chrf  # noqa: PLC0415  only where it is asked for

    picked = np.linspace(0, len(pairs) - 1, min(_TRANSLATED, len(pairs))).astype(int).tolist()
    written, wanted = [], []
    with torch.inference_mode():
        for first in range(0, len(picked), _SCORED_ROWS):
            rows = pairs.__getitems__(picked[first : first + _SCORED_ROWS])
            batch = pairs.collate(rows)
            longest = 2 * batch["labels"].shape[1]
            texts = model.generate(
                input_ids=batch["input_ids"].to(model.device),
                attention_mask=batch["attention_mask"].to(model.device),
                max_new_tokens=longest,
                do_sample=False,
            )
            written += tokenizer.batch_decode(texts, skip_special_tokens=True)
            labels = [row["labels"] for row in rows]
            wanted += tokenizer.batch_decode(labels, skip_special_tokens=True)
    return float(corpus_chrf(written, [wanted]).score)


SEQ2SEQ = Seq2Seq()
