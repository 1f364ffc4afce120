"""The families of language models by name: what each takes, and how it is built.

torch and transformers are imported when a model is built, not before: the command line reads the
names from here.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from prosa.errors import InputError
from prosa.i18n import _
from prosa.models.sizes import Sizes

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True)
class SpecialIds:
    """The ids of the tokens that are no text.

    `end_of_turn` ends an answer in a conversation (`<|im_end|>`), where there is one. `eos` is not
    the same as `pad`, or a model would never learn to stop.

    Raises:
        ValueError: Two of them are the same, or one is missing.
    """

    pad: int
    bos: int
    eos: int
    end_of_turn: int | None = None

    def __post_init__(self) -> None:
        ids = [self.pad, self.bos, self.eos, *self.stop[1:]]
        if any(type(number) is not int for number in ids) or len(set(ids)) != len(ids):
            raise ValueError(f"special tokens need ids of their own: {self}")

    @property
    def stop(self) -> list[int]:
        """Where generation ends: at the end of the text, and of a turn."""
        return [self.eos] if self.end_of_turn is None else [self.eos, self.end_of_turn]

    @classmethod
    def of(cls, tokenizer: "PreTrainedTokenizerBase") -> "SpecialIds":
        """The special ids of a tokenizer."""
        turn = tokenizer.get_vocab().get("<|im_end|>")
        return cls(tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id, turn)


class Estimate(NamedTuple):
    """What a model will cost, known without making its weights.

    `flops_per_token` are the operations of one training token, forward and backward: 6 a weight
    that is multiplied, and the attention over a full context. Looking up a table costs nothing.
    """

    parameters: int
    flops_per_token: int


@dataclass(frozen=True)
class Family:
    """A kind of language model.

    Args:
        name: What `--family` takes.
        learning: "count" (one pass) or "descend" (gradients).
        model_type: The name in `config.json`.
        module: Where the classes are, under `prosa.models`.
        prefix: What the names of its classes begin with.
        defaults: Sizes where neither a person nor the plan decides; what is None here the family
            does not take, except `heads`, which follow the width.
        fixed: Settings of the configuration that make this family out of a shared file.
    """

    name: str
    learning: Literal["count", "descend"]
    model_type: str
    module: str
    prefix: str
    defaults: Sizes
    fixed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ours(self) -> bool:
        """Whether the file of `module` goes beside a saved model."""
        return self.module != "transformer"

    def sizes(self, chosen: Sizes) -> Sizes:
        """What a person chose, checked for this family and filled up with its defaults.

        Raises:
            InputError: A size this family does not take, or sizes that do not fit together.
        """
        heads = {"heads"} if self.name == "decoder" else set()
        chosen.check_takes(self.name, self.defaults.given.keys() | heads)
        sizes = chosen.over(self.defaults)
        sizes.check_heads()
        return sizes

    def classes(self) -> tuple[type["PreTrainedConfig"], type["PreTrainedModel"]]:
        """The configuration and model classes, known to `AutoConfig` and `AutoModelForCausalLM`."""
        imported = importlib.import_module(f"prosa.models.{self.module}")
        config = getattr(imported, f"{self.prefix}Config")
        model = getattr(imported, f"{self.prefix}ForCausalLM")
        if self.ours:
            from transformers import AutoConfig, AutoModelForCausalLM  # noqa: PLC0415  slow

            AutoConfig.register(config.model_type, config, exist_ok=True)
            AutoModelForCausalLM.register(config, model, exist_ok=True)
        return config, model

    def configure(self, sizes: Sizes, vocabulary: int, ids: SpecialIds) -> "PreTrainedConfig":
        """The model's configuration, for so many words and these sizes, the rest filled up.

        Raises:
            InputError: As `sizes`.
        """
        sizes = self.sizes(sizes)
        if not self.ours:
            from prosa.models.transformer import settings  # noqa: PLC0415  takes seconds

            named = settings(sizes, vocabulary)
        else:
            named = {_SETTINGS.get(name, name): value for name, value in sizes.given.items()}
            named["vocab_size"] = vocabulary
        config_class: Any = self.classes()[0]
        return config_class(
            pad_token_id=ids.pad,
            bos_token_id=ids.bos,
            eos_token_id=ids.eos,
            **named,
            **self.fixed,
        )

    def build(self, sizes: Sizes, vocabulary: int, ids: SpecialIds) -> "PreTrainedModel":
        """A model with fresh weights (an n-gram without counts) that knows where to stop."""
        config = self.configure(sizes, vocabulary, ids)
        module = importlib.import_module(f"prosa.models.{self.module}")
        build: Callable = getattr(module, "build", self.classes()[1])
        return stop_at(build(config), ids)

    def count(
        self, tokens: Any, offsets: Any, sizes: Sizes, vocabulary: int, ids: SpecialIds
    ) -> "PreTrainedModel":
        """A model of the counts of documents, whose token ids stand one after another.

        `offsets` says where each document starts, and where the last one ends.

        Raises:
            InputError: As `sizes`.
        """
        model_class: Any = self.classes()[1]
        config = self.configure(sizes, vocabulary, ids)
        return stop_at(model_class.count(tokens, offsets, config), ids)

    def estimate(self, sizes: Sizes, vocabulary: int) -> Estimate:
        """What a model of these sizes costs; nothing is known before counting an n-gram."""
        if self.learning == "count":
            return Estimate(parameters=0, flops_per_token=0)
        return _estimate(self.name, self.sizes(sizes), vocabulary)


def stop_at(model: "PreTrainedModel", ids: SpecialIds) -> "PreTrainedModel":
    """Set where the model's `generate` pads and stops."""
    from transformers import GenerationConfig  # noqa: PLC0415  takes seconds

    model.generation_config = GenerationConfig(
        pad_token_id=ids.pad,
        bos_token_id=ids.bos,
        eos_token_id=ids.eos if ids.end_of_turn is None else ids.stop,
    )
    return model


