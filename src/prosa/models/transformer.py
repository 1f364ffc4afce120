"""The Transformer decoder: transformers' own Llama, from scratch and small.

Llama (Touvron et al. 2023) is RMSNorm, rotary positions and SwiGLU; a saved model runs unchanged in
llama.cpp, Ollama and vLLM. There is no attention code here. What is added acts in training only.
"""

from typing import Any

from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from prosa.models.sizes import Sizes, fitting_heads


def settings(sizes: Sizes, vocabulary: int) -> dict[str, Any]:
    """The settings of a small Llama of these sizes; heads are chosen where None.

    Raises:
        InputError: The width cannot be shared out among the heads.
    """
    if sizes.hidden_size is None or sizes.context is None or sizes.layers is None:
        raise ValueError("a decoder needs context, layers and hidden_size")
    sizes.check_heads()
    return {
        "vocab_size": vocabulary,
        "hidden_size": sizes.hidden_size,
        # Two thirds of four times the width, as SwiGLU has three matrices, rounded up to 32.
        "intermediate_size": -(-sizes.hidden_size * 8 // 3 // 32) * 32,
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": sizes.heads or fitting_heads(sizes.hidden_size),
        "max_position_embeddings": sizes.context,
        "residual_dropout": float(sizes.dropout or 0.0),
        # Looking up costs nothing, so a table of its own is free; stories reached 1.42 bits a byte
        # in 25 s so, and 1.51 in 22 s with one table for both (one busy run each).
        "tie_word_embeddings": False,
        "attn_implementation": "sdpa",
    }


def build(config: LlamaConfig) -> PreTrainedModel:
    """A decoder with fresh weights."""
    return with_dropout(LlamaForCausalLM(config))


def with_dropout(model: PreTrainedModel) -> PreTrainedModel:
    """Drop embeddings and what each block adds, in training, at `config.residual_dropout`.

    Llama itself has dropout on attention weights alone, which small data sets need least and which
    switches the fused attention off. The hooks are not saved; the rate is, in the configuration.
    """
    rate = float(getattr(model.config, "residual_dropout", 0.0) or 0.0)
    if not rate:
        return model

    def drop(module: nn.Module, args: Any, output: Tensor) -> Tensor:
        return nn.functional.dropout(output, rate, module.training)

    for name, module in model.named_modules():
        if name.endswith(("embed_tokens", "o_proj", "down_proj")):
            module.register_forward_hook(drop)
    return model
