"""What a family of models declares of itself, in its own file: sizes, recipe, configuration.

Plain data, checked elsewhere (`sizes.py`). This file is copied beside a saved model, because the
family's file imports it, and must import nothing of prosa.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal


@dataclass(frozen=True)
class Sizes:
    """What a model is made of; None means: as the family or the plan decides.

    `context` are the tokens of a training sequence, for a Transformer also the most it can read at
    once; `embedding_size` is the width of a word's vector (recurrent models); `dropout` the share
    of activations put to zero in training; `order` the tokens of the longest n-gram; `cell` and
    `attention` are those of a recurrent encoder-decoder.
    """

    context: int | None = None
    layers: int | None = None
    hidden_size: int | None = None
    heads: int | None = None
    embedding_size: int | None = None
    dropout: float | None = None
    order: int | None = None
    cell: str | None = None
    attention: str | None = None

    @property
    def given(self) -> dict[str, Any]:
        """The sizes that are not None, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def over(self, defaults: "Sizes") -> "Sizes":
        """These sizes, and where they are None the default ones."""
        return replace(defaults, **self.given)


@dataclass(frozen=True)
class SpecialIds:
    """The ids of the tokens that are no text; all are optional in models from elsewhere.

    `end_of_turn` ends an answer in a conversation (`<|im_end|>`), where there is one. In a model
    made here `eos` is never `pad`: one trained with its end masked as padding never learns to stop.
    """

    pad: int | None = None
    bos: int | None = None
    eos: int | None = None
    end_of_turn: int | None = None

    @property
    def stop(self) -> list[int]:
        """Where generation ends: at the end of the text, and of a turn."""
        return [number for number in (self.eos, self.end_of_turn) if number is not None]

    @property
    def named(self) -> dict[str, Any]:
        """Start, end and padding as a configuration has them."""
        return {"pad_token_id": self.pad, "bos_token_id": self.bos, "eos_token_id": self.eos}

    @classmethod
    def of(cls, tokenizer: Any) -> "SpecialIds":
        """The special ids of a tokenizer."""
        turn = tokenizer.get_vocab().get("<|im_end|>")
        return cls(tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id, turn)


@dataclass(frozen=True)
class Recipe:
    """How a family is trained where a person does not say otherwise.

    Attributes:
        learning_rate: In AdamW's scale, at `width` hidden units.
        width: The rate falls with the root of the hidden units above this, and where `falls_only`
            is not set rises below it.
        muon: Hidden matrices are trained by Muon, not by AdamW.
        betas: AdamW's.
        embedding_rate: Factor on the learning rate of an input table that is not the output's too.
        head_rate: Factor on the learning rate of a new head over labels or places.
        dropout_from: Passes over the data from which dropout grows; None: as the sizes say.
        most_dropout: No more dropout than this.
        weight_decay: On matrices that are no tables.
        row: The shortest and the longest row of training tokens that the plan chooses.
        apart: Each document is a row by itself, and looks at no other.
        aligned: Rows begin where a document begins, if it fits into one.
        batch: Tokens of a step at least, and steps that a run makes at least before the batch may
            grow.
        start_from_frequencies: The output layer's bias begins as the words' frequencies.
        start_from_nothing: The output layer begins at zero, where it is not the input table too.
        share: Parts that it gets of the time of a ladder of families.
        average: A running average of the weights is measured and kept.
    """

    learning_rate: float = 0.01
    width: int = 100
    falls_only: bool = False
    muon: bool = False
    betas: tuple[float, float] = (0.9, 0.99)
    embedding_rate: float = 1.0
    head_rate: float = 1.0
    dropout_from: float | None = None
    most_dropout: float = 0.3
    weight_decay: float = 0.0
    row: tuple[int, int] = (32, 128)
    apart: bool = False
    aligned: bool = False
    batch: tuple[int, int] = (256, 1_000)
    start_from_frequencies: bool = False
    start_from_nothing: bool = False
    average: bool = False
    share: int = 1

    def rate(self, hidden: int) -> float:
        """The learning rate of a model so wide. A few tries at one width each; not a search."""
        factor = (self.width / hidden) ** 0.5
        return self.learning_rate * (min(1.0, factor) if self.falls_only else factor)


@dataclass(frozen=True)
class About:
    """What people read of a family; English, translated where it is shown."""

    what: str
    since: str
    good_for: str


@dataclass(frozen=True)
class Family:
    """A kind of language model.

    Attributes:
        name: What `--family` takes.
        tasks: Names of the tasks that it can learn, the usual one first.
        learning: "count" (one pass) or "descend" (gradients).
        config: Its configuration class.
        configure: Makes the configuration of complete sizes, so many words and special ids.
        sizes: From small to large, each about twice the cost of the one before; the first fills up
            what a person leaves open, and what is None in it the family does not take.
        recipe: How it is trained.
        fixed: Settings of the configuration that make this family out of a shared class.
        marks: Settings that only configurations made here have, where the class is the library's:
            what was trained elsewhere is of no family.
        own: The models that are ours, by the auto class of transformers that builds them.
            Those of a family that counts have a method `count`, which makes the model from token
            ids, documents' offsets and the configuration.
        finish: Called with every model that has been built or loaded.
        shards: Its weights can be spread over processes by FSDP: no two layers share one, and the
            loss asks the output layer for scores, not for its weight.
    """

    name: str
    tasks: tuple[str, ...]
    learning: Literal["count", "descend"]
    config: type
    configure: Callable[[Sizes, int, SpecialIds], Any]
    sizes: tuple[Sizes, ...]
    about: About
    recipe: Recipe = Recipe()
    fixed: Mapping[str, Any] = field(default_factory=dict)
    marks: tuple[str, ...] = ()
    own: Mapping[str, type] = field(default_factory=dict)
    finish: Callable[[Any], Any] = lambda model: model
    shards: bool = False


def N_(text: str) -> str:  # noqa: N802  gettext's name for it
    """Mark a text for translation where it is shown, not here."""
    return text
