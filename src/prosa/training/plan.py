"""The dial: from "I am willing to wait N minutes" to sizes, batch, steps and learning rate.

Every number that a person does not give is computed from the data and from this machine, measured
by running a few real training steps. The rules were found by trying on small corpora; each says
what was measured. A plan is made once a run and travels with its checkpoints.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from transformers import PreTrainedModel

from prosa.i18n import _
from prosa.models.family import Family, Recipe, Sizes, SpecialIds
from prosa.models.foreign import ADAPTED
from prosa.models.pretrained import HEADS
from prosa.models.registry import build, check_name, family
from prosa.models.sizes import check, wrong
from prosa.tasks.task import Batches, Row, Task
from prosa.training import machine as machines
from prosa.training import world
from prosa.training.loss import Loss, own_loss
from prosa.training.size_ladder import (
    BLIND_EPOCHS,
    EPOCHS,
    TOKENS_PER_PARAMETER,
    Corpus,
    SizeLadder,
    sizes_of,
)

DEFAULT_MINUTES = 5.0
"""The longest run when nobody turns the dial."""
MOST_EPOCHS = 60
"""Passes at which even a long dial stops: more of them only memorise."""
HEADED = 3.0
"""A model from elsewhere that gets a new head takes so many times the rate of its teaching. MiniLM,
21 topics of Portuguese questions, 60 steps, validation: right on 15.8 % at 1e-4 throughout, and on
17.1 % where the head takes ten times that (one busy run each)."""
EVALUATION_SHARE = 0.08
"""Share of the time kept for validation and samples on the way."""


@dataclass(frozen=True)
class Options:
    """What a person asks of a run; None is left to the plan.

    Attributes:
        minutes: How long the person will wait, from the start of the command.
        steps: Optimizer steps; wins over epochs.
        batch_size: Rows of `context` tokens a step, of all processes.
        learning_rate: In AdamW's scale.
        lora: Teach an adapter beside the frozen model.
    """

    family: str = "decoder"
    minutes: float | None = None
    epochs: float | None = None
    steps: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    seed: int = 0
    lora: bool | None = None
    sizes: Sizes = field(default_factory=Sizes)

    def __post_init__(self) -> None:
        check_name(self.family)
        check(self.sizes)
        for name in ("minutes", "epochs", "steps", "batch_size", "learning_rate"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise wrong(name, value, _("a number above zero"))


@dataclass(frozen=True)
class Setup:
    """What a run learns, and from what.

    Attributes:
        batches: Cuts the training data into rows of at most so many tokens.
        ids: The tokenizer's special tokens.
        start: The model that is taught further, with its adapter; None: a new one.
        adapted: The rank of its adapter, if it has one.
        loss: Of a model and a batch.
        scored: Words whose scores a loss computes; None: all.
        classes: Labels that are learned, if any.
    """

    family: Family
    task: Task
    vocabulary: int
    ids: SpecialIds
    batches: Callable[[int], Batches]
    start: PreTrainedModel | None = None
    adapted: int | None = None
    loss: Loss = own_loss
    scored: int | None = None
    classes: tuple[str, ...] = ()

    @property
    def recipe(self) -> Recipe:
        """How the model is trained."""
        return recipe_of(self.family.name, self.adapted)

    def build(self, sizes: Sizes) -> PreTrainedModel:
        """The model to go on with, or one with fresh weights."""
        if self.start is not None:
            return self.start
        return build(self.family, sizes, self.vocabulary, self.ids, self.task.auto, self.classes)


@dataclass(frozen=True)
class Plan:
    """All a run needs; also what is shown before it starts.

    Attributes:
        sizes: The model's sizes, complete.
        batch: Rows a step, of all processes.
        rows: Rows in one forward pass of one process, at most.
        row_tokens: Tokens of a row, on average.
        accumulation: Forward passes a step, of each process.
        processes: How many learn together.
        lora: The rank of the adapter that is taught; None: the whole model is.
        steps: Steps expected.
        most_steps: Steps at which the run ends even if time is left: more would do no good.
        timed: Whether the clock ends the run, as neither steps nor epochs were given.
        seconds: Expected time of learning.
        step_seconds: Expected time of a step.
        attention: transformers' implementation of attention; None where there is none.
        scoring_steps: Scoring a thousand tokens takes as long as so many steps.
        memory_bytes: Expected peak of the process.
    """

    family: str
    task: str
    sizes: Sizes
    vocabulary: int
    parameters: int
    batch: int
    rows: int
    row_tokens: float
    accumulation: int
    processes: int
    steps: int
    most_steps: int
    epochs: float
    learning_rate: float
    attention: str | None
    bfloat16: bool
    seed: int
    timed: bool
    seconds: float
    step_seconds: float
    scoring_steps: float
    memory_bytes: int
    device: str
    processor: str
    lora: int | None = None

    @property
    def tokens_per_step(self) -> float:
        """Tokens that one optimizer step learns from."""
        return self.batch * self.row_tokens

    def on(self, processes: int) -> "Plan":
        """The same steps on another number of processes, as a resumed run may have."""
        accumulation = math.ceil(self.batch / self.rows / processes)
        return replace(self, processes=processes, accumulation=accumulation)


def recipe_of(name: str, adapted: int | None) -> Recipe:
    """How a model of a family is trained, or an adapter beside one."""
    return family("pretrained" if adapted else name).recipe


def _rate(setup: Setup, sizes: Sizes) -> float:
    """The rate for these sizes, in AdamW's scale.

    A model of ours that is taught further takes that of a beginning: a decoder of stories had
    1.28 bits per byte on questions after 80 steps, at three tenths of the rate 1.85 (one run each).
    """
    rate = setup.recipe.rate(sizes.hidden_size or setup.recipe.width)
    if setup.adapted:
        return rate * ADAPTED
    if setup.recipe.apart and setup.task.auto in HEADS:
        return rate * HEADED
    return rate


def make(setup: Setup, options: Options, corpus: Corpus, left: float) -> Plan:
    """Plan a run of gradient descent.

    `left` is the seconds that learning may take; the sizes of a model to go on with stand. It takes
    one to three seconds: a throw-away model, or the one to go on with, is trained for a few steps,
    the latter at a rate of zero.

    Raises:
        InputError: Sizes that do not fit together, or a model too large for the memory.
    """
    machine, recipe, start = machines.measure(), setup.recipe, setup.start
    asked = options.sizes if start is None else sizes_of(setup.family, start, options.sizes)
    ladder = SizeLadder(
        setup.family,
        setup.task.auto,
        asked,
        corpus,
        setup.scored or setup.vocabulary,
        machine,
        left,
        start,
    )
    candidates, level = ladder.candidates(), ladder.first_guess()
    usual = EPOCHS if corpus.validated else BLIND_EPOCHS
    most_epochs = MOST_EPOCHS if options.minutes else usual
    fixed = options.steps or options.epochs
    while True:
        sizes = candidates[level]
        data = setup.batches(sizes.context or 1)
        batch = options.batch_size or ladder.batch(sizes, data.row_tokens, most_epochs)
        rows, accumulation = ladder.passes(sizes, batch)
        trial = machines.measure_step(
            partial(setup.build, sizes),
            recipe,
            machine,
            partial(_random_batch, data, rows, np.random.default_rng(0)),
            # A run of so many steps is the same again with the same seed: without a choice. A step
            # of a large model takes long, and shows no difference worth the trial.
            machines.ways(machine, sizes)[: 1 if fixed or setup.recipe.apart else None],
            setup.loss,
            learning_rate=0.0 if start is not None else 1e-4,
        )
        step_tokens = batch * data.row_tokens
        step_seconds = trial.seconds * accumulation
        affordable = left * (1 - EVALUATION_SHARE) / step_seconds
        # The guess of the first size was only that: step down if it is far too slow here.
        enough_seen = affordable * step_tokens >= 0.7 * TOKENS_PER_PARAMETER * trial.parameters
        if level == 0 or fixed or enough_seen:
            break
        level -= 1
    most_steps = _most_steps(options, corpus.tokens / step_tokens, most_epochs)
    steps = most_steps if fixed else max(1, int(min(most_steps, affordable)))
    epochs = steps * step_tokens / corpus.tokens
    return Plan(
        family=options.family,
        task=setup.task.name,
        sizes=replace(sizes, dropout=_dropout(asked, sizes, recipe, corpus, epochs)),
        vocabulary=setup.vocabulary,
        parameters=trial.parameters,
        batch=batch,
        rows=rows,
        row_tokens=data.row_tokens,
        accumulation=accumulation,
        processes=world.size(),
        steps=steps,
        most_steps=most_steps,
        epochs=epochs,
        learning_rate=options.learning_rate or _rate(setup, sizes),
        attention=trial.attention,
        bfloat16=trial.bfloat16,
        seed=options.seed,
        timed=not fixed,
        seconds=steps * step_seconds,
        step_seconds=step_seconds,
        # Windows overlap by half where models are scored, so every token is read twice.
        scoring_steps=2 * 1_000 / (rows * data.row_tokens) * trial.scoring_seconds / step_seconds,
        memory_bytes=machines.peak_memory(),
        device=machine.device,
        processor=machine.name,
        lora=setup.adapted,
    )


def _dropout(
    asked: Sizes, sizes: Sizes, recipe: Recipe, corpus: Corpus, epochs: float
) -> float | None:
    """A tenth more for every doubling of the passes over the data, where the recipe says so.

    Not where answers are to be learned by heart.
    """
    if asked.dropout is not None or recipe.dropout_from is None or corpus.turns:
        return sizes.dropout
    return round(
        min(recipe.most_dropout, max(0.0, 0.1 * math.log2(epochs / recipe.dropout_from))), 3
    )


def _random_batch(data: Batches, rows: int, order: np.random.Generator) -> Row:
    picked = order.integers(len(data), size=rows).tolist()
    return data.collate(data.__getitems__(picked))


def _most_steps(options: Options, steps_per_epoch: float, most_epochs: float) -> int:
    if options.steps:
        return int(options.steps)
    return max(1, round((options.epochs or most_epochs) * steps_per_epoch))
