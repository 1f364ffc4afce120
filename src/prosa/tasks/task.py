"""The seam between data and models: what a task has to say, and which task fits a model and data.

A task is one file and one line in `REGISTRY`.
"""

import importlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
from torch import Tensor
from transformers import PreTrainedModel

from prosa.data.kinds import Kind
from prosa.errors import InputError
from prosa.i18n import _
from prosa.measure.metrics import Metrics
from prosa.models.family import Family, Recipe
from prosa.models.pretrained import auto_class, described
from prosa.models.registry import REGISTRY as FAMILIES
from prosa.models.registry import family, family_of
from prosa.tokens.stream import TokenStream

Row = dict[str, Tensor]

REGISTRY: dict[str, str] = {
    "causal": "prosa.tasks.causal:CAUSAL",
    "seq2seq": "prosa.tasks.seq2seq:SEQ2SEQ",
    "masked": "prosa.tasks.masked:MASKED",
    "denoising": "prosa.tasks.denoising:DENOISING",
    "labels": "prosa.tasks.labels:LABELS",
    "spans": "prosa.tasks.spans:SPANS",
}
"""Where each task is declared; the first that fits a family and the data is taken."""


class Batches(Protocol):
    """Training rows, map-style, in an order of their own for every epoch where they want one.

    Attributes:
        row_tokens: Tokens that a row teaches, on average.
        ordered: The rows come in an order that no sampler may change.
        rows: How many make a step, of all processes; set before training.
    """

    row_tokens: float
    ordered: bool
    rows: int

    def __len__(self) -> int: ...
    def __getitems__(self, indices: Sequence[int]) -> list[Row]: ...
    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch's rows; the same epoch gives the same ones."""

    def collate(self, rows: Sequence[Row]) -> Row:
        """Make a batch of rows."""


class Task(Protocol):
    """What is learned.

    Attributes:
        name: What families list it by.
        kinds: The kinds of data it learns from.
        auto: The auto class of transformers that builds and loads a model for it.
        special: Tokens that a tokenizer needs for it, besides the usual ones.
        template: What a tokenizer puts around a text for tools other than prosa, which call it
            plainly: "$A </s>"; None for nothing.
        loss_only: Its loss cannot be set beside that of models that predict the whole text.
        writes: Its models write text.
        replies: What they write answers the prompt, and does not go on from it.
        tries: Commands to begin with, with {name} for the model's.
    """

    name: str
    kinds: frozenset[Kind]
    auto: str
    special: tuple[str, ...]
    template: str | None
    loss_only: bool
    writes: bool
    replies: bool
    tries: tuple[str, ...]

    def chats(self, kind: Kind) -> bool:
        """Whether data of this kind is learned through a chat template."""

    def encode(self, table: pa.Table, kind: Kind, tokenizer: Any, folder: Path) -> TokenStream:
        """Encode records into a folder."""

    def batches(
        self, stream: TokenStream, tokenizer: Any, recipe: Recipe, context: int, **order: Any
    ) -> Batches:
        """Training rows of at most `context` tokens, in an order by `seed`.

        Where documents must be mixed in each epoch, `order` has `shuffled=True` too.
        """

    def prompt(self, tokenizer: Any, text: str) -> list[int]:
        """What a model reads before it writes: ids of the whole beginning, or of a source.

        Raises:
            InputError: Models of this task do not write.
        """

    def measure(
        self, model: PreTrainedModel, tokenizer: Any, stream: TokenStream, *, whole: bool = True
    ) -> Metrics:
        """How good a model is; without `whole`, what is quick enough for between the steps."""


def task(name: str) -> Task:
    """A task by name."""
    module, _colon, attribute = REGISTRY[name].partition(":")
    found: Task = getattr(importlib.import_module(module), attribute)
    return found


def task_for(learner: Family, kind: Kind, source: str | None = None) -> Task:
    """The task by which a family learns from data of a kind; `source` is where the data came from.

    Raises:
        InputError: It cannot; the message names the kinds that it can learn from.
    """
    able = [task(name) for name in learner.tasks]
    if found := _first(able, kind):
        return found
    kinds = _kinds(able)
    hint = _("To learn from one of its columns: --kind text --column text=NAME")
    if kind in (Kind.TEXT, Kind.SPAN_QA) or Kind.TEXT not in kinds:
        others = map(family, FAMILIES)
        names = [other.name for other in others if _first(map(task, other.tasks), kind)]
        hint = _("Families that learn from it: {families}").format(families=", ".join(names))
    raise InputError(
        _("The family {family} cannot learn from data of the kind '{kind}'").format(
            family=learner.name, kind=kind
        ),
        path=source,
        expected=", ".join(kinds),
        hint=hint,
    )


def task_of(model: PreTrainedModel, kind: Kind, source: str | None = None) -> Task:
    """The task at which a model is measured on data of a kind, which came from `source`.

    Raises:
        InputError: There is none.
    """
    config = described(model)
    known, auto = family_of(config), auto_class(config)
    names = known.tasks if known else REGISTRY
    able = [found for found in map(task, names) if found.auto == auto]
    if found := _first(able, kind):
        return found
    raise InputError(
        _("A model of the kind {model} cannot be measured on data of the kind '{kind}'").format(
            model=known.name if known else type(model).__name__, kind=kind
        ),
        path=source,
        expected=", ".join(_kinds(able)),
    )


def writing_task(model: PreTrainedModel) -> Task:
    """The task whose `prompt` a model understands: what it was trained at, else by its class.

    Raises:
        InputError: It is a model of no such task, such as a body without a head.
    """
    learned = getattr(model.config, "learned", None)
    if learned in REGISTRY:
        return task(learned)
    auto = auto_class(described(model))
    found = next((found for found in map(task, REGISTRY) if found.auto == auto), None)
    if found is None:
        raise InputError(
            _("A model of the kind {model} does not write").format(model=type(model).__name__),
            expected=_("a model that writes: causal, or encoder and decoder"),
        )
    return found


def _first(tasks: Iterable[Task], kind: Kind) -> Task | None:
    return next((candidate for candidate in tasks if kind in candidate.kinds), None)


def _kinds(tasks: Iterable[Task]) -> list[Kind]:
    return list(dict.fromkeys(kind for candidate in tasks for kind in sorted(candidate.kinds)))
