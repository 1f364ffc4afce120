"""What happens between the steps of a run: the clock, validation, samples, checkpoints, Ctrl-C."""

import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

import torch
from transformers import (
    PreTrainedModel,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from prosa.training.checkpoint import SafeTrainer
from prosa.training.events import Listener, Progress, Sampled, Stopped, Validated, silent
from prosa.training.schedule import FALL, trapezoid

PATIENCE = 4
"""Validations without a new best before a run stops early."""
VALIDATIONS = 12
"""Validations in a run, the last one included."""
CHECKPOINT_SECONDS = 60.0
SAMPLE_SECONDS = 20.0

Validate = Callable[[PreTrainedModel], tuple[float, float]]
"""The model's (loss in nats per token, bits per byte) on the validation data."""
Sample = Callable[[PreTrainedModel], str]


@dataclass(frozen=True)
class Hooks:
    """What a run calls on its way.

    Attributes:
        listen: Hears the events.
        validate: Measures the model; None where there is no validation data.
        sample: Writes a piece of text with the model; None where nobody wants to see it.
        keep_best: Whether the weights that validate best are kept, and a run that gets worse is
            stopped. Not so where answers are to be learned by heart: none of those held out can be
            guessed from the others, so validation only gets worse while the answers get right.
    """

    listen: Listener = silent
    validate: Validate | None = None
    sample: Sample | None = None
    keep_best: bool = True


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


class Conductor(TrainerCallback):
    """Decides after every step what to do next, and tells the listener.

    Args:
        trainer: The trainer it conducts.
        tokens_per_step: Tokens a step learns from.
        hooks: What it calls.
        steps: The planned length of the run.
        timed: Whether the length is corrected once by the measured speed, when the learning rate
            begins to fall.
        enough: Whether more steps than planned would do no good.
        allowed: Seconds the run may take.
        interrupt: Whether the person asked to stop.
    """

    def __init__(  # noqa: PLR0913  each is a fact of the plan that it needs
        self,
        trainer: SafeTrainer,
        hooks: Hooks,
        *,
        tokens_per_step: int,
        steps: int,
        timed: bool,
        enough: bool,
        allowed: float,
        interrupt: Interrupt,
    ) -> None:
        self._trainer = trainer
        self._tokens_per_step = tokens_per_step
        self._listen = hooks.listen
        self._validate = hooks.validate
        self._sample = hooks.sample
        self._keep_best = hooks.keep_best
        self._timed = timed
        self._enough = enough
        self._allowed = allowed
        self._interrupt = interrupt
        self.steps = steps
        self.bad = 0
        self.best_loss: float | None = None
        self.best_step = 0
        self.curve: list[dict[str, float]] = []
        self.elapsed_before = 0.0
        self.stopped: str | None = None
        self._loss_sum = torch.zeros(())
        self._loss_count = 0

    # What a checkpoint keeps of this object, in the Trainer's own form.
    def state(self) -> dict[str, Any]:
        """What a resumed run must know."""
        kept = {
            "steps": self.steps,
            "bad": self.bad,
            "best_loss": self.best_loss,
            "best_step": self.best_step,
            "curve": self.curve,
            "elapsed_before": self._elapsed(),
            "_timed": self._timed,
        }
        return {"args": {}, "attributes": kept}

    def restore(self, kept: dict[str, Any]) -> None:
        """Take up where a checkpoint's `state()` left off."""
        for name, value in kept["attributes"].items():
            setattr(self, name, value)

    def factor(self, step: int) -> float:
        """The schedule, over the length that is in force now."""
        return trapezoid(step, self.steps)

    def heard_loss(self, loss: torch.Tensor) -> None:
        """Take note of a forward pass's loss."""
        self._loss_sum = self._loss_sum.to(loss.device) + loss.detach()
        self._loss_count += 1

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_more: Any
    ) -> None:
        """Start the clocks."""
        self._start = self._last_progress = self._last_save = self._last_sample = time.monotonic()
        self._first_step = self._progress_step = state.global_step
        # Seconds since the last progress that went into validation and samples, not into steps.
        self._aside = 0.0

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_more: Any
    ) -> None:
        """Decide what comes next."""
        now, step = time.monotonic(), state.global_step
        if self._timed and step >= (1 - FALL) * self.steps:
            self._correct_length(step)
        last = step >= self.steps
        if now - self._last_progress >= 1.0 or last:
            self._tell_progress(now, step)
        if self._validate is not None and (last or self._due(step)):
            self._validate_now(step)
        elif self._sample is not None and now - self._last_sample >= SAMPLE_SECONDS and not last:
            self._sample_now(step)
        if self._interrupt.asked:
            self._stop("interrupted", step, control)
        elif self._keep_best and self.bad >= PATIENCE and not last:
            self._stop("early", step, control)
        elif last:
            control.should_training_stop = True
        elif now - self._last_save >= CHECKPOINT_SECONDS:
            self._last_save = now
            control.should_save = True

    @property
    def seconds(self) -> float:
        """Seconds of learning so far, those before a resume included."""
        return self._elapsed()

    def _model(self) -> PreTrainedModel:
        model: PreTrainedModel = self._trainer.accelerator.unwrap_model(self._trainer.model)
        return model

    def _stop(self, reason: str, step: int, control: TrainerControl) -> None:
        self.stopped = reason
        control.should_training_stop = True
        self._listen(Stopped(reason, step))

    def _elapsed(self) -> float:
        return self.elapsed_before + time.monotonic() - self._start

    def _correct_length(self, step: int) -> None:
        """Fit the falling part into the time that is left, at the speed measured so far."""
        self._timed = False
        pace = (time.monotonic() - self._start) / max(1, step - self._first_step)
        left = self._allowed - self._elapsed()
        rest = self.steps - step
        most = rest if self._enough else 1.5 * rest
        self.steps = step + max(1, int(min(most, max(0.3 * rest, left / pace))))

    def _due(self, step: int) -> bool:
        every = max(1, self.steps // VALIDATIONS)
        return step % every == 0

    def _tell_progress(self, now: float, step: int) -> None:
        steps = step - self._progress_step
        seconds = max(1e-9, now - self._last_progress - self._aside)
        pace = (now - self._start) / max(1, step - self._first_step)
        loss = (self._loss_sum / max(1, self._loss_count)).item()
        tokens = steps * self._tokens_per_step
        self._listen(
            Progress(
                step=step,
                steps=self.steps,
                loss=loss,
                tokens_per_second=tokens / seconds,
                seconds=self._elapsed(),
                seconds_left=max(0.0, (self.steps - step) * pace),
            )
        )
        self.curve.append({"step": step, "loss": round(loss, 5)})
        self._loss_sum, self._loss_count = torch.zeros(()), 0
        self._last_progress, self._progress_step, self._aside = now, step, 0.0

    def _validate_now(self, step: int) -> None:
        assert self._validate is not None
        start = time.monotonic()
        model = self._model()
        loss, bits = self._validate(model)
        best = self.best_loss is None or loss < self.best_loss
        if best:
            self.best_loss, self.best_step, self.bad = loss, step, 0
        if best and self._keep_best:
            self._trainer.best_weights = {
                name: value.detach().to("cpu", copy=True).contiguous()
                for name, value in model.state_dict().items()
            }
        if not best:
            self.bad += 1
        seconds = time.monotonic() - start
        self._aside += seconds
        point = {"step": step, "validation_loss": round(loss, 5), "bits_per_byte": round(bits, 5)}
        self.curve.append(point)
        self._listen(Validated(step, loss, bits, best and self._keep_best, seconds))

    def _sample_now(self, step: int) -> None:
        assert self._sample is not None
        model, start = self._model(), time.monotonic()
        model.eval()
        with torch.random.fork_rng():
            self._listen(Sampled(step, self._sample(model)))
        model.train()
        self._last_sample = time.monotonic()
        self._aside += self._last_sample - start
