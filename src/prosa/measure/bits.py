"""Loss, perplexity, bits per byte and accuracy: one measure for every family.

Every token that a person would read, and the end of every document, is predicted exactly once;
the start of a document is not. Bits per byte divides by the bytes of the text itself, so models
with different tokenizers can be compared; perplexity per token cannot.

A token `<unk>` does not say which word it stands for. Its bytes are charged as if written out
after it, at 8 bits each, which is what a byte costs without any model: a smaller vocabulary then
never looks better. Only bits per byte is charged; loss and perplexity are those of the tokens,
`<unk>` among them, as they are published. Reasons and numbers are in
docs/decisions/0005-bits-per-byte.md.
"""

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from prosa.measure.metrics import Metrics
from prosa.models.head import head_of
from prosa.tokens.documents import Documents
from prosa.tokens.examples import Rows, TokenStream

SPELLING_BITS = 8
"""What each byte that an unknown token hides is charged."""
_LOGITS_BYTES = 64_000_000
"""Logits held at a time."""
_TOKENS = 16_384
"""Tokens read at a time: more only fill the memory with attention."""
_RANKED_TOKENS = 10_000
"""Tokens on which a counted model's accuracy is measured: good to half a percent."""
_LONGEST = 1_024
"""Tokens of a window of a long document, for models that could read more at once."""
_APART_TOKENS = 1_024
"""Tokens read at a time where documents are read by themselves."""
_RECURRENT_CONTEXT = 256
"""Window for models whose context has no limit. Chosen, not measured."""


@dataclass(frozen=True)
class Score:
    """What a model makes of a text.

    `tokens` are those predicted, `bytes` the UTF-8 bytes they stand for, `loss` the mean nats per
    token, `accuracy` the share of first choices. `unknown` of the tokens (`<unk>`) hide what they
    stand for: `unknown_bytes`.
    """

    tokens: int
    bytes: int
    loss: float
    accuracy: float
    seconds: float
    unknown: int = 0
    unknown_bytes: int = 0

    @property
    def perplexity(self) -> float:
        """exp(loss), per token."""
        return math.exp(min(self.loss, 700.0))

    @property
    def bits_per_byte(self) -> float:
        """Bits needed for each byte of the text, those that unknown tokens hide written out."""
        bits = self.loss * self.tokens / math.log(2) + SPELLING_BITS * self.unknown_bytes
        return bits / max(1, self.bytes)

    def metrics(self) -> Metrics:
        """The same by the documented names."""
        values = {
            "tokens": self.tokens,
            "bytes": self.bytes,
            "unknown": self.unknown,
            "unknown_bytes": self.unknown_bytes,
            "loss": self.loss,
            "perplexity": self.perplexity,
            "bits_per_byte": self.bits_per_byte,
            "accuracy": self.accuracy,
        }
        return Metrics(values, self.seconds)


def score(model: PreTrainedModel, stream: TokenStream, pad: int | None = None) -> Score:
    """Score a model on a token stream.

    A model that counts is asked for the probabilities of the tokens that are there and no others.
    Any other model reads windows that overlap by half, so that every token but the first ones is
    predicted from at least half a context; a document's tokens also see the end of the document
    before it, as in training.

    Args:
        model: Any causal language model of the room `models`.
        stream: The encoded text.
        pad: With this id, which fills up short rows, each document is read by itself (a long one in
            windows that overlap by half), as models that were trained elsewhere expect.

    Returns:
        The score. A stream without a token to predict has loss 0.
    """
    start = time.perf_counter()
    with torch.inference_mode():
        if pad is not None:
            nats, correct, tokens = _apart(model, stream, pad)
            seconds, ranked = time.perf_counter() - start, tokens
        elif hasattr(model, "score_stream"):
            nats, tokens = _counted(model, stream)
            seconds = time.perf_counter() - start
            # First choices need every word's probability: they are found on a part of the text.
            _nats, correct, ranked = _descended(model, stream.head(_RANKED_TOKENS))
        else:
            nats, correct, tokens = _descended(model, stream)
            seconds, ranked = time.perf_counter() - start, tokens
    return Score(
        tokens=tokens,
        bytes=stream.bytes,
        loss=nats / max(1, tokens),
        accuracy=correct / max(1, ranked),
        seconds=seconds,
        unknown=stream.unknown,
        unknown_bytes=int(stream.hidden[:, 1].sum()),
    )


