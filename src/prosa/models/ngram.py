"""N-gram language model: interpolated modified Kneser-Ney, as a model of transformers.

It covers the configuration, the model and its generation. Counting is in `kneser_ney.py`, the
probabilities are in `ngram_tables.py`. Method: Chen and Goodman 1998, as KenLM's lmplz has it.

This file is copied beside a saved model and must import nothing but numpy, torch and transformers.

Shapes: B rows, L columns (tokens), R tokens that count, T tokens of a stream, V words of the
vocabulary, N the order.
"""

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast, SequenceClassifierOutput

from .family import N_, About, Family, Sizes, SpecialIds
from .generation import WindowGenerationMixin, columns, output, refuse_misspelt
from .kneser_ney import count, discounts
from .naive_bayes import fit, longer
from .ngram_tables import NGrams, NGramTables

IGNORED = -100
_CHUNK = 2**18
_LETTERS = 512
"""A vocabulary up to here is one of letters."""


class NGramConfig(PreTrainedConfig):
    """What an n-gram model is made of.

    Args:
        order: Words of the longest n-gram, N.
        vocab_size: Words of the vocabulary, V.
        entries: N-grams of each order, N numbers of which the first is V: sizes of the tables. None
            is a model that has counted nothing, in which all words are equally probable.
        features: Tokens and pairs that a classifier has weights for.
        fallback_orders: Orders whose counts allow no estimate of the discounts (`kneser_ney.py`).
        bos_token_id: Sentence start. Needed; whatever stands before the first token reads as it.
        unk_token_id: Unknown word; only `score_stream` asks for it.

    Raises:
        ValueError: A value of the wrong type or out of range, or a misspelt name.
    """

    model_type = "prosa_ngram"
    attribute_map = {"num_hidden_layers": "order"}  # noqa: RUF012  `generate` wants layers

    order: int = 5
    vocab_size: int = 256
    entries: list[int] | None = None
    features: int = 0
    fallback_orders: list[int] | None = None
    pad_token_id: int | None = 0
    unk_token_id: int | None = 1
    bos_token_id: int | None = 2
    eos_token_id: int | list[int] | None = 3

    def __post_init__(self, **kwargs: Any) -> None:
        """Check everything: the base class takes any name and any type in silence."""
        refuse_misspelt(kwargs, _FIELDS)
        for name, low, high in (("order", 1, 255), ("vocab_size", 1, 2**31 - 1)):
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:
                raise ValueError(f"{name} is {value!r}; expected a whole number from {low}")
        if self.bos_token_id is None:
            raise ValueError("an n-gram needs bos_token_id, the start of a text")
        for name in ("pad_token_id", "unk_token_id", "bos_token_id"):
            value = getattr(self, name)
            if value is not None and not (type(value) is int and 0 <= value < self.vocab_size):
                raise ValueError(f"{name} is {value!r}; vocab_size is {self.vocab_size}")
        if self.entries is None:
            self.entries = [self.vocab_size] + [0] * (self.order - 1)
        sizes = self.entries
        if len(sizes) != self.order or sizes[0] != self.vocab_size or min(sizes) < 0:
            raise ValueError(f"entries is {sizes}; order {self.order}, {self.vocab_size} words")
        super().__post_init__(**kwargs)


_FIELDS = ("order", "vocab_size", "entries", "features", "fallback_orders", "unk_token_id")


