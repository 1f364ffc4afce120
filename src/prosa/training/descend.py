"""Gradient descent: a plan becomes TrainingArguments, a Trainer, and a trained model."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from transformers import PreTrainedModel, PrinterCallback, TrainingArguments, set_seed
from transformers.trainer_callback import TrainerState

from prosa.tokens.examples import Packed, collate
from prosa.training import machine as machines
from prosa.training.checkpoint import SafeTrainer
from prosa.training.control import Hooks, Interrupt, RunControl, Timer
from prosa.training.optimizer import build as build_optimizer
from prosa.training.plan import Plan


@dataclass(frozen=True)
class Descent:
    """What came of it.

    Attributes:
        seconds: Time spent learning, validation on the way included.
        stopped: None, "interrupted" or "early".
        curve: Points {"step", "loss"} and {"step", "validation_loss", "bits_per_byte"}.
    """

    steps: int
    seconds: float
    stopped: str | None
    curve: list[dict[str, float]] = field(default_factory=list)


class DescentTrainer(SafeTrainer):
    """The Trainer with our optimizer and schedule, in mixed precision where planned.

    Autocast is entered here and not by `accelerate`, which would leave it on the model for good.
    """

    plan: Plan
    run_control: RunControl

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """MuonAdamW as planned."""
        if self.optimizer is None:
            self.optimizer = build_optimizer(
                cast(nn.Module, model or self.model),
                learning_rate=self.plan.learning_rate,
                muon=self.plan.muon,
                weight_decay=self.plan.weight_decay,
                bfloat16=self.plan.bfloat16,
            )
        return self.optimizer

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> LambdaLR:
        """The learning rate follows how far the run is, which its schedule knows."""
        if self.lr_scheduler is None:
            schedule = self.run_control.schedule
            self.lr_scheduler = LambdaLR(
                cast(torch.optim.Optimizer, optimizer or self.optimizer),
                lambda _step: schedule.factor(),
            )
            self._created_lr_scheduler = True
        return self.lr_scheduler

    def autocast_smart_context_manager(
        self, cache_enabled: bool | None = True
    ) -> AbstractContextManager[Any]:
        """Mixed precision for the forward pass of a step, as the trial measured it."""
        return torch.autocast(
            self.args.device.type,
            torch.bfloat16,
            enabled=self.plan.bfloat16,
            cache_enabled=cache_enabled,
        )

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """One forward and backward pass."""
        loss = super().training_step(*args, **kwargs)
        self.run_control.add_loss(loss)
        return loss


def descend(
    model: PreTrainedModel,
    data: Packed,
    plan: Plan,
    folder: Path,
    hooks: Hooks,
    timer: Timer,
    checkpoint: Path | None = None,
) -> Descent:
    """Train a model as planned, from a checkpoint where one is given; checkpoints go to `folder`.

    The model's weights are changed in place. Where `hooks` validate and keep the best, it ends with
    those that validated best. Ctrl-C ends the run early and still returns.
    """
    set_seed(plan.seed)
    with Interrupt() as interrupt:
        trainer = DescentTrainer(
            model=model, args=_arguments(plan, folder), train_dataset=data, data_collator=collate
        )
        trainer.remove_callback(PrinterCallback)
        trainer.plan = plan
        control = trainer.run_control = RunControl(trainer, plan, hooks, timer, interrupt)
        if checkpoint is not None:
            state = TrainerState.load_from_json(str(checkpoint / "trainer_state.json"))
            control.restore(state.stateful_callbacks["RunControl"])
        trainer.add_callback(control)
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        if trainer.best_weights is not None:
            trainer.accelerator.unwrap_model(trainer.model).load_state_dict(trainer.best_weights)
    model.eval()
    return Descent(
        steps=trainer.state.global_step,
        seconds=control.seconds,
        stopped=control.stopped,
        curve=control.curve,
    )


def _arguments(plan: Plan, folder: Path) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(folder),
        max_steps=plan.most_steps,
        per_device_train_batch_size=plan.rows,
        gradient_accumulation_steps=plan.accumulation,
        learning_rate=plan.learning_rate,
        max_grad_norm=machines.MAX_GRAD_NORM,
        use_cpu=machines.measure().device == "cpu",
        seed=plan.seed,
        data_seed=plan.seed,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=plan.device == "cuda",
        logging_nan_inf_filter=False,
        restore_callback_states_from_checkpoint=False,
    )
