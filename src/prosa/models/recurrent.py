"""Recurrent language models: plain RNN (Elman 1990), LSTM (1997) and GRU (Cho et al. 2014).

It covers the configuration and the model, on torch's own cells (oneDNN, cuDNN). It does not cover
how the cells read padded rows, or their cache (`state.py`).

This file is copied beside a saved model and must import nothing but torch and transformers.

Shapes: B rows, L columns (tokens), E embedding, H hidden units, V words of the vocabulary.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.cache_utils import Cache
from transformers.modeling_outputs import CausalLMOutputWithPast, SequenceClassifierOutput

from .family import N_, About, Family, Recipe, Sizes, SpecialIds
from .generation import StatefulGenerationMixin, columns, output, refuse_misspelt
from .loss import causal_loss
from .state import read

CELLS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class RecurrentConfig(PreTrainedConfig):
    """What a recurrent model is made of.

    Args:
        cell: "rnn" (tanh), "lstm" or "gru".
        vocab_size: Words of the vocabulary.
        embedding_size: Width of a word's vector.
        hidden_size: Units of every layer.
        num_hidden_layers: Layers, at least 1.
        dropout: Share of what goes from layer to layer and of outputs that is put to zero in
            training; so it acts with one layer too.
        embedding_dropout: The same of the words' vectors. With 10 of them, dropping 0.1 took
            1,250 headlines from 1.25 to 1.99 nats in 12 passes (one seed).
        tie_word_embeddings: One table for input and output (Inan et al. 2017; Press & Wolf 2017).
            Outputs are then projected to the embedding's width, where it is not theirs.
        initializer_range: Deviation of what the cells read at the start. Small values learn late:
            with dropout of 10 embeddings 0.1 gave 3.25 nats, 1.0 gave 1.99.
        context_length: Tokens of a training sequence. No limit: the state goes on for ever.

    Raises:
        ValueError: A value of the wrong type or out of range, or a misspelt name.
    """

    model_type = "prosa_recurrent"

    cell: str = "lstm"
    vocab_size: int = 256
    embedding_size: int = 64
    hidden_size: int = 128
    num_hidden_layers: int = 1
    dropout: float = 0.0
    embedding_dropout: float = 0.0
    tie_word_embeddings: bool = False
    initializer_range: float = 1.0
    context_length: int = 128
    use_cache: bool = True
    pad_token_id: int | None = 0
    bos_token_id: int | None = 2
    eos_token_id: int | list[int] | None = 3

    def __post_init__(self, **kwargs: Any) -> None:
        """Check everything: the base class takes any name and any type in silence."""
        refuse_misspelt(kwargs, _FIELDS)
        if self.cell not in CELLS:
            raise ValueError(f"cell is {self.cell!r}; expected one of {', '.join(CELLS)}")
        for name in _COUNTS:
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise ValueError(f"{name} is {value!r}; expected a whole number from 1")
        for name in _SHARES:
            value = getattr(self, name)
            if not isinstance(value, int | float) or not 0 <= value < 1:
                raise ValueError(f"{name} is {value!r}; expected a number from 0 to below 1")
        super().__post_init__(**kwargs)


_COUNTS = ("vocab_size", "embedding_size", "hidden_size", "num_hidden_layers", "context_length")
_SHARES = ("dropout", "embedding_dropout")
_FIELDS = ("cell", *_SHARES, *_COUNTS)


class RecurrentBody(PreTrainedModel):
    """Embedding and recurrent layers, on which every head stands."""

    config_class = RecurrentConfig
    _no_split_modules = ["RNN", "LSTM", "GRU"]  # noqa: RUF012  read by the base class

    def __init__(self, config: RecurrentConfig) -> None:
        super().__init__(config)
        between_layers = config.dropout if config.num_hidden_layers > 1 else 0.0
        self.embed_tokens = nn.Embedding(config.vocab_size, config.embedding_size)
        # A table that also scores words needs vectors of unit length: logits of unit size.
        tied = config.tie_word_embeddings
        self.embedding_scale = config.embedding_size**0.5 if tied else 1.0
        self.rnn = CELLS[config.cell](
            config.embedding_size,
            config.hidden_size,
            config.num_hidden_layers,
            batch_first=True,
            dropout=between_layers,
        )
        self.dropout = nn.Dropout(config.dropout)
        self.embedding_dropout = nn.Dropout(config.embedding_dropout)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Embedding):
            std = self.config.initializer_range / self.embedding_scale
            nn.init.normal_(module.weight, std=std)
        elif isinstance(module, nn.Linear):
            bound = module.in_features**-0.5
            nn.init.uniform_(module.weight, -bound, bound)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.RNNBase):
            for name, parameter in module.named_parameters():
                self._init_cell(name, parameter)

    def _init_cell(self, name: str, parameter: nn.Parameter) -> None:
        H = self.config.hidden_size
        if getattr(parameter, "_is_hf_initialized", False):
            return
        if "bias" in name:
            nn.init.zeros_(parameter)
            if self.config.cell == "lstm" and "bias_ih" in name:
                # An open forget gate at first (Jozefowicz et al. 2015); the order is i f g o.
                parameter[H : 2 * H] = 1.0
        else:
            # Inputs of unit size keep it: headlines reached 1.08 nats so, and 1.40 with the
            # narrower bound of the recurrent weights, which is torch's for both.
            first = name == "weight_ih_l0"
            bound = (3 / self.config.embedding_size) ** 0.5 if first else H**-0.5
            nn.init.uniform_(parameter, -bound, bound)

    def states(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        cache: Cache | None = None,
        *,
        keep_state: bool = False,
    ) -> tuple[Tensor, Cache | None]:
        """Outputs of the last layer [B, L, H] for tokens and mask [B, L], and the state."""
        mask_BL = None
        if attention_mask is not None:
            mask_BL = attention_mask[:, -input_ids.shape[1] :].bool()
            mask_BL = None if mask_BL.all() else mask_BL
        embedded_BLE = self.embed_tokens(input_ids) * self.embedding_scale
        embedded_BLE = self.embedding_dropout(embedded_BLE)
        return read(self.rnn, embedded_BLE, mask_BL, cache, keep_state=keep_state)


class RecurrentForCausalLM(StatefulGenerationMixin, RecurrentBody):
    """A layer that scores every word of the vocabulary."""

    _tied_weights_keys = {"lm_head.weight": "embed_tokens.weight"}  # noqa: RUF012  as transformers

    def __init__(self, config: RecurrentConfig) -> None:
        super().__init__(config)
        width = config.embedding_size if config.tie_word_embeddings else config.hidden_size
        self.projection = (
            nn.Identity()
            if width == config.hidden_size
            else nn.Linear(config.hidden_size, width, bias=False)
        )
        self.lm_head = nn.Linear(width, config.vocab_size)
        self.post_init()

    def forward(  # noqa: PLR0913, PLR0917  transformers asks for arguments by their names
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        cache: Cache | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int | Tensor = 0,
        skip_logits: bool | None = None,
        past_key_values: Cache | None = None,
        **kwargs: Any,
    ) -> CausalLMOutputWithPast:
        """Read tokens and score the next ones.

        Args:
            input_ids: Tokens [B, L].
            attention_mask: 1 where a token counts, of these tokens [B, L] or of all that the state
                has read as well; padding may stand on either side, and leaves states and other
                logits untouched.
            cache: State after the tokens before these, changed in place.
            labels: Tokens to predict [B, L], shifted here; -100 does not count.
            use_cache: Return the state; by default as configured, and never in training.
            logits_to_keep: Logits of so many last columns only, or of these columns; 0 means all.
            skip_logits: Return the loss without logits, which is faster; by default in training
                when labels are given (the meaning it has in Liger-Kernel).
            past_key_values: The same as `cache`, by its name before transformers 5.24.
            **kwargs: `num_items_in_batch`, what the summed loss is divided by (the labels counted
                here if it is not given); the rest, meant for other models, is ignored.

        Returns:
            loss (mean nats), logits [B, kept, V], and the state: as `cache`, before transformers
            5.24 as `past_key_values`.

        Raises:
            RuntimeError: The mask tells of tokens that are neither here nor in the state.
        """
        cache = past_key_values if cache is None else cache
        known = 0 if cache is None else cache.get_seq_length()
        self._check_growth(known + input_ids.shape[1], attention_mask)
        keep_state = cache is not None or (
            use_cache if use_cache is not None else self.config.use_cache and not self.training
        )
        read_BLH, cache = self.states(input_ids, attention_mask, cache, keep_state=keep_state)
        hidden_BLH = self.projection(self.dropout(read_BLH))

        skip_logits = self.training and labels is not None if skip_logits is None else skip_logits
        logits = None
        if not skip_logits:
            logits = self.lm_head(hidden_BLH[:, columns(logits_to_keep)])
        loss = None
        if labels is not None:
            head = self.lm_head
            total = kwargs.get("num_items_in_batch")
            sampled = self.training and skip_logits
            loss = causal_loss(hidden_BLH, head.weight, head.bias, labels, total, sampled=sampled)
        return output(loss, logits, cache)


class RecurrentForSequenceClassification(RecurrentBody):
    """A label from the mean, the maximum and the last of a text's states (Howard & Ruder 2018)."""

    def __init__(self, config: RecurrentConfig) -> None:
        super().__init__(config)
        self.score = nn.Linear(3 * config.hidden_size, len(config.id2label or ()))
        self.post_init()

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        **kwargs: Any,
    ) -> SequenceClassifierOutput:
        """Score every label for tokens [B, L], padded on either side by the mask [B, L].

        Returns:
            loss (mean nats, of labels [B]) and logits [B, labels].
        """
        read_BLH = self.states(input_ids, attention_mask)[0]
        mask_BL1 = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        mask_BL1 = mask_BL1[..., None].to(read_BLH.dtype)
        mean_BH = (read_BLH * mask_BL1).sum(1) / mask_BL1.sum(1).clamp(min=1)
        most_BH = read_BLH.masked_fill(mask_BL1 == 0, -1).amax(1)  # states lie from -1 to 1
        column_B = (
            mask_BL1[..., 0] * torch.arange(1, input_ids.shape[1] + 1, device=input_ids.device)
        ).argmax(1)
        last_BH = read_BLH[torch.arange(len(column_B), device=column_B.device), column_B]
        pooled_BH = torch.cat([mean_BH, most_BH, last_BH], dim=1)
        logits = self.score(self.dropout(pooled_BH))
        loss = None if labels is None else nn.functional.cross_entropy(logits.float(), labels)
        return SequenceClassifierOutput(loss=loss, logits=logits)


