"""The dial: from "I am willing to wait N minutes" to sizes, batch, steps and learning rate.

Every number that a person does not give is computed from the data and from this machine, measured
by running a few real training steps. The rules were found by trying on small corpora; each says
what was measured. A plan is made once a run and travels with its checkpoints.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from transformers import PreTrainedModel

from prosa.i18n import _
from prosa.models.families import SpecialIds
from prosa.models.families import family as family_named
from prosa.models.sizes import Sizes, wrong
from prosa.tokens.examples import Packed
from prosa.training import machine as machines
from prosa.training.size_ladder import (
    BLIND_EPOCHS,
    EPOCHS,
    TOKENS_PER_PARAMETER,
    Corpus,
    SizeLadder,
    learning_rate,
    sizes_of,
)

DEFAULT_MINUTES = 5.0
"""The longest run when nobody turns the dial."""
MOST_EPOCHS = 60
"""Passes at which even a long dial stops: more of them only memorise."""
EVALUATION_SHARE = 0.08
"""Share of the time kept for validation and samples on the way."""


@dataclass(frozen=True)
class Options:
    """What a person asks of a run; None is left to the plan.

    Attributes:
        minutes: How long the person will wait, from the start of the command.
        steps: Optimizer steps; wins over epochs.
        batch_size: Rows of `context` tokens a step.
        learning_rate: In AdamW's scale.
    """

    family: str = "decoder"
    minutes: float | None = None
    epochs: float | None = None
    steps: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    seed: int = 0
    sizes: Sizes = field(default_factory=Sizes)

    def __post_init__(self) -> None:
        family_named(self.family)
        for name in ("minutes", "epochs", "steps", "batch_size", "learning_rate"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise wrong(name, value, _("a number above zero"))


@dataclass(frozen=True)
class Plan:
    """All a run needs; also what is shown before it starts.

    Attributes:
        sizes: The model's sizes, complete.
        rows: Rows of `sizes.context` tokens in one forward pass.
        accumulation: Forward passes a step.
        steps: Steps expected.
        most_steps: Steps at which the run ends even if time is left: more would do no good.
        timed: Whether the clock ends the run, as neither steps nor epochs were given.
        seconds: Expected time of learning.
        step_seconds: Expected time of a step.
        scoring_steps: Scoring a thousand tokens takes as long as so many steps.
        memory_bytes: Expected peak of the process.
    """

    family: str
    sizes: Sizes
    vocabulary: int
    parameters: int
    rows: int
    accumulation: int
    steps: int
    most_steps: int
    epochs: float
    learning_rate: float
    muon: bool
    weight_decay: float
    bfloat16: bool
    seed: int
    timed: bool
    seconds: float
    step_seconds: float
    scoring_steps: float
    memory_bytes: int
    device: str
    processor: str

    @property
    def tokens_per_step(self) -> int:
        """Tokens that one optimizer step learns from."""
        return self.rows * self.accumulation * (self.sizes.context or 1)


def make(
    options: Options,
    corpus: Corpus,
    vocabulary: int,
    ids: SpecialIds,
    left: float,
    packed: Callable[[int], Packed],
    start: PreTrainedModel | None = None,
) -> Plan:
    """Plan a run of gradient descent.

    `left` is the seconds that learning may take, `packed` cuts the training data into rows of so
    many tokens, and the sizes of `start`, a model to go on with, stand. It takes one to three
    seconds: a throw-away model is trained for a few steps.

    Raises:
        InputError: Sizes that do not fit together, or a model too large for the memory.
    """
    machine = machines.measure()
    if start is not None:
        options = replace(options, sizes=sizes_of(start, options.sizes))
    ladder = SizeLadder(options.family, options.sizes, corpus, vocabulary, machine, left)
    candidates, level = ladder.candidates(), ladder.first_guess()
    usual = EPOCHS if corpus.validated else BLIND_EPOCHS
    most_epochs = MOST_EPOCHS if options.minutes else usual
    fixed = options.steps or options.epochs
    while True:
        sizes = candidates[level]
        context = sizes.context or 1
        rows, accumulation = ladder.batch(sizes, options.batch_size, most_epochs)
        trial = machines.measure_step(
            options.family, sizes, vocabulary, ids, machine, packed(context), rows
        )
        step_tokens, step_seconds = rows * accumulation * context, trial.seconds * accumulation
        affordable = left * (1 - EVALUATION_SHARE) / step_seconds
        # The guess of the first size was only that: step down if it is far too slow here.
        enough_seen = affordable * step_tokens >= TOKENS_PER_PARAMETER / 2 * trial.parameters
        if level == 0 or fixed or enough_seen:
            break
        level -= 1
    most_steps = _most_steps(options, corpus.tokens / step_tokens, most_epochs)
    steps = most_steps if fixed else max(1, int(min(most_steps, affordable)))
    return Plan(
        family=options.family,
        sizes=sizes,
        vocabulary=vocabulary,
        parameters=trial.parameters,
        rows=rows,
        accumulation=accumulation,
        steps=steps,
        most_steps=most_steps,
        epochs=steps * step_tokens / corpus.tokens,
        learning_rate=options.learning_rate or learning_rate(options.family, sizes),
        muon=options.family == "decoder",
        weight_decay=0.1 if options.family == "decoder" else 0.0,
        bfloat16=machines.uses_bfloat16(machine, sizes),
        seed=options.seed,
        timed=not fixed,
        seconds=steps * step_seconds,
        step_seconds=step_seconds,
        # Windows overlap by half where models are scored, so every token is read twice.
        scoring_steps=2 * 1_000 / (rows * context) * trial.scoring_seconds / step_seconds,
        memory_bytes=machines.peak_memory(),
        device=machine.device,
        processor=machine.name,
    )


def _most_steps(options: Options, steps_per_epoch: float, most_epochs: float) -> int:
    if options.steps:
        return int(options.steps)
    return max(1, round((options.epochs or most_epochs) * steps_per_epoch))