class NGramForCausalLM(WindowGenerationMixin, PreTrainedModel):
    """Probabilities computed from integer tables and one parameter, the discounts of each order."""

    config_class = NGramConfig
    main_input_name = "input_ids"
    # Loading in 16 bits must not round them; the tables are integers, which no load changes.
    _keep_in_fp32_modules_strict = {"discounts"}  # noqa: RUF012  read by the base class

    def __init__(self, config: NGramConfig) -> None:
        super().__init__(config)
        bos, eos, pad = config.bos_token_id, config.eos_token_id, config.pad_token_id
        # A token that also ends a text is predicted, whatever else it is for.
        pad = None if pad == eos or (isinstance(eos, list) and pad in eos) else pad
        self.tables = NGramTables(config.entries or [], bos or 0, pad)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """Nothing is drawn at random."""

    @classmethod
    def count(
        cls, tokens: np.ndarray, offsets: np.ndarray, config: NGramConfig
    ) -> "NGramForCausalLM":
        """Count a stream of documents.

        Measured at order 5 on 10 million tokens: 70 bytes a token at its peak, half of them the
        model's own tables.

        Args:
            tokens: Ids [T], uint16 or uint32, each document bos + ids + eos; memory-mapped or not.
            offsets: Borders of the documents, int64, from 0 to T.
            config: Order, vocabulary and special ids; it is copied.

        Raises:
            ValueError: The stream, the offsets and the vocabulary do not fit together.
        """
        counts = count(
            np.asarray(tokens),
            np.asarray(offsets, np.int64),
            order=config.order,
            vocabulary=config.vocab_size,
            bos=config.bos_token_id,
        )
        amounts, fallback = discounts(counts)
        config = copy.deepcopy(config)
        config.entries, config.fallback_orders = counts.entries, fallback
        with torch.device("meta"):
            model = cls(config)
        model.tables.fill(counts, amounts)
        return model.eval()

    @property
    def window(self) -> int:
        """How many of the last tokens the next one depends on, at least 1."""
        return max(1, self.config.order - 1)

    @torch.no_grad()
    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int | Tensor = 0,
        skip_logits: bool | None = None,
        **kwargs: Any,
    ) -> CausalLMOutputWithPast:
        """Score the next word after each column.

        Args:
            input_ids: Tokens [B, L]. What stands before the first reads as a sentence start.
            attention_mask: 1 where a token counts [B, L]; elsewhere it reads as a sentence start.
                Longer than the tokens only where these are N - 1 or more.
            labels: Tokens to predict [B, L], shifted here; -100 does not count.
            use_cache: Without effect.
            logits_to_keep: Logits of so many last columns only, or of these columns; 0 means all.
            skip_logits: Return the loss without logits, which need V numbers a token; by default
                in training when labels are given.
            **kwargs: `num_items_in_batch`, what the summed loss is divided by (the labels counted
                here if it is not given); the rest, meant for other models, is ignored.

        Returns:
            loss (mean nats), logits [B, kept, V]: log-probabilities, -10,000 for start and
            padding, which are never predicted.

        Raises:
            ValueError: There is a cache of a past, which this model does not have.
            RuntimeError: The mask tells of tokens that are needed and not here.
            IndexError: A token is not in the vocabulary.
        """
        if any(kwargs.get(name) is not None for name in ("cache", "past_key_values")):
            raise ValueError("an n-gram keeps no past: pass the last order - 1 tokens again")
        self._check_growth(input_ids.shape[1], attention_mask, enough=self.window)
        contexts = self._contexts(input_ids, attention_mask)
        loss = None
        if labels is not None:
            counted = labels[:, 1:] != IGNORED
            target_R = labels[:, 1:][counted]
            log_p_R = self.tables.score([nodes[:, :-1][counted] for nodes in contexts], target_R)
            total = kwargs.get("num_items_in_batch")
            loss = -log_p_R.sum() / (max(target_R.numel(), 1) if total is None else total)
        skip_logits = self.training and labels is not None if skip_logits is None else skip_logits
        logits = None
        if not skip_logits:
            contexts = [nodes[:, columns(logits_to_keep)] for nodes in contexts]
            log_p = self.tables.score_all([nodes.reshape(-1) for nodes in contexts])
            logits = log_p.view(*contexts[0].shape, self.config.vocab_size)
        return output(loss, logits)

    @torch.no_grad()
    def score_stream(
        self, tokens: np.ndarray, offsets: np.ndarray, *, include_unknown: bool = True
    ) -> np.ndarray:
        """Log-probabilities of all tokens but the documents' first.

        Args:
            tokens: Ids [T], as for `count`.
            offsets: Borders of the documents.
            include_unknown: Score unknown words too; else leave them out (they stay in contexts).

        Returns:
            Nats, float32, in the order of the stream.
        """
        N = self.config.order
        predicted = np.ones(len(tokens) + 1, bool)
        predicted[np.asarray(offsets)[:-1]] = False
        predicted = predicted[:-1]
        if not include_unknown:
            predicted &= np.asarray(tokens) != self.config.unk_token_id
        parts = [np.zeros(0, np.float32)]
        for start in range(0, len(tokens), _CHUNK):
            first = max(0, start - N)
            ids = np.asarray(tokens[first : start + _CHUNK]).astype(np.int64)
            nodes = self.tables.nodes(torch.from_numpy(ids).to(self.device)[None], N)
            now = torch.from_numpy(predicted[start : start + _CHUNK]).nonzero()[:, 0]
            now = now.to(self.device) + (start - first)
            # A document's first token is never predicted, so there is a column before each.
            contexts = [level[0, now - 1] for level in nodes[:-1]]
            targets = [level[0, now] for level in nodes[1:]]
            parts.append(self.tables.score_nodes(contexts, targets).cpu().numpy())
        return np.concatenate(parts)

    def ngrams(self) -> Iterator[NGrams]:
        """All n-grams, one order after the other, with what an ARPA file says of them."""
        return self.tables.ngrams()

    def _contexts(self, ids_BL: Tensor, mask_BL: Tensor | None) -> list[Tensor]:
        """The contexts of each length from 0 to N - 1 that end at each column, [B, L] each."""
        if mask_BL is not None:
            masked = mask_BL[:, -ids_BL.shape[1] :] == 0
            ids_BL = ids_BL.masked_fill(masked, self.tables.bos)
        return self.tables.nodes(ids_BL, self.config.order - 1)


