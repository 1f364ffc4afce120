"""What happens between the steps of a run: the clock, validation, samples, checkpoints, Ctrl-C.

Where there are several processes, each decides for itself, and all the same: after every step they
are told the time by the first one's clock, and whether any of them was asked to stop.
"""

import math
import signal
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any, cast

import torch
from transformers import (
    PreTrainedModel,
    TrainerCallback,
    TrainerState,
)

from prosa.measure.metrics import Metrics
from prosa.training import checkpoint as checkpoints
from prosa.training import threads, world
from prosa.training.events import Listener, Progress, Sampled, Stopped, Validated, silent
from prosa.training.loss import Loss, own_loss
from prosa.training.plan import Plan
from prosa.training.schedule import Schedule
from prosa.training.threads import Threads

if TYPE_CHECKING:
    from prosa.training.descend import DescentTrainer

PATIENCE = 4
"""Validations without a new best before a run stops early."""
VALIDATIONS = 12
"""Validations in a run, the last one included; fewer where the clock does not allow them."""
VALIDATION_SHARE = 0.1
"""Share of a timed run's time that validations on the way may take."""
CHECKPOINT_SECONDS = 60.0
SAMPLE_SECONDS = 20.0

# What a checkpoint keeps of `RunControl`.
_KEPT = (
    "validations",
    "validation_seconds",
    "scoring_ratio",
    "without_best",
    "best_loss",
    "curve",
)

Validate = Callable[[PreTrainedModel], Metrics]
"""How good the model is on the validation data."""
Sample = Callable[[PreTrainedModel], str]


@dataclass(frozen=True)
class Hooks:
    """What a run calls on its way.

    Attributes:
        validate: Measures the model; None where there is no validation data.
        sample: Writes a piece of text with the model; None where nobody wants to see it.
        validation_steps: A validation is expected to take as long as so many steps.
        closing_steps: All that is scored after the last step, likewise.
        keep_best: Whether the weights that validate best are kept, and a run that gets worse is
            stopped. Not so where answers are to be learned by heart: none of those held out can be
            guessed from the others, so validation only gets worse while the answers get right.
        loss: Of a model and a batch.
    """

    listen: Listener = silent
    validate: Validate | None = None
    sample: Sample | None = None
    validation_steps: float = 0.0
    closing_steps: float = 0.0
    keep_best: bool = True
    loss: Loss = own_loss


class Interrupt:
    """Turns the first Ctrl-C into a wish that the loop can see; the second one is the usual."""

    def __init__(self) -> None:
        self.asked = False
        self._before: Any = None

    def __enter__(self) -> "Interrupt":
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *_error: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


@dataclass(frozen=True)
class Timer:
    """The clock of a run, and when the run must be over.

    Attributes:
        began: When the person began to wait, by `clock`.
        seconds: How long the person waits; None where steps were given.
        clock: Seconds that only go forward.
    """

    began: float
    seconds: float | None
    clock: Callable[[], float] = time.monotonic


