"""Missing stretches of a text: an encoder reads what is left, a decoder writes what is gone.

Span corruption as in T5 (Raffel et al. 2020): 15 % of the tokens go, in stretches of three on
average; each leaves a sign of its own, and the target is every sign with what it stands for.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor
from transformers import PreTrainedModel

from prosa.data.kinds import Kind
from prosa.measure.metrics import Metrics
from prosa.models.family import Recipe
from prosa.tasks.masked import CorruptedRows, measure_corrupted
from prosa.tasks.task import Row
from prosa.tokens import examples
from prosa.tokens.encoder import TextEncoder
from prosa.tokens.stream import TokenStream

SIGNS = tuple(f"<extra_id_{number}>" for number in range(32))
SHARE, STRETCH = 0.15, 3.0


class Denoising:
    """Span denoising of text."""

    name = "denoising"
    kinds = frozenset({Kind.TEXT})
    auto = "AutoModelForSeq2SeqLM"
    special = SIGNS
    template: str | None = None
    writes = True
    replies = False
    loss_only = True
    tries = ('prosa generate {name} "..."',)

    def chats(self, kind: Kind) -> bool:
        """Text is no conversation."""
        return False

    def encode(self, table: pa.Table, kind: Kind, tokenizer: Any, folder: Path) -> TokenStream:
        """Start + text + end, one document after the other."""
        return examples.encode(table, kind, tokenizer, folder)

    def batches(
        self, stream: TokenStream, tokenizer: Any, recipe: Recipe, context: int, **order: Any
    ) -> CorruptedRows:
        """Full rows with other stretches gone every time."""
        signs, end = _ids(tokenizer)

        def corrupt(ids: Tensor) -> Row:
            # The seed comes from torch's state, which every step of training sets anew.
            seed = int(torch.randint(2**31, ()).item())
            return remove_stretches(ids, signs, end, np.random.default_rng(seed))

        return CorruptedRows(stream, context, corrupt, **order)

    def prompt(self, tokenizer: Any, text: str) -> list[int]:
        """A text whose end is missing."""
        return [*TextEncoder(tokenizer)([text])[0].tolist(), _ids(tokenizer)[0][0]]

    def measure(
        self, model: PreTrainedModel, tokenizer: Any, stream: TokenStream, *, whole: bool = True
    ) -> Metrics:
        """Loss, perplexity and accuracy of what was taken out, the same every time."""
        signs, end = _ids(tokenizer)
        random = np.random.default_rng(0)
        return measure_corrupted(
            model, stream, lambda ids: remove_stretches(ids, signs, end, random)
        )


def remove_stretches(ids: Tensor, signs: list[int], end: int, random: np.random.Generator) -> Row:
    """Take stretches out of rows [B, L], L at least 2; the last ends the row, as T5's do.

    Returns:
        {"input_ids"}: what is left, with a sign for each stretch [B, S]; {"labels"}: each sign,
        what it stands for, and the end [B, T].
    """
    length = ids.shape[1]
    gone = max(1, round(SHARE * length))
    stretches = max(1, min(len(signs), round(gone / STRETCH), length - gone))
    sources, targets = [], []
    for row in ids.tolist():
        kept = _parts(length - gone, stretches, random)
        taken = _parts(gone, stretches, random)
        place, source, target = 0, [], []
        for sign, keep, take in zip(signs, kept, taken, strict=False):
            source += [*row[place : place + keep], sign]
            target += [sign, *row[place + keep : place + keep + take]]
            place += keep + take
        sources.append(source)
        targets.append([*target, end])
    return {"input_ids": torch.tensor(sources), "labels": torch.tensor(targets)}


def _parts(total: int, parts: int, random: np.random.Generator) -> list[int]:
    """A random way to share out a number in so many parts of at least 1."""
    cuts = np.sort(random.choice(max(1, total - 1), parts - 1, replace=False)) + 1
    sizes: list[int] = np.diff([0, *cuts.tolist(), total]).tolist()
    return sizes


def _ids(tokenizer: Any) -> tuple[list[int], int]:
    return tokenizer.convert_tokens_to_ids(list(SIGNS)), tokenizer.eos_token_id


DENOISING = Denoising()
