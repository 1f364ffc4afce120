"""The next token, from all those before it: what most language models learn.

Text is packed into rows; of questions with answers, pairs and conversations the loss counts on
what the assistant says.
"""

from pathlib import Path
from typing import Any

import pyarrow as pa
from transformers import PreTrainedModel

from prosa.data.kinds import Kind
from prosa.measure.bits import score
from prosa.measure.metrics import Metrics
from prosa.models.family import Recipe
from prosa.models.pretrained import described
from prosa.models.registry import CAUSAL as AUTO
from prosa.models.registry import family_of
from prosa.tokens import examples
from prosa.tokens.documents import Documents
from prosa.tokens.encoder import TextEncoder
from prosa.tokens.stream import TokenStream


class Causal:
    """Next-token prediction."""

    name = "causal"
    kinds = frozenset({Kind.TEXT, Kind.QUESTION_ANSWER, Kind.CONVERSATION, Kind.PAIR})
    auto = AUTO
    special: tuple[str, ...] = ()
    template: str | None = None
    writes = True
    replies = False
    loss_only = False
    tries = ('prosa generate {name} "..."', "prosa chat {name}")

    def chats(self, kind: Kind) -> bool:
        """All but plain text is a conversation."""
        return kind is not Kind.TEXT

    def encode(self, table: pa.Table, kind: Kind, tokenizer: Any, folder: Path) -> TokenStream:
        """Start + text or turns + end, one document after the other."""
        return examples.encode(table, kind, tokenizer, folder)

    def batches(
        self, stream: TokenStream, tokenizer: Any, recipe: Recipe, context: int, **order: Any
    ) -> examples.Packed | Documents:
        """Full rows, without padding; where the recipe says so, a document each."""
        if recipe.apart:
            return Documents(stream, tokenizer.pad_token_id, context, **order)
        return examples.Packed(stream, context, aligned=recipe.aligned, **order)

    def prompt(self, tokenizer: Any, text: str) -> list[int]:
        """The beginning of a text, after the sentence start.

        As in training, "</s>" that a person types is text and ends nothing.
        """
        ids = TextEncoder(tokenizer)([text])[0].tolist()
        start = tokenizer.bos_token_id
        return ids if start is None else [start, *ids]

    def measure(
        self, model: PreTrainedModel, tokenizer: Any, stream: TokenStream, *, whole: bool = True
    ) -> Metrics:
        """Loss, perplexity, bits per byte and accuracy, of every token."""
        apart = family_of(described(model)) is None
        return score(model, stream, tokenizer.pad_token_id if apart else None).metrics()


CAUSAL = Causal()
