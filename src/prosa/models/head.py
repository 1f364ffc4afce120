"""The body and the output layer of a causal model, where its logits are just their product.

Then a loss or a score needs the logits of the places that count alone, a few at a time: of Gemma
270M, whose 262 thousand words are 5 of every 8 operations, those of a whole batch take a gigabyte.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel


class Head(NamedTuple):
    """Logits are `output(hidden)` of the body's last hidden states."""

    body: nn.Module
    output: nn.Linear

    def hidden(self, ids_BL: Tensor, mask_BL: Tensor | None) -> Tensor:
        """What the output layer reads: [B, L, H]."""
        body: Any = self.body
        given: Tensor = body(
            input_ids=ids_BL, attention_mask=mask_BL, use_cache=False
        ).last_hidden_state
        return given


def head_of(model: PreTrainedModel) -> Head | None:
    """A model's head, if it has one: tried on a few tokens, since some models cap or scale logits.

    Returns:
        None for an encoder with a decoder, and wherever the product is not what the model says.
    """
    body, output = model.base_model, model.get_output_embeddings()
    if model.config.is_encoder_decoder or body is model or not isinstance(output, nn.Linear):
        return None
    head, training = Head(body, output), model.training
    ids = torch.arange(8, device=model.device)[None] % model.config.get_text_config().vocab_size
    model.train(False)
    try:
        with torch.inference_mode():
            logits, own = output(head.hidden(ids, None)), model(input_ids=ids).logits
    except (AttributeError, TypeError):
        return None
    finally:
        model.train(training)
    return head if torch.allclose(logits, own, rtol=1e-2, atol=1e-2) else None