def start_from_frequencies(model: "PreTrainedModel", counts: Any) -> "PreTrainedModel":
    """Let a fresh model begin with the frequency of each word as its guess.

    The output layer's bias becomes the logarithm of the frequencies; a model without such a bias
    (the decoder) stays as it is. On 1,250 headlines an LSTM came to 1.29 nats in 8 passes, and
    without this to 2.21.

    Args:
        model: A model that has not been trained.
        counts: How often each word of the vocabulary is predicted in the training data [V].
    """
    import torch  # noqa: PLC0415  takes seconds

    head: Any = model.get_output_embeddings()
    if getattr(head, "bias", None) is not None:
        # A tenth of a count for a word that never comes keeps its logarithm finite.
        shares = torch.as_tensor(counts, dtype=torch.float64) + 0.1
        with torch.no_grad():
            head.bias.copy_((shares / shares.sum()).log())
    return model


def family_of(config: Mapping[str, Any]) -> Family | None:
    """The family of a `config.json`, or None where it is not one of these."""
    for family in FAMILIES.values():
        same = all(config.get(name) == value for name, value in family.fixed.items())
        if family.model_type == config.get("model_type") and same:
            return family
    return None


def family(name: str) -> Family:
    """A family by name.

    Raises:
        InputError: There is none of this name.
    """
    if name not in FAMILIES:
        raise InputError(
            _("there is no family {name}").format(name=name), expected=", ".join(FAMILIES)
        )
    return FAMILIES[name]


@cache
def _estimate(name: str, sizes: Sizes, vocabulary: int) -> Estimate:
    import torch  # noqa: PLC0415  takes seconds

    family = FAMILIES[name]
    with torch.device("meta"):
        model = family.build(sizes, vocabulary, SpecialIds(pad=0, bos=1, eos=2))
    parameters = sum(parameter.numel() for parameter in model.parameters())
    looked_up: Any = model.get_input_embeddings().weight
    multiplied = sum(parameter.numel() for parameter in model.parameters() if parameter.dim() == 2)
    if model.get_output_embeddings().weight is not looked_up:
        multiplied -= looked_up.numel()
    attention = 0
    if sizes.context and sizes.layers and sizes.hidden_size and family.module == "transformer":
        # Scores and their sums: 2 products of context x width a layer, half of it masked.
        attention = 6 * sizes.layers * sizes.context * sizes.hidden_size
    return Estimate(parameters=parameters, flops_per_token=6 * multiplied + attention)


_SETTINGS = {"layers": "num_hidden_layers", "context": "context_length"}
"""Sizes that our configurations have under the names that transformers knows."""

FAMILIES: dict[str, Family] = {
    "ngram": Family(
        name="ngram",
        learning="count",
        model_type="prosa_ngram",
        module="ngram",
        prefix="NGram",
        defaults=Sizes(order=5),
    ),
    **{
        cell: Family(
            name=cell,
            learning="descend",
            model_type="prosa_recurrent",
            module="recurrent",
            prefix="Recurrent",
            defaults=Sizes(context=64, layers=1, hidden_size=256, embedding_size=128, dropout=0.1),
            fixed={"cell": cell},
        )
        for cell in ("rnn", "lstm", "gru")
    },
    "decoder": Family(
        name="decoder",
        learning="descend",
        model_type="llama",
        module="transformer",
        prefix="Llama",
        defaults=Sizes(context=128, layers=4, hidden_size=128, dropout=0.0),
    ),
}
