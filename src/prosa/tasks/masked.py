"""Words from both sides: some tokens are hidden, and an encoder guesses them (Devlin et al. 2019).

Its loss is that of tokens whose neighbours on both sides are seen: a pseudo-likelihood, which does
not add up to the probability of a text and cannot stand beside that of a model that writes.
"""

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch
from torch import Tensor
from transformers import PreTrainedModel

from prosa.data.kinds import Kind
from prosa.errors import InputError
from prosa.i18n import _
from prosa.measure.metrics import Metrics
from prosa.models.family import Recipe
from prosa.tasks.task import Row
from prosa.tokens import examples
from prosa.tokens.special import MASK
from prosa.tokens.stream import TokenStream

IGNORED = -100
SHARE = 0.15
"""Of the tokens that are to be guessed; of these 80 % are masked, 10 % another word, 10 % kept."""
_WINDOW = 128
_ROWS = 16

Corrupt = Callable[[Tensor], Row]


class CorruptedRows(examples.Packed):
    """Packed rows of text whose batches are spoiled by a function: ids [B, L] in, a batch out."""

    def __init__(self, stream: TokenStream, context: int, corrupt: Corrupt, **order: Any) -> None:
        super().__init__(stream, context, **order)
        self._corrupt = corrupt

    def collate(self, rows: Sequence[Row]) -> Row:
        """Stack rows and spoil them."""
        return self._corrupt(torch.stack([row["input_ids"] for row in rows]))


class Masked:
    """Masked language modelling."""

    name = "masked"
    kinds = frozenset({Kind.TEXT})
    auto = "AutoModelForMaskedLM"
    special: tuple[str, ...] = (MASK,)
    template: str | None = "<s> $A </s>"
    writes = False
    replies = False
    loss_only = True
    tries = ('prosa fill {name} "... [MASK] ..."',)

    def chats(self, kind: Kind) -> bool:
        """Text is no conversation."""
        return False

    def encode(self, table: pa.Table, kind: Kind, tokenizer: Any, folder: Path) -> TokenStream:
        """Start + text + end, one document after the other."""
        return examples.encode(table, kind, tokenizer, folder)

    def batches(
        self, stream: TokenStream, tokenizer: Any, recipe: Recipe, context: int, **order: Any
    ) -> CorruptedRows:
        """Full rows with other words hidden every time."""
        return CorruptedRows(stream, context, lambda ids: mask(ids, tokenizer), **order)

    def prompt(self, tokenizer: Any, text: str) -> list[int]:
        """There is none: an encoder does not write.

        Raises:
            InputError: Always.
        """
        raise InputError(
            _("This model fills in words; it does not write"),
            hint=_('Try: prosa fill MODEL "O céu é [MASK]."'),
        )

    def measure(
        self, model: PreTrainedModel, tokenizer: Any, stream: TokenStream, *, whole: bool = True
    ) -> Metrics:
        """Loss, perplexity and accuracy of the hidden tokens, the same ones every time."""
        random = torch.Generator().manual_seed(0)
        return measure_corrupted(model, stream, lambda ids: mask(ids, tokenizer, random))


def mask(ids: Tensor, tokenizer: Any, random: torch.Generator | None = None) -> Row:
    """Hide some tokens of rows [B, L]: {"input_ids", "labels"}, -100 where nothing is asked."""
    special = torch.tensor(tokenizer.all_special_ids)

    def share(part: float) -> Tensor:
        return torch.rand(ids.shape, generator=random) < part

    asked = share(SHARE) & ~torch.isin(ids, special)
    labels = ids.masked_fill(~asked, IGNORED)
    others = torch.randint(len(tokenizer), ids.shape, generator=random)
    masked = torch.where(asked & share(0.8), tokenizer.mask_token_id, ids)
    masked = torch.where(asked & (masked == ids) & share(0.5), others, masked)
    return {"input_ids": masked, "labels": labels}


def measure_corrupted(model: PreTrainedModel, stream: TokenStream, corrupt: Corrupt) -> Metrics:
    """Loss, perplexity and accuracy on the labels that `corrupt` asks for, over a whole stream."""
    start = time.perf_counter()
    context = getattr(model.config, "max_position_embeddings", None) or _WINDOW
    windows = examples.Rows(stream, context)
    nats, right, tokens = 0.0, 0, 0
    training = model.training
    model.train(False)
    with torch.inference_mode():
        for first in range(0, len(windows), _ROWS):
            ids = windows.batch(range(first, min(first + _ROWS, len(windows))))["input_ids"]
            batch = {name: value.to(model.device) for name, value in corrupt(ids).items()}
            counted = batch["labels"] != IGNORED
            targets = batch["labels"][counted]
            if not model.config.is_encoder_decoder:
                del batch["labels"]
            logits = model(**batch).logits[counted].float()
            nats += torch.nn.functional.cross_entropy(logits, targets, reduction="sum").item()
            right += int((logits.argmax(-1) == targets).sum())
            tokens += len(targets)
    model.train(training)
    loss = nats / max(1, tokens)
    values = {
        "tokens": tokens,
        "bytes": stream.bytes,
        "loss": loss,
        "perplexity": math.exp(min(loss, 700.0)),
        "bits_per_byte": None,
        "accuracy": right / max(1, tokens),
    }
    return Metrics(values, time.perf_counter() - start)


MASKED = Masked()