RecurrentConfig.register_for_auto_class()
RecurrentForCausalLM.register_for_auto_class("AutoModelForCausalLM")
RecurrentForSequenceClassification.register_for_auto_class("AutoModelForSequenceClassification")


def _family(cell: str, about: About, learning_rate: float) -> Family:
    def configure(sizes: Sizes, vocabulary: int, ids: SpecialIds) -> RecurrentConfig:
        settings: dict[str, Any] = {
            "embedding_size": sizes.embedding_size,
            "hidden_size": sizes.hidden_size,
            "num_hidden_layers": sizes.layers,
            "dropout": sizes.dropout,
            "embedding_dropout": sizes.dropout if (sizes.embedding_size or 0) >= 64 else 0.0,
            "context_length": sizes.context,
        }
        return RecurrentConfig(cell=cell, vocab_size=vocabulary, **settings, **ids.named)

    # (layers, embedding size, hidden size)
    shapes = (
        (1, 64, 128),
        (1, 96, 192),
        (1, 128, 256),
        (2, 192, 384),
        (2, 256, 512),
        (2, 384, 768),
        (2, 512, 1024),
    )
    return Family(
        name=cell,
        tasks=("causal", "labels"),
        learning="descend",
        config=RecurrentConfig,
        configure=configure,
        sizes=tuple(Sizes(64, n, h, None, e, dropout=0.1) for n, e, h in shapes),
        about=about,
        recipe=Recipe(
            learning_rate,
            width=256,
            embedding_rate=6.0,
            dropout_from=1.0,
            most_dropout=0.5,
            batch=(2_048, 4_000),
            start_from_frequencies=True,
        ),
        fixed={"cell": cell},
        own={
            "AutoModelForCausalLM": RecurrentForCausalLM,
            "AutoModelForSequenceClassification": RecurrentForSequenceClassification,
        },
    )


RNN = _family(
    "rnn",
    About(
        what=N_("recurrent network: one state that every word changes"),
        since=N_("1990 (Elman)"),
        good_for=N_("lessons: it forgets after some words, and shows why the others came"),
    ),
    learning_rate=0.003,
)
LSTM = _family(
    "lstm",
    About(
        what=N_("recurrent network with gates and a long short-term memory"),
        since=N_("1997 (Hochreiter and Schmidhuber)"),
        good_for=N_("little data and little time: fast on any processor"),
    ),
    learning_rate=0.004,
)
GRU = _family(
    "gru",
    About(
        what=N_("recurrent network with two gates, simpler than an LSTM"),
        since=N_("2014 (Cho et al.)"),
        good_for=N_("the same as an LSTM, with a quarter fewer parameters"),
    ),
    learning_rate=0.004,
)