def _counted(model: Any, stream: TokenStream) -> tuple[float, int]:
    """Nats and count, from the probabilities of the tokens that are there alone."""
    scored = model.score_stream(stream.tokens, stream.offsets)
    if stream.weights is not None:
        # It scores every token but the first of each document, in order.
        predicted = np.ones(len(stream.tokens), dtype=bool)
        predicted[np.asarray(stream.offsets[:-1])] = False
        scored = scored[np.asarray(stream.weights)[predicted].astype(bool)]
    return -float(np.sum(scored, dtype=np.float64)), len(scored)


def _descended(model: PreTrainedModel, stream: TokenStream) -> tuple[float, int, int]:
    limited = getattr(model.config, "max_position_embeddings", None)
    context = limited or _RECURRENT_CONTEXT
    rows = Rows(stream, context, stride=max(1, context // 2))
    logits_rows = _LOGITS_BYTES // (4 * model.config.vocab_size * context)
    per_batch = max(1, min(logits_rows, _TOKENS // context))
    training, nats, correct, tokens = model.training, 0.0, 0, 0
    model.train(False)
    for start in range(0, len(rows), per_batch):
        batch = rows.batch(range(start, min(start + per_batch, len(rows))))
        total, right, count = _batch(model, batch["input_ids"], batch["labels"])
        nats, correct, tokens = nats + total, correct + right, tokens + count
    model.train(training)
    return nats, correct, tokens


def _apart(model: PreTrainedModel, stream: TokenStream, pad: int) -> tuple[float, int, int]:
    """Nats, right guesses and count, of documents that see nothing of one another."""
    config = model.config.get_text_config()
    context = min(getattr(config, "max_position_embeddings", None) or _LONGEST, _LONGEST)
    rows = Documents(stream, pad, context, overlap=context // 2)
    order = np.argsort(rows.lengths, kind="stable").tolist()
    head, training = head_of(model), model.training
    nats, correct, tokens = 0.0, 0, 0
    model.train(False)
    while order:
        count = max(1, _APART_TOKENS // int(rows.lengths[order[-1]]))
        batch = rows.collate(rows.__getitems__([order.pop() for _row in order[-count:]]))
        ids, mask, labels = (
            batch[name].to(model.device) for name in ("input_ids", "attention_mask", "labels")
        )
        counted, targets = labels[:, 1:] != -100, labels[:, 1:]
        if head:
            read = head.hidden(ids, mask)[:, :-1][counted]
        else:
            read = model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1][
                counted
            ]
        some = max(1, _LOGITS_BYTES // (4 * config.vocab_size))
        parts = torch.split(read, some), torch.split(targets[counted], some)
        for part, wanted in zip(*parts, strict=True):
            logits = (head.output(part) if head else part).float()
            nats += torch.nn.functional.cross_entropy(logits, wanted, reduction="sum").item()
            correct += int((logits.argmax(-1) == wanted).sum())
            tokens += len(wanted)
    model.train(training)
    return nats, correct, tokens


def _batch(model: PreTrainedModel, ids: Tensor, labels: Tensor) -> tuple[float, int, int]:
    """Nats, right guesses and count of one batch of windows [B, L]."""
    logits = model(input_ids=ids.to(model.device), use_cache=False).logits[:, :-1].float()
    targets = labels[:, 1:].to(model.device)
    counted = targets != -100
    logits, targets = logits[counted], targets[counted]
    nats = torch.nn.functional.cross_entropy(logits, targets, reduction="sum").item()
    return nats, int((logits.argmax(-1) == targets).sum()), len(targets)
