"""The loss of a batch: as the model has it, or of a trained one's answers alone, and cheaper.

A trained model has a large vocabulary, of which one's own data use a few thousand words. Its loss
scores those, and a sample of the others that stands for all the rest (see `models/loss.py`), at the
places that count and no others.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from prosa.models.head import head_of
from prosa.models.loss import IGNORED, linear_cross_entropy
from prosa.tokens.stream import TokenStream
from prosa.training import world

OTHERS = 4_096
"""Words drawn anew in each step for those that the data do not use."""

Batch = dict[str, Any]
Loss = Callable[[Any, Batch], Tensor]


def own_loss(model: Any, batch: Batch) -> Tensor:
    """As the model itself has it."""
    loss: Tensor = model(**batch).loss
    return loss


class AnswerLoss:
    """The mean nats of the tokens that count.

    Raises:
        ValueError: The model's logits are not the product of its hidden states and output layer, or
            several processes learn together, which must go through the whole model.
    """

    def __init__(self, model: PreTrainedModel, stream: TokenStream) -> None:
        head = head_of(model)
        if head is None or world.size() > 1:
            raise ValueError
        self._head = head
        words = head.output.weight.shape[0]
        common = np.unique(np.asarray(stream.tokens)).astype(np.int64)
        few = len(common) + OTHERS < words // 2
        self._common = torch.from_numpy(common) if few else None
        self._others = torch.from_numpy(np.setdiff1d(np.arange(words), common)) if few else None

    @property
    def words(self) -> int:
        """How many words are scored."""
        scored = self._head.output.weight.shape[0]
        return scored if self._common is None else len(self._common) + OTHERS

    def __call__(self, _model: Any, batch: Batch) -> Tensor:
        """Of a batch {"input_ids", "labels"} and maybe a mask, and of how many if that is told."""
        labels = batch["labels"][:, 1:]
        counted = labels != IGNORED
        target = labels[counted]
        hidden = self._head.hidden(batch["input_ids"], batch.get("attention_mask"))
        weight, bias, target = self._scored(target)
        read = hidden[:, :-1][counted]
        nats = linear_cross_entropy(read, weight, bias, target)
        total = batch.get("num_items_in_batch")
        return nats / (max(1, target.numel()) if total is None else total)

    def _scored(self, target: Tensor) -> tuple[Tensor, Tensor | None, Tensor]:
        output = self._head.output
        gpu = output.weight.device.type != "cpu"  # which has all their scores in no time
        if gpu or self._common is None or self._others is None:
            return output.weight, output.bias, target
        drawn = self._others[torch.randint(len(self._others), (OTHERS,))]
        words = torch.cat([self._common, drawn])
        worth = torch.zeros(len(words), dtype=output.weight.dtype)
        worth[len(self._common) :] = float(np.log(len(self._others) / OTHERS))
        if output.bias is not None:
            worth = worth + output.bias[words]
        weight = torch.nn.functional.embedding(words, output.weight)
        return weight, worth, torch.searchsorted(self._common, target)
