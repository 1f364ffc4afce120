"""The dial: from "I am willing to wait N minutes" to sizes, batch, steps and learning rate.

Every number that a person does not give is computed from the data and from this machine, measured
by running a few real training steps. The rules were found by trying on small corpora; each says
what was measured. A plan is made once a run and travels with its checkpoints.
"""

import math
import time
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from transformers import PreTrainedModel

from prosa.errors import InputError
from prosa.i18n import _
from prosa.models.families import FAMILIES, SpecialIds
from prosa.models.families import family as family_named
from prosa.models.sizes import Sizes
from prosa.train import machine as machines
from prosa.train.optimizer import build as build_optimizer

DEFAULT_MINUTES = 5.0
"""The longest run when nobody turns the dial."""
EPOCHS = 15
"""Passes over the data when nobody asks for more: 1,250 headlines are learned by heart in these."""
MOST_EPOCHS = 60
"""Passes at which even a long dial stops: more of them only memorise."""
EVALUATION_SHARE = 0.08
"""Share of the time kept for validation and samples on the way."""

# (layers, hidden size, heads): each rung costs about twice the one below.
_DECODERS = (
    (2, 64, 2),
    (3, 96, 3),
    (4, 128, 4),
    (5, 160, 5),
    (6, 192, 6),
    (6, 256, 8),
    (8, 320, 5),
    (8, 448, 7),
    (12, 640, 10),
    (12, 768, 12),
)
# (layers, embedding size, hidden size)
_RECURRENT = (
    (1, 64, 128),
    (1, 96, 192),
    (1, 128, 256),
    (2, 192, 384),
    (2, 256, 512),
    (2, 384, 768),
    (2, 512, 1024),
)


