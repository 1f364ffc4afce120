"""A recurrent encoder-decoder: from one sequence to another, with attention or without.

It covers the configuration and the model, on torch's own cells (oneDNN, cuDNN). It does not cover
how pairs become batches, or the decoder's cache (`state.py`).

The encoder reads the source in both directions (Schuster & Paliwal 1997), layer by layer, with half
of the units each; as every direction reads its rows shifted to the left, no padding comes before a
token, and nothing has to be packed: packed LSTMs of 256 units took 46 ms forward and backward, this
way 14 ms (one core, 32 rows of 30). The decoder starts from tanh(W [last; first]) of the encoder's
outputs at both ends, for every layer and for the cell state too (Bahdanau et al. 2015, A.2.2, who
start from one end). Without attention this vector is all that it knows of the source (Sutskever
et al. 2014).

Attention is Luong et al.'s (2015) global one: the decoder's layers run over the whole target in
one call, the state *after* reading a token looks at the source, and tanh(W [context; state]) is
what the output layer reads. "multiplicative" is their "general" score, s' W h; "additive" is
Bahdanau et al.'s score, v' tanh(W s + U h), but not their order: there the state *before* a token
looks, and the context goes into the cell, one step after another, which no single call can do.
For the same reason the context is not fed into the next step (Luong's "input feeding").

This file is copied beside a saved model and must import nothing but torch and transformers.

Shapes: B rows, S columns of the source, T columns of the target, E embedding, H hidden units, V
words of the vocabulary.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.cache_utils import Cache
from transformers.modeling_outputs import BaseModelOutput, Seq2SeqLMOutput

from .family import N_, About, Family, Recipe, Sizes, SpecialIds
from .generation import STATE, EncoderDecoderGenerationMixin, columns, refuse_misspelt
from .loss import IGNORED, token_loss
from .state import cell_precision, read

CELLS = {"lstm": nn.LSTM, "gru": nn.GRU}
ATTENTIONS = ("additive", "multiplicative", "none")


class Seq2SeqConfig(PreTrainedConfig):
    """What a recurrent encoder-decoder is made of.

    Args:
        cell: "lstm" or "gru".
        attention: "additive", "multiplicative" or "none".
        vocab_size: Words of the one vocabulary of both sides, which share their vectors.
        embedding_size: Width of a word's vector.
        hidden_size: Units of every layer of the decoder, half of them in each of the encoder's
            two directions; an even number.
        num_hidden_layers: Layers of the encoder, and of the decoder.
        dropout: Share of what goes from layer to layer and of what the output layer reads that is
            put to zero in training.
        initializer_range: Deviation of the embedding at the start.
        context_length: Tokens of a training sequence, on each side. No limit: any length is read.
        decoder_start_token_id: What the decoder reads first; by default `bos_token_id`.

    Raises:
        ValueError: A value of the wrong type or out of range, or a misspelt name.
    """

    model_type = "prosa_seq2seq"

    cell: str = "lstm"
    attention: str = "multiplicative"
    vocab_size: int = 256
    embedding_size: int = 128
    hidden_size: int = 256
    num_hidden_layers: int = 1
    dropout: float = 0.0
    tie_word_embeddings: bool = False
    initializer_range: float = 0.1
    context_length: int = 128
    use_cache: bool = True
    is_encoder_decoder: bool = True
    pad_token_id: int | None = 0
    bos_token_id: int | None = 2
    eos_token_id: int | list[int] | None = 3
    decoder_start_token_id: int | None = None

    def __post_init__(self, **kwargs: Any) -> None:
        """Check everything: the base class takes any name and any type in silence."""
        refuse_misspelt(kwargs, _FIELDS)
        for name, choices in (("cell", CELLS), ("attention", ATTENTIONS)):
            if getattr(self, name) not in choices:
                value, known = getattr(self, name), ", ".join(choices)
                raise ValueError(f"{name} is {value!r}; expected one of {known}")
        for name in _COUNTS:
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise ValueError(f"{name} is {value!r}; expected a whole number from 1")
        if self.hidden_size % 2:
            raise ValueError(f"hidden_size is {self.hidden_size}; expected an even number")
        if not isinstance(self.dropout, int | float) or not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout!r}; expected a number from 0 to below 1")
        if self.decoder_start_token_id is None:
            self.decoder_start_token_id = self.bos_token_id
        if self.decoder_start_token_id is None:
            raise ValueError("decoder_start_token_id is None; expected the id of a token")
        super().__post_init__(**kwargs)


_COUNTS = ("vocab_size", "embedding_size", "hidden_size", "num_hidden_layers", "context_length")
_FIELDS = ("cell", "attention", "dropout", "decoder_start_token_id", *_COUNTS)


class Encoder(nn.Module):
    """Word vectors, and layers that read them from the left and from the right."""

    main_input_name = "input_ids"

    def __init__(self, config: Seq2SeqConfig) -> None:
        super().__init__()
        cell, units = CELLS[config.cell], config.hidden_size // 2
        widths = [config.embedding_size] + [config.hidden_size] * (config.num_hidden_layers - 1)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.embedding_size)
        self.rightward = nn.ModuleList(cell(width, units, batch_first=True) for width in widths)
        self.leftward = nn.ModuleList(cell(width, units, batch_first=True) for width in widths)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, **kwargs: Any
    ) -> BaseModelOutput:
        """Outputs [B, S, H] of the last layer, in the places of the tokens; 0 at padding."""
        mask_BS = torch.ones_like(input_ids) if attention_mask is None else attention_mask.long()
        ranks_BS = (mask_BS, mask_BS.cumsum(1) * mask_BS)  # padding is last both ways
        orders_BS = [rank.argsort(dim=1, descending=True, stable=True) for rank in ranks_BS]
        read_BSH = self.embed_tokens(input_ids)
        for number, cells in enumerate(zip(self.rightward, self.leftward, strict=True)):
            read_BSH = self.dropout(read_BSH) if number else read_BSH
            with cell_precision(read_BSH):
                directions = [
                    _ordered(cell(_ordered(read_BSH, order_BS))[0], order_BS.argsort(dim=1))
                    for cell, order_BS in zip(cells, orders_BS, strict=True)
                ]
            read_BSH = torch.cat(directions, dim=2)
        return BaseModelOutput(last_hidden_state=read_BSH * mask_BS[..., None])


def _ordered(read_BSH: Tensor, order_BS: Tensor) -> Tensor:
    """Every row's columns in this order."""
    return read_BSH.gather(1, order_BS[..., None].expand_as(read_BSH))


