"""Transformers from scratch and small: the library's own architectures, no attention code here.

The decoder is Qwen3 (Yang et al. 2025): Llama's RMSNorm, rotary positions and SwiGLU, with queries
and keys normalised, which learns faster; a saved one runs unchanged in llama.cpp, Ollama and vLLM.
The encoder is ModernBERT (Warner et al. 2024), the encoder-decoder T5 (Raffel et al. 2020) with
gated feed-forward layers (Shazeer 2020). What is added acts in training only.
"""

from dataclasses import replace
from typing import Any

from torch import Tensor, nn
from transformers import ModernBertConfig, PreTrainedModel, Qwen3Config, T5Config

from prosa.models.family import N_, About, Family, Recipe, Sizes, SpecialIds


def _decoder(sizes: Sizes, vocabulary: int, ids: SpecialIds) -> Qwen3Config:
    assert sizes.hidden_size is not None
    assert sizes.heads is not None
    settings: dict[str, Any] = {
        "hidden_size": sizes.hidden_size,
        # Two thirds of four times the width, as SwiGLU has three matrices, rounded up to 32.
        "intermediate_size": -(-sizes.hidden_size * 8 // 3 // 32) * 32,
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": sizes.heads,
        "num_key_value_heads": sizes.heads,
        "head_dim": sizes.hidden_size // sizes.heads,
        "max_position_embeddings": sizes.context,
        "residual_dropout": float(sizes.dropout or 0.0),
        # Looking up costs nothing, so a table of its own is free; stories reached 1.42 bits a byte
        # in 25 s so, and 1.51 in 22 s with one table for both (one busy run each).
        "tie_word_embeddings": False,
        "attn_implementation": "sdpa",
    }
    return Qwen3Config(vocab_size=vocabulary, **settings, **ids.named)


def with_dropout(model: PreTrainedModel) -> PreTrainedModel:
    """Drop embeddings and what each block adds, in training, at `config.residual_dropout`.

    Qwen3 itself has dropout on attention weights alone, which small data sets need least and which
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


def with_summed_loss(model: PreTrainedModel) -> PreTrainedModel:
    """Let T5's loss be a part of a batch's mean where `num_items_in_batch` says of how many.

    T5 takes the mean of what it is given, whatever it is told: of a step that is cut into parts,
    one after the other or in several processes, that is another mean, and of no labels no number.
    """

    def divide(_module: nn.Module, _args: Any, given: dict[str, Any], output: Any) -> Any:
        labels, total = given.get("labels"), given.get("num_items_in_batch")
        if labels is not None and total is not None:
            logits, targets = output.logits.flatten(0, 1).float(), labels.flatten()
            output.loss = nn.functional.cross_entropy(logits, targets, reduction="sum") / total
        return output

    model.register_forward_hook(divide, with_kwargs=True)
    return model


def _ladder(*shapes: tuple[int, int, int]) -> tuple[Sizes, ...]:
    """Sizes from (layers, hidden size, heads), rows of 128 tokens, without dropout."""
    return tuple(Sizes(128, n, width, heads, dropout=0.0) for n, width, heads in shapes)


DECODER = Family(
    name="decoder",
    tasks=("causal", "labels"),
    learning="descend",
    config=Qwen3Config,
    configure=_decoder,
    sizes=_ladder(
        (2, 64, 4),
        (4, 64, 4),
        (4, 96, 4),
        (4, 128, 4),
        (5, 160, 5),
        (6, 192, 6),
        (6, 256, 8),
        (8, 320, 5),
        (8, 448, 7),
        (12, 640, 10),
        (12, 768, 12),
    ),
    recipe=Recipe(
        learning_rate=0.007,
        width=128,
        falls_only=True,
        muon=True,
        betas=(0.9, 0.95),
        dropout_from=3.0,
        weight_decay=0.1,
        embedding_rate=10.0,
        row=(128, 256),
        aligned=True,
        batch=(1_024, 8_000),
        start_from_nothing=True,
        average=True,
        share=3,
    ),
    about=About(
        what=N_("Transformer decoder (Qwen3's architecture): looks back at every word"),
        since=N_("2017 (Vaswani et al.), as a decoder alone 2018 (Radford et al.)"),
        good_for=N_("writing and chatting: the best text of all, given enough data and time"),
    ),
    marks=("residual_dropout",),
    finish=with_dropout,
    shards=True,
)


def _encoder(sizes: Sizes, vocabulary: int, ids: SpecialIds) -> ModernBertConfig:
    assert sizes.hidden_size is not None
    settings: dict[str, Any] = {
        "hidden_size": sizes.hidden_size,
        "intermediate_size": -(-sizes.hidden_size * 4 // 3 // 32) * 32,  # of each half of GeGLU
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": sizes.heads,
        "max_position_embeddings": sizes.context,
        "layer_types": ["full_attention"] * (sizes.layers or 1),  # rows are short
        "embedding_dropout": sizes.dropout,
        "mlp_dropout": sizes.dropout,
        "cls_token_id": ids.bos,
        "sep_token_id": ids.eos,
        "sparse_prediction": True,  # in training only the hidden words' scores are computed
        "attn_implementation": "sdpa",
    }
    return ModernBertConfig(vocab_size=vocabulary, **settings, **ids.named)


def _encoder_decoder(sizes: Sizes, vocabulary: int, ids: SpecialIds) -> T5Config:
    assert sizes.hidden_size is not None
    assert sizes.heads is not None
    settings: dict[str, Any] = {
        "d_model": sizes.hidden_size,
        "d_kv": sizes.hidden_size // sizes.heads,
        "d_ff": -(-sizes.hidden_size * 8 // 3 // 32) * 32,
        "num_layers": sizes.layers,
        "num_decoder_layers": sizes.layers,
        "num_heads": sizes.heads,
        "dropout_rate": sizes.dropout,
        "feed_forward_proj": "gated-gelu",
        "tie_word_embeddings": True,
        "decoder_start_token_id": ids.pad,
        "context_length": sizes.context,
    }
    return T5Config(vocab_size=vocabulary, **settings, **ids.named)


ENCODER = Family(
    name="encoder",
    tasks=("masked", "labels", "spans"),
    learning="descend",
    config=ModernBertConfig,
    configure=_encoder,
    sizes=DECODER.sizes,
    recipe=replace(DECODER.recipe, aligned=False, share=1),
    about=About(
        what=N_("Transformer encoder (ModernBERT's architecture): reads both sides of a word"),
        since=N_("2018 (Devlin et al., BERT), in this form 2024 (Warner et al.)"),
        good_for=N_("filling in words, and as a body for classifying; it does not write"),
    ),
    fixed={"sparse_prediction": True},
)
ENCODER_DECODER = Family(
    name="encoder-decoder",
    tasks=("seq2seq", "denoising", "labels"),
    learning="descend",
    config=T5Config,
    configure=_encoder_decoder,
    sizes=_ladder(
        (1, 64, 2),
        (2, 64, 2),
        (2, 128, 4),
        (3, 160, 5),
        (4, 192, 6),
        (4, 256, 8),
        (6, 320, 5),
        (6, 448, 7),
        (8, 640, 10),
        (12, 768, 12),
    ),
    recipe=replace(DECODER.recipe, aligned=False, share=1),
    about=About(
        what=N_("Transformer encoder and decoder (T5's architecture): one reads, one writes"),
        since=N_("2017 (Vaswani et al.), in this form 2020 (Raffel et al., Shazeer)"),
        good_for=N_("translating, and answers to questions; from text it learns to fill gaps"),
    ),
    marks=("context_length",),
    finish=with_summed_loss,
)