@dataclass(frozen=True)
class Options:
    """What a person asks of a run; None is left to the plan.

    Attributes:
        family: A name in `FAMILIES`.
        minutes: How long the person will wait, from the start of the command.
        epochs: Passes over the training data.
        steps: Optimizer steps; wins over epochs.
        batch_size: Rows of `context` tokens a step.
        learning_rate: In AdamW's scale.
        seed: Of weights, dropout and order.
        sizes: The model's sizes, as far as they are given.
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
                flag = "--" + name.replace("_", "-")
                raise InputError(
                    _("{flag} is {value}").format(flag=flag, value=value),
                    expected=_("a number above zero"),
                )


@dataclass(frozen=True)
class Corpus:
    """What the plan needs to know of the data.

    Attributes:
        tokens: Tokens of training data.
        documents: Documents of training data.
        long_document: Tokens of a long document (the 90th percentile).
        validated: Whether there is validation data.
    """

    tokens: int
    documents: int
    long_document: int
    validated: bool


@dataclass(frozen=True)
class Plan:
    """All a run needs; also what is shown before it starts.

    Attributes:
        sizes: The model's sizes, complete.
        rows: Rows of `sizes.context` tokens in one forward pass.
        accumulation: Forward passes a step.
        timed: Whether `steps` may be corrected by the clock, as neither steps nor epochs were given.
        enough: Whether `steps` are all the passes that do good, so that time left over is not used.
        seconds: Expected time of learning.
        allowed: Seconds that learning may take.
        memory_bytes: Expected peak of the process.
    """

    family: str
    sizes: Sizes
    vocabulary: int
    parameters: int
    rows: int
    accumulation: int
    steps: int
    epochs: float
    learning_rate: float
    muon: bool
    weight_decay: float
    bfloat16: bool
    seed: int
    timed: bool
    enough: bool
    seconds: float
    allowed: float
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
    start: PreTrainedModel | None = None,
) -> Plan:
    """Plan a run of gradient descent.

    Args:
        options: What the person asked for.
        corpus: What the data is.
        vocabulary: Size of the vocabulary.
        ids: The special tokens' ids.
        left: Seconds that learning may take.
        start: The model to go on with, instead of a new one; its sizes stand.

    Returns:
        The plan. Takes one to three seconds: it trains a throw-away model for a few steps.

    Raises:
        InputError: Sizes that do not fit together, or a model too large for the memory.
    """
    machine = machines.measure()
    context = options.sizes.context or _context(options.family, corpus.long_document)
    asked = replace(options.sizes, context=context)
    rungs = _rungs(options.family, asked)
    level = _first_guess(options.family, rungs, corpus, vocabulary, machine, left)
    while True:
        sizes = rungs[level]
        rows, accumulation = _batch(options, sizes, corpus, vocabulary, machine, left)
        trial = _measure(options, sizes, vocabulary, ids, rows, machine)
        second_steps = trial.seconds * accumulation
        affordable = left * (1 - EVALUATION_SHARE) / second_steps * rows * accumulation * context
        if level == 0 or options.steps or options.epochs or affordable >= 4 * trial.parameters:
            break
        level -= 1
    steps, enough = _steps(options, corpus, second_steps, rows * accumulation * context, left)
    return Plan(
        family=options.family,
        sizes=sizes,
        vocabulary=vocabulary,
        parameters=trial.parameters,
        rows=rows,
        accumulation=accumulation,
        steps=steps,
        epochs=steps * rows * accumulation * context / corpus.tokens,
        learning_rate=options.learning_rate or _learning_rate(options.family, sizes),
        muon=options.family == "decoder",
        weight_decay=0.1 if options.family == "decoder" else 0.0,
        bfloat16=trial.bfloat16,
        seed=options.seed,
        timed=not (options.steps or options.epochs),
        enough=enough,
        seconds=steps * second_steps,
        allowed=left,
        memory_bytes=machines.peak_memory(),
        device=machine.device,
        processor=machine.name,
    )


def _context(family: str, long_document: int) -> int:
    """A power of two that holds a long document whole, within what a small run can afford."""
    least, most = (64, 256) if family == "decoder" else (32, 128)
    return min(most, max(least, 2 ** math.ceil(math.log2(max(2, long_document)))))


def _rungs(family: str, asked: Sizes) -> list[Sizes]:
    """The ladder of sizes, with what the person fixed; equal rungs fall together."""
    if family == "decoder":
        ladder = [Sizes(layers=n, hidden_size=h, heads=k) for n, h, k in _DECODERS]
    else:
        ladder = [Sizes(layers=n, embedding_size=e, hidden_size=h) for n, e, h in _RECURRENT]
    given: dict[str, Any] = asked.given
    if "hidden_size" in given and "heads" not in given:
        ladder = [replace(rung, heads=None) for rung in ladder]
    rungs: list[Sizes] = []
    for rung in ladder:
        sizes = FAMILIES[family].sizes(replace(rung, **given))
        if sizes not in rungs:
            rungs.append(sizes)
    return rungs


def _first_guess(
    family: str,
    rungs: list[Sizes],
    corpus: Corpus,
    vocabulary: int,
    machine: machines.Machine,
    left: float,
) -> int:
    """The largest rung that sees enough tokens in the time, from a third of the matrix speed."""
    speed = max(machine.float32_flops, machine.bfloat16_flops) / 3
    best = 0
    for level, sizes in enumerate(rungs):
        cost = FAMILIES[family].estimate(sizes, vocabulary)
        parameters, tokens = cost.parameters, left * speed / cost.flops_per_token
        # Measured on tinyshakespeare in 100 s: best near 5 tokens seen a parameter; and a model
        # with more parameters than twice the tokens of its data learns them by heart.
        if tokens >= 5 * parameters and parameters <= 2 * corpus.tokens + 500_000:
            best = level
    return best


def _batch(
    options: Options,
    sizes: Sizes,
    corpus: Corpus,
    vocabulary: int,
    machine: machines.Machine,
    left: float,
) -> tuple[int, int]:
    """Rows a forward pass, and passes a step."""
    context = sizes.context or 1
    if options.batch_size:
        rows = options.batch_size
    else:
        speed = max(machine.float32_flops, machine.bfloat16_flops) / 3
        seen = left * speed / FAMILIES[options.family].estimate(sizes, vocabulary).flops_per_token
        if not options.minutes:
            seen = min(seen, EPOCHS * corpus.tokens)
        # A thousand steps or so, whatever the budget; never under 256 tokens a step.
        tokens = min(32_768, max(256, seen / 1_000), max(256, corpus.tokens / 32))
        rows = max(1, 2 ** round(math.log2(tokens / context)))
    fits = _rows_that_fit(sizes, vocabulary, machine)
    accumulation = math.ceil(rows / fits)
    return math.ceil(rows / accumulation), accumulation


def _rows_that_fit(sizes: Sizes, vocabulary: int, machine: machines.Machine) -> int:
    """Rows whose activations take at most a quarter of the free memory.

    About 40 floats a token, layer and hidden unit (measured for Llama without recomputation), and
    three copies of the logits.
    """
    hidden = max(sizes.hidden_size or 1, sizes.embedding_size or 1)
    per_token = 4 * (40 * hidden * (sizes.layers or 1) + 3 * vocabulary)
    return max(1, int(machine.memory_bytes / 4 / per_token / (sizes.context or 1)))


def _learning_rate(family: str, sizes: Sizes) -> float:
    """Falls with the width: the best of a coarse search at two widths each."""
    hidden = sizes.hidden_size or 128
    if family == "decoder":
        return 0.01 * (128 / hidden) ** 0.5
    return {"rnn": 0.005}.get(family, 0.02) * (100 / hidden) ** 0.5


def _steps(
    options: Options, corpus: Corpus, step_seconds: float, step_tokens: int, left: float
) -> tuple[int, bool]:
    """Steps, and whether they are all that do good rather than all there is time for."""
    if options.steps:
        return int(options.steps), True
    epoch = corpus.tokens / step_tokens
    if options.epochs:
        return max(1, round(options.epochs * epoch)), True
    most = round((MOST_EPOCHS if options.minutes else EPOCHS) * epoch)
    affordable = int(left * (1 - EVALUATION_SHARE) / step_seconds)
    return max(1, min(most, affordable)), most <= affordable


@dataclass(frozen=True)
class _Trial:
    parameters: int
    seconds: float
    bfloat16: bool


def _measure(
    options: Options,
    sizes: Sizes,
    vocabulary: int,
    ids: SpecialIds,
    rows: int,
    machine: machines.Machine,
) -> _Trial:
    """Seconds of one forward, backward and optimizer step, in the faster of the two precisions."""
    with torch.random.fork_rng(devices=[]):
        model = FAMILIES[options.family].build(sizes, vocabulary, ids).to(machine.device)
        batch = torch.randint(4, vocabulary, (rows, sizes.context or 1), device=machine.device)
        plain = _step_seconds(model, batch, options.family, bfloat16=False)
        mixed = math.inf
        if machine.bfloat16:
            mixed = _step_seconds(model, batch, options.family, bfloat16=True)
    return _Trial(model.num_parameters(), min(plain, mixed), mixed < plain)


def _step_seconds(
    model: PreTrainedModel, batch: torch.Tensor, family: str, *, bfloat16: bool
) -> float:
    """The median of a few steps after one to warm up; at most about a second in all."""
    optimizer = build_optimizer(
        model, learning_rate=1e-4, muon=family == "decoder", weight_decay=0.0, bfloat16=bfloat16
    )
    times: list[float] = []
    model.train()
    while len(times) < 8 and (len(times) < 3 or sum(times) < 1.0):
        start = time.perf_counter()
        with torch.autocast(batch.device.type, torch.bfloat16, enabled=bfloat16):
            loss = model(input_ids=batch, labels=batch).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        loss.item()
        times.append(time.perf_counter() - start)
    return sorted(times[1:])[(len(times) - 1) // 2]


@dataclass(frozen=True)
class Guess:
    """A plan before the data is tokenised: good to a factor of two."""

    family: str
    parameters: int
    seconds: float


def guess(family: str, size: int, minutes: float, vocabulary: int = 2_000) -> Guess:
    """What a run on data of a size would be like.

    Args:
        family: A family that descends.
        size: Bytes of text.
        minutes: The time to wait.
        vocabulary: Tokens of the vocabulary; a token of it is about 3.5 bytes of Portuguese.
    """
    machine = machines.measure()
    tokens = max(1, int(size / 3.5))
    corpus = Corpus(tokens, documents=max(1, tokens // 200), long_document=200, validated=True)
    rungs = _rungs(family, Sizes(context=_context(family, 200)))
    level = _first_guess(family, rungs, corpus, vocabulary, machine, 60 * minutes)
    cost = FAMILIES[family].estimate(rungs[level], vocabulary)
    speed = max(machine.float32_flops, machine.bfloat16_flops) / 3
    learned_by_heart = EPOCHS * tokens * cost.flops_per_token / speed
    return Guess(family, cost.parameters, min(60 * minutes, learned_by_heart))