class Attention(nn.Module):
    """For every column of the target, a mean of the encoder's outputs, weighted by scores."""

    def __init__(self, config: Seq2SeqConfig) -> None:
        super().__init__()
        H = config.hidden_size
        self.query = nn.Linear(H, H, bias=False)
        self.additive = config.attention == "additive"
        if self.additive:
            self.key = nn.Linear(H, H)
            self.score = nn.Linear(H, 1, bias=False)
        self.combine = nn.Linear(2 * H, H, bias=False)

    def forward(
        self, state_BTH: Tensor, source_BSH: Tensor, mask_BS: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """What the output layer reads [B, T, H], and the weights [B, T, S]."""
        query_BTH = self.query(state_BTH)
        if self.additive:
            sum_BTSH = query_BTH[:, :, None] + self.key(source_BSH)[:, None]
            score_BTS = self.score(sum_BTSH.tanh_())[..., 0]
        else:
            score_BTS = query_BTH @ source_BSH.mT
        if mask_BS is None:
            weight_BTS = score_BTS.softmax(-1)
        else:
            score_BTS = score_BTS.masked_fill(~mask_BS[:, None], torch.finfo(score_BTS.dtype).min)
            # Multiplied again for a row without a token, which has nothing to look at.
            weight_BTS = score_BTS.softmax(-1) * mask_BS[:, None]
        context_BTH = weight_BTS @ source_BSH
        return self.combine(torch.cat([context_BTH, state_BTH], dim=2)).tanh(), weight_BTS


class Seq2SeqForConditionalGeneration(EncoderDecoderGenerationMixin, PreTrainedModel):
    """Encoder, decoder, attention, and a layer that scores every word of the vocabulary."""

    config_class = Seq2SeqConfig
    _no_split_modules = ["Encoder", "LSTM", "GRU"]  # noqa: RUF012  read by the base class

    def __init__(self, config: Seq2SeqConfig) -> None:
        super().__init__(config)
        H, layers = config.hidden_size, config.num_hidden_layers
        self.encoder = Encoder(config)
        self.bridge = nn.Linear(H, layers * H * (2 if config.cell == "lstm" else 1))
        self.decoder = CELLS[config.cell](
            config.embedding_size,
            H,
            layers,
            batch_first=True,
            dropout=config.dropout if layers > 1 else 0.0,
        )
        self.attention = Attention(config) if config.attention != "none" else None
        self.lm_head = nn.Linear(H, config.vocab_size)
        self.dropout = nn.Dropout(config.dropout)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        """The vectors of the words, of both sides."""
        return self.encoder.embed_tokens

    def set_input_embeddings(self, value: Any) -> None:
        """Put other vectors in their place."""
        self.encoder.embed_tokens = value

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=self.config.initializer_range)
        elif isinstance(module, nn.Linear):
            bound = module.in_features**-0.5
            nn.init.uniform_(module.weight, -bound, bound)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.RNNBase):
            for name, parameter in module.named_parameters():
                self._init_cell(module, name, parameter)

    def _init_cell(self, module: nn.RNNBase, name: str, parameter: nn.Parameter) -> None:
        """As the recurrent language models: an open forget gate, inputs that keep their size."""
        if getattr(parameter, "_is_hf_initialized", False):
            return
        H = module.hidden_size
        if "bias" in name:
            nn.init.zeros_(parameter)
            if self.config.cell == "lstm" and "bias_ih" in name:
                parameter[H : 2 * H] = 1.0  # Jozefowicz et al. 2015; the order is i f g o
        else:
            reads_words = name == "weight_ih_l0" and module.input_size == self.config.embedding_size
            bound = (3 / module.input_size) ** 0.5 if reads_words else H**-0.5
            nn.init.uniform_(parameter, -bound, bound)

    def prepare_decoder_input_ids_from_labels(self, labels: Tensor) -> Tensor:
        """What the decoder reads to predict labels [B, T]: its start, and all but the last."""
        read_BT = labels.new_full(labels.shape, self.config.decoder_start_token_id)
        read_BT[:, 1:] = labels[:, :-1]
        return read_BT.masked_fill(read_BT == IGNORED, self.config.pad_token_id or 0)

    def forward(  # noqa: PLR0913, PLR0917  transformers asks for arguments by their names
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        encoder_outputs: Any = None,
        cache: Cache | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        logits_to_keep: int | Tensor = 0,
        skip_logits: bool | None = None,
        past_key_values: Cache | None = None,
        **kwargs: Any,
    ) -> Seq2SeqLMOutput:
        """Read a source and the beginning of a target, and score what comes next.

        Args:
            input_ids: Tokens of the source [B, S].
            attention_mask: 1 where a token of the source counts [B, S]; padding may stand on
                either side, and changes nothing.
            decoder_input_ids: Tokens of the target [B, T], from `decoder_start_token_id` on; by
                default made from the labels.
            decoder_attention_mask: As `attention_mask`, of these tokens or of all that the state
                has read as well.
            encoder_outputs: What the encoder returned (in place of `input_ids`).
            cache: State after the tokens of the target before these, changed in place.
            labels: Tokens to predict [B, T], each in its own place; -100 does not count.
            use_cache: Return the state; by default as configured, and never in training.
            output_attentions: Return the weights of the attention.
            logits_to_keep: Logits of so many last columns only, or of these columns; 0 means all.
            skip_logits: Return the loss without logits, which is faster; by default in training
                when labels are given.
            past_key_values: The same as `cache`, by its name before transformers 5.24.
            **kwargs: `num_items_in_batch`, what the summed loss is divided by (the labels counted
                here if it is not given); the rest, meant for other models, is ignored.

        Returns:
            loss (mean nats), logits [B, kept, V], cross_attentions (one tensor [B, 1, T, S]: the
            last layer alone looks), encoder_last_hidden_state [B, S, H], and the state: as
            `cache`, before transformers 5.24 as `past_key_values`.

        Raises:
            ValueError: There is no source, or no target.
            RuntimeError: The mask tells of tokens that are neither here nor in the state.
        """
        if decoder_input_ids is None and labels is not None:
            decoder_input_ids = self.prepare_decoder_input_ids_from_labels(labels)
        if decoder_input_ids is None or (input_ids is None and encoder_outputs is None):
            raise ValueError("a source (input_ids) and a target (decoder_input_ids) are needed")
        if encoder_outputs is None:
            encoder_outputs = self.encoder(input_ids, attention_mask)
        source_BSH = encoder_outputs[0]
        source_mask_BS = _mask(attention_mask, source_BSH.shape[1])

        cache = past_key_values if cache is None else cache
        already = 0 if cache is None else cache.get_seq_length()
        self._check_growth(already + decoder_input_ids.shape[1], decoder_attention_mask)
        keep_state = cache is not None or (
            use_cache if use_cache is not None else self.config.use_cache and not self.training
        )
        hidden_BTH, cache = read(
            self.decoder,
            self.encoder.embed_tokens(decoder_input_ids),
            _mask(decoder_attention_mask, decoder_input_ids.shape[1]),
            cache,
            keep_state=keep_state,
            initial=None if already else self._initial_state(source_BSH, source_mask_BS),
        )
        weights = None
        if self.attention is not None:
            hidden_BTH, weight_BTS = self.attention(hidden_BTH, source_BSH, source_mask_BS)
            if self.config.output_attentions if output_attentions is None else output_attentions:
                weights = (weight_BTS[:, None],)
        hidden_BTH = self.dropout(hidden_BTH)

        skip_logits = self.training and labels is not None if skip_logits is None else skip_logits
        loss, logits, head = None, None, self.lm_head
        if not skip_logits:
            logits = head(hidden_BTH[:, columns(logits_to_keep)])
        if labels is not None:
            total = kwargs.get("num_items_in_batch")
            sampled = self.training and skip_logits
            loss = token_loss(hidden_BTH, head.weight, head.bias, labels, total, sampled=sampled)
        out: dict[str, Any] = {"loss": loss, "logits": logits, STATE: cache}
        out |= {"cross_attentions": weights, "encoder_last_hidden_state": source_BSH}
        return Seq2SeqLMOutput(**out)

    def _initial_state(self, source_BSH: Tensor, mask_BS: Tensor | None) -> Any:
        """The decoder's first state, as its cells take it, from both ends of the source."""
        B, S, H = source_BSH.shape
        row_B = torch.arange(B, device=source_BSH.device)
        first_B, last_B = torch.zeros_like(row_B), torch.full_like(row_B, S - 1)
        if mask_BS is not None:  # argmax gives the first of several
            first_B, last_B = mask_BS.long().argmax(1), mask_BS.cumsum(1).argmax(1)
        ends = [source_BSH[row_B, last_B, : H // 2], source_BSH[row_B, first_B, H // 2 :]]
        state_BX = self.bridge(torch.cat(ends, dim=1)).tanh()
        parts = state_BX.view(B, -1, self.config.num_hidden_layers, H).permute(1, 2, 0, 3)
        hidden, *cell = (part.to(source_BSH.dtype).contiguous() for part in parts)
        return (hidden, *cell) if cell else hidden


def _mask(mask_BL: Tensor | None, length: int) -> Tensor | None:
    """The last columns of a mask, or None where they all count."""
    if mask_BL is None:
        return None
    mask_BL = mask_BL[:, -length:].bool()
    return None if mask_BL.all() else mask_BL


Seq2SeqConfig.register_for_auto_class()
Seq2SeqForConditionalGeneration.register_for_auto_class("AutoModelForSeq2SeqLM")


def _configure(sizes: Sizes, vocabulary: int, ids: SpecialIds) -> Seq2SeqConfig:
    settings: dict[str, Any] = {
        "cell": sizes.cell,
        "attention": sizes.attention,
        "embedding_size": sizes.embedding_size,
        "hidden_size": sizes.hidden_size,
        "num_hidden_layers": sizes.layers,
        "dropout": sizes.dropout,
        "context_length": sizes.context,
    }
    return Seq2SeqConfig(vocab_size=vocabulary, **settings, **ids.named)


SEQ2SEQ = Family(
    name="seq2seq",
    tasks=("seq2seq",),
    learning="descend",
    config=Seq2SeqConfig,
    configure=_configure,
    sizes=tuple(
        Sizes(64, layers, units, None, width, 0.1, cell="lstm", attention="multiplicative")
        for layers, width, units in (
            (1, 64, 128),
            (1, 128, 128),
            (1, 128, 256),
            (1, 192, 384),
            (2, 256, 512),
            (2, 384, 768),
        )
    ),
    recipe=Recipe(0.006, 256, falls_only=True, batch=(2_048, 8_000), start_from_frequencies=True),
    about=About(
        what=N_("recurrent encoder and decoder, with attention between them"),
        since=N_("2014 (Sutskever et al.), with attention 2015 (Bahdanau et al.; Luong et al.)"),
        good_for=N_("translating short texts, and seeing which word looks at which"),
    ),
    own={"AutoModelForSeq2SeqLM": Seq2SeqForConditionalGeneration},
)