class RunControl(TrainerCallback):
    """Decides after every step what to do next, and tells the listener."""

    def __init__(
        self,
        trainer: "DescentTrainer",
        plan: Plan,
        hooks: Hooks,
        timer: Timer,
        interrupt: Interrupt,
    ) -> None:
        self._trainer = trainer
        self._tokens_per_step = plan.tokens_per_step
        self._hooks = hooks
        self._timer = timer
        self._interrupt = interrupt
        self.schedule = Schedule(
            plan.steps, plan.most_steps, pace=plan.step_seconds, closing_steps=hooks.closing_steps
        )
        self.validations = 0
        self.validation_seconds = 0.0
        self.scoring_ratio = 1.0
        self.without_best = 0
        self.best_loss: float | None = None
        self.curve: list[dict[str, float]] = []
        self.seconds_before = 0.0
        self.stopped: str | None = None
        self._now = self._start = timer.clock()
        self._asked = False
        # Sharded weights write nothing by themselves: each word would need all processes.
        self._sample_hook = None if trainer.is_fsdp_enabled else hooks.sample
        self._loss_sum = torch.zeros(())
        # Other threads add up in another order: a run of so many steps would not be the same again.
        self._threads = Threads(threads.most()) if plan.timed and plan.device == "cpu" else None

    def state(self) -> dict[str, Any]:
        """What a resumed run must know, in the Trainer's own form."""
        kept = {name: getattr(self, name) for name in _KEPT}
        return {
            "args": self.schedule.state(),
            "attributes": {**kept, "seconds_before": self.seconds},
        }

    def restore(self, kept: dict[str, Any]) -> None:
        """Take up where a checkpoint's `state()` left off."""
        self.schedule.restore(kept["args"])
        for name, value in kept["attributes"].items():
            setattr(self, name, value)

    def add_loss(self, loss: torch.Tensor) -> None:
        """Add a forward pass's part of the step's mean loss."""
        self._loss_sum = self._loss_sum.to(loss.device) + loss.detach()

    @property
    def seconds(self) -> float:
        """Seconds of learning so far, those before a resume included."""
        return self.seconds_before + self._now - self._start

    def _tell_time(self) -> None:
        """Take the time of the first process; learn whether anyone was asked to stop."""
        now = self._timer.clock() if world.is_first() else -math.inf
        self._now, asked = world.greatest(now, self._interrupt.asked)
        self._asked = asked > 0

    def on_train_begin(self, args: Any, state: TrainerState, control: Any, **_more: Any) -> None:
        """Start the clocks."""
        self._tell_time()
        now = self._now
        self._start = self._last_progress = self._last_save = self._last_sample = now
        self._progress_step = state.global_step
        # Seconds since the last progress that went into validation and samples, not into steps.
        self._aside = 0.0
        if self._timer.seconds is not None and not self.schedule.step:
            waited = now - self._timer.began
            self.schedule.seconds = max(self._timer.seconds - waited, 0.1 * self._timer.seconds)

    def on_epoch_begin(self, args: Any, state: TrainerState, control: Any, **more: Any) -> None:
        """Give the rows the epoch's order."""
        epoch = int(state.epoch or 0)
        cast(Any, self._trainer.train_dataset).set_epoch(epoch)
        self._trainer.shares.set_epoch(epoch)

    def on_optimizer_step(self, args: Any, state: TrainerState, control: Any, **_more: Any) -> None:
        """Move the schedule on, before the next step's learning rate is asked for."""
        self._tell_time()
        self.schedule.advance(self.seconds)
        if self._trainer.average:
            self._trainer.average.update(cast(Any, self._trainer.model), self.schedule.step)

    def on_step_begin(self, args: Any, state: TrainerState, control: Any, **_more: Any) -> None:
        """Note when a step begins."""
        if self._threads:
            self._threads.begin_step()

    def on_step_end(self, args: Any, state: TrainerState, control: Any, **_more: Any) -> None:
        """Decide what comes next."""
        if self._threads:
            self._threads.end_step()
        now, step = self._now, state.global_step
        last = self.schedule.share >= 1
        if now - self._last_progress >= 1.0 or last:
            self._tell_progress(now, step)
        if self._hooks.validate is not None and (self._validation_is_due() or last):
            self._validate(self._hooks.validate, step)
        elif self._sample_hook is not None and now - self._last_sample >= SAMPLE_SECONDS:
            self._sample(self._sample_hook, step)
        if self._asked:
            self._stop("interrupted", step, control)
            # torchrun kills what has not ended 30 seconds after Ctrl-C; then --resume has this.
            control.should_save = world.size() > 1
        elif self._hooks.keep_best and self.without_best >= PATIENCE and not last:
            self._stop("early", step, control)
        elif last:
            control.should_training_stop = True
        elif now - self._last_save >= CHECKPOINT_SECONDS:
            self._last_save = now
            control.should_save = True

    def _stop(self, reason: str, step: int, control: Any) -> None:
        self.stopped = reason
        control.should_training_stop = True
        self._hooks.listen(Stopped(reason, step))

    def _validation_is_due(self) -> bool:
        number = int(self.schedule.share * VALIDATIONS + 1e-9)
        if number <= self.validations:
            return False
        self.validations = number
        cost = self.scoring_ratio * self._hooks.validation_steps * self.schedule.pace
        affordable = self.validation_seconds + cost <= VALIDATION_SHARE * self.seconds
        return affordable or self.schedule.seconds is None

    def _tell_progress(self, now: float, step: int) -> None:
        steps = step - self._progress_step
        seconds = max(1e-9, now - self._last_progress - self._aside)
        loss = world.mean(self._loss_sum) / max(1, steps)
        self._hooks.listen(
            Progress(
                step=step,
                steps=step + self.schedule.steps_left,
                loss=loss,
                tokens_per_second=steps * self._tokens_per_step / seconds,
                seconds=self.seconds,
                seconds_left=self.schedule.seconds_left,
            )
        )
        self.curve.append({"step": step, "seconds": round(self.seconds, 2), "loss": round(loss, 5)})
        self._loss_sum = torch.zeros(())
        self._last_progress, self._progress_step, self._aside = now, step, 0.0

    def _validate(self, validate: Validate, step: int) -> None:
        model: Any = self._trainer.model

        def measure() -> tuple[float, float | None, float]:
            start = self._timer.clock()
            measured = validate(model)
            seconds = self._timer.clock() - start
            return measured[measured.primary], measured.bits_per_byte, seconds

        with self._averaged(model):
            # Sharded weights are put together by all processes for each of their layers.
            measured = measure() if self._trainer.is_fsdp_enabled else None
            loss, bits, seconds = world.share(lambda: measured or measure())
            if self._hooks.keep_best and self._trainer.gathers and self._is_best(loss):
                self._trainer.best_weights = checkpoints.weights(model)
        best = self._is_best(loss)
        self.without_best = 0 if best else self.without_best + 1
        if best:
            self.best_loss = loss
        self._now += seconds
        self._aside += seconds
        self.validation_seconds += seconds
        if self._hooks.validation_steps:
            self.scoring_ratio = seconds / (self._hooks.validation_steps * self.schedule.pace)
            self.schedule.closing_steps = self.scoring_ratio * self._hooks.closing_steps
        point = {"step": step, "seconds": round(self.seconds, 2), "validation_loss": round(loss, 5)}
        if bits is not None:
            point["bits_per_byte"] = round(bits, 5)
        self.curve.append(point)
        self._hooks.listen(Validated(step, loss, bits, best and self._hooks.keep_best, seconds))

    def _is_best(self, loss: float) -> bool:
        return self.best_loss is None or loss < self.best_loss

    def _averaged(self, model: Any) -> AbstractContextManager[None]:
        average = self._trainer.average
        return average.within(model) if average else nullcontext()

    def _sample(self, sample: Sample, step: int) -> None:
        model: Any = self._trainer.model
        start = self._timer.clock()
        model.eval()
        with self._averaged(model):
            self._hooks.listen(Sampled(step, sample(model)))
        model.train()
        self._last_sample = self._timer.clock()
        self._aside += self._last_sample - start
