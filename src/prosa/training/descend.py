"""Gradient descent: a plan becomes TrainingArguments, a Trainer, and a trained model."""

import warnings
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
from prosa.training.callbacks import Conductor, Hooks, Interrupt
from prosa.training.checkpoint import SafeTrainer
from prosa.training.optimizer import build as build_optimizer
from prosa.training.plan import Plan


@dataclass(frozen=True)
class Descent:
    """What came of it.

    Attributes:
        steps: Optimizer steps taken.
        seconds: Time spent learning, validation on the way included.
        best_step: The step whose weights the model has now; None means the last one.
        stopped: None, "interrupted" or "early".
        curve: Points {"step", "loss"} and {"step", "validation_loss", "bits_per_byte"}.
    """

    steps: int
    seconds: float
    best_step: int | None
    stopped: str | None
    curve: list[dict[str, float]] = field(default_factory=list)


class DescentTrainer(SafeTrainer):
    """The Trainer with our optimizer and schedule, reporting each loss to its conductor."""

    plan: Plan
    conductor: Conductor

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
        """The conductor's schedule: it knows how long the run will be."""
        if self.lr_scheduler is None:
            self.lr_scheduler = LambdaLR(
                cast(torch.optim.Optimizer, optimizer or self.optimizer), self.conductor.factor
            )
            self._created_lr_scheduler = True
        return self.lr_scheduler

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """One forward and backward pass."""
        loss = super().training_step(*args, **kwargs)
        self.conductor.heard_loss(loss)
        return loss


def descend(
    model: PreTrainedModel,
    data: Packed,
    plan: Plan,
    folder: Path,
    hooks: Hooks,
    checkpoint: Path | None = None,
) -> Descent:
    """Train a model as planned; its weights are changed in place.

    Args:
        model: Fresh, or pre-trained.
        data: The packed training data.
        plan: From `plan.make`.
        folder: Where checkpoints go.
        hooks: What to call on the way; with `validate` and `keep_best` the best weights are kept.
        checkpoint: Continue from this checkpoint.

    Returns:
        What came of it. Ctrl-C ends the run early and still returns.
    """
    set_seed(plan.seed)
    with Interrupt() as interrupt:
        trainer = DescentTrainer(
            model=model, args=_arguments(plan, folder), train_dataset=data, data_collator=collate
        )
        trainer.remove_callback(PrinterCallback)
        trainer.plan = plan
        conductor = Conductor(
            trainer,
            hooks,
            tokens_per_step=plan.tokens_per_step * trainer.args.world_size,
            steps=plan.steps,
            timed=plan.timed,
            enough=plan.enough,
            allowed=plan.allowed,
            interrupt=interrupt,
        )
        trainer.conductor = conductor
        if checkpoint is not None:
            state = TrainerState.load_from_json(str(checkpoint / "trainer_state.json"))
            conductor.restore(state.stateful_callbacks["Conductor"])
        trainer.add_callback(conductor)
        with warnings.catch_warnings():
            # accelerate warns about pinned memory on machines without a GPU.
            warnings.filterwarnings("ignore", message=".*pin_memory.*")
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        best = trainer.best_weights
        if best is not None:
            trainer.accelerator.unwrap_model(trainer.model).load_state_dict(best)
    model.eval()
    return Descent(
        steps=trainer.state.global_step,
        seconds=conductor.seconds,
        best_step=conductor.best_step if best is not None else None,
        stopped=conductor.stopped,
        curve=conductor.curve,
    )


def _arguments(plan: Plan, folder: Path) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(folder),
        # The conductor ends the run; a corrected length may pass the planned one by half.
        max_steps=2 * plan.steps if plan.timed else plan.steps,
        per_device_train_batch_size=plan.rows,
        gradient_accumulation_steps=plan.accumulation,
        learning_rate=plan.learning_rate,
        max_grad_norm=1.0,
        bf16=plan.bfloat16,
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