class NGramForSequenceClassification(PreTrainedModel):
    """Naive Bayes over the tokens of a text and their pairs: the baseline of classifiers."""

    config_class = NGramConfig
    main_input_name = "input_ids"
    _keep_in_fp32_modules_strict = {"prior", "weights"}  # noqa: RUF012  read by the base class

    def __init__(self, config: NGramConfig) -> None:
        super().__init__(config)
        labels = len(config.id2label or ())
        self.prior = nn.Parameter(torch.zeros(labels))
        self.weights = nn.Parameter(torch.zeros(config.features, labels))
        self.keys: Tensor
        self.register_buffer("keys", torch.zeros(config.features, dtype=torch.int64))
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """Nothing is drawn at random."""

    @classmethod
    def count(
        cls, tokens: np.ndarray, offsets: np.ndarray, config: NGramConfig
    ) -> "NGramForSequenceClassification":
        """Count documents, each of which ends in the number of its label.

        Pairs of words or subwords at most; of letters n-grams as long as the order says.
        """
        config = copy.deepcopy(config)
        if config.vocab_size > _LETTERS:
            config.order = min(config.order, 2)
        config.entries = [config.vocab_size] + [0] * (config.order - 1)
        fitted = fit(
            tokens,
            offsets,
            order=config.order,
            labels=len(config.id2label or ()),
        )
        config.features = len(fitted.keys)
        model = cls(config)
        for name, values in fitted._asdict().items():
            getattr(model, name).data = torch.from_numpy(values)
        return model.eval()

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
        mask_BL = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        keys, counted = [input_ids], [mask_BL.bool()]
        for size in range(2, self.config.order + 1):
            keys.append(longer(keys[-1][:, :-1], input_ids[:, size - 1 :]))
            counted.append(counted[-1][:, :-1] & counted[-1][:, 1:])
        keys_BK, counted_BK = torch.cat(keys, 1), torch.cat(counted, 1)
        place_BK = torch.searchsorted(self.keys, keys_BK).clamp(max=len(self.keys) - 1)
        counted_BK &= self.keys[place_BK] == keys_BK
        logits = self.prior + (self.weights[place_BK] * counted_BK[..., None]).sum(1)
        loss = None if labels is None else nn.functional.cross_entropy(logits, labels)
        return SequenceClassifierOutput(loss=loss, logits=logits)


NGramConfig.register_for_auto_class()
NGramForCausalLM.register_for_auto_class("AutoModelForCausalLM")
NGramForSequenceClassification.register_for_auto_class("AutoModelForSequenceClassification")


def _configure(sizes: Sizes, vocabulary: int, ids: SpecialIds) -> NGramConfig:
    return NGramConfig(order=sizes.order or 5, vocab_size=vocabulary, **ids.named)


NGRAM = Family(
    name="ngram",
    tasks=("causal", "labels"),
    learning="count",
    config=NGramConfig,
    configure=_configure,
    sizes=(Sizes(order=5),),
    about=About(
        what=N_("counts which words follow which (modified Kneser-Ney smoothing)"),
        since=N_("1948 (Shannon), smoothed so in 1998 (Chen and Goodman)"),
        good_for=N_("a first yardstick: seconds to train, hard to beat on little text"),
    ),
    own={
        "AutoModelForCausalLM": NGramForCausalLM,
        "AutoModelForSequenceClassification": NGramForSequenceClassification,
    },
)
