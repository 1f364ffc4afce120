"""Gradient descent: a plan becomes TrainingArguments, a Trainer, and a trained model.

The overrides of the Trainer's private methods live in this file alone.
"""

import copy
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader
from transformers import PreTrainedModel, PrinterCallback, Trainer, TrainingArguments

from prosa.i18n import _
from prosa.tasks.task import Batches
from prosa.training import checkpoint as checkpoints
from prosa.training import machine as machines
from prosa.training import world
from prosa.training.average import Average
from prosa.training.control import Hooks, Interrupt, RunControl, Timer
from prosa.training.events import Note
from prosa.training.loss import Loss, own_loss
from prosa.training.optimizer import build as build_optimizer
from prosa.training.plan import Plan, recipe_of
from prosa.training.shares import Shares, loader


@dataclass(frozen=True)
class Descent:
    """What came of it.

    Attributes:
        model: The trained model; where its weights were sharded, whole in the first process.
        seconds: Time spent learning, validation on the way included.
        stopped: None, "interrupted" or "early".
        curve: Points {"step", "loss"} and {"step", "validation_loss", "bits_per_byte"}.
    """

    model: PreTrainedModel
    steps: int
    seconds: float
    stopped: str | None
    curve: list[dict[str, float]] = field(default_factory=list)


class Arguments(TrainingArguments):
    """Of several GPUs a process takes one: a launcher starts a process for each of the others."""

    @property
    def n_gpu(self) -> int:
        """At most one; transformers would spread each batch over all by `DataParallel`."""
        return min(1, super().n_gpu)


class DescentTrainer(Trainer):
    """The Trainer with our rows, optimizer, schedule, checkpoints and mixed precision.

    Autocast is entered here and not by `accelerate`, which would leave it on the model for good.
    """

    plan: Plan
    run_control: RunControl
    loss_of: Loss = staticmethod(own_loss)
    """Of a model and a batch; the model's own goes through the Trainer."""
    best_weights: dict[str, Tensor] | None = None
    """The weights with the best validation so far; they travel with every checkpoint. The other
    processes have none, or an empty dictionary."""
    average: Average | None = None
    """The averaged weights, where the recipe wants them: measured, sampled and handed back."""

    @property
    def gathers(self) -> bool:
        """Whether this process has a part in handing over the weights: all, of sharded ones."""
        return world.is_first() or self.is_fsdp_enabled

    def get_train_dataloader(self) -> DataLoader[Any]:
        """This process's part of each step's rows."""
        data = cast(Batches, self.train_dataset)
        self.shares = Shares(
            len(data),
            ordered=data.ordered,
            batch=self.plan.batch,
            accumulation=self.plan.accumulation,
            seed=self.plan.seed,
            rank=world.rank(),
            processes=world.size(),
        )
        return loader(data, self.shares, pinned=self.args.device.type == "cuda")

    def get_batch_samples(self, *args: Any, **kwargs: Any) -> Any:
        """The batches of a step, which draws from a seed of its own in every process.

        A resumed run so draws what it would have drawn, without the state of a generator.
        """
        step = (self.plan.seed, self.state.global_step, world.rank())
        torch.manual_seed(int(np.random.SeedSequence(step).generate_state(1, np.uint64)[0]))
        return super().get_batch_samples(*args, **kwargs)

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """MuonAdamW as planned; AdamW alone on sharded weights, as Muon needs whole matrices."""
        if self.optimizer is None:
            recipe = recipe_of(self.plan.family, self.plan.lora)
            self.optimizer = build_optimizer(
                cast(nn.Module, model or self.model),
                replace(recipe, muon=False) if self.is_fsdp_enabled else recipe,
                learning_rate=self.plan.learning_rate,
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

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """The loss of a forward pass."""
        if self.loss_of is own_loss:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        return self.loss_of(model, {**inputs, "num_items_in_batch": num_items_in_batch})

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """One forward and backward pass."""
        loss = super().training_step(*args, **kwargs)
        self.run_control.add_loss(loss)
        return loss

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:
        if not self.gathers:
            return
        counted: dict[str, Any] = {}
        for callback in [*self.callback_handler.callbacks, self.control]:
            if hasattr(callback, "state") and callable(callback.state):
                counted[type(callback).__name__] = callback.state()
        # The Trainer's own form: a dictionary by class, though it is declared as a list.
        self.state.stateful_callbacks = cast(Any, counted)
        place = Path(self.args.output_dir or ".") / f"checkpoint-{self.state.global_step}"
        kept = {"best": self.best_weights, "average": self.average and self.average.weights}
        there = {name: weights for name, weights in kept.items() if weights}
        checkpoints.write(place, model, self._bare_optimizer(), there, self.state)

    def _bare_optimizer(self) -> torch.optim.Optimizer:
        # accelerate has wrapped it.
        return cast(torch.optim.Optimizer, getattr(self.optimizer, "optimizer", self.optimizer))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        pass  # the weights come with the optimizer, once both are where they will be

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is None:
            super()._load_optimizer_and_scheduler(checkpoint)
            return
        kept = checkpoints.restore(
            Path(checkpoint), self.model_wrapped, self._bare_optimizer(), ("best", "average")
        )
        best = kept.get("best")
        self.best_weights = best if world.is_first() or best is None else {}
        if self.average and "average" in kept:
            self.average.restore(kept["average"])
        # The next step's learning rate came with the optimizer's groups, the rest of the schedule
        # with the callback that follows it.
        assert self.lr_scheduler is not None
        self.lr_scheduler.last_epoch = self.state.global_step

    def _load_rng_state(self, checkpoint: str | None) -> None:
        pass


def descend(
    model: PreTrainedModel,
    data: Batches,
    plan: Plan,
    folder: Path,
    hooks: Hooks,
    timer: Timer,
    checkpoint: Path | None = None,
) -> Descent:
    """Train a model as planned, from a checkpoint where one is given; checkpoints go to `folder`.

    The model's weights are changed in place, unless they are sharded. Where `hooks` validate and
    keep the best, it ends with those that validated best. Ctrl-C ends the run early and still
    returns. Where there are several processes, each must call this, with the same arguments.
    """
    data.rows = plan.batch
    before = str(model.config._attn_implementation)  # noqa: SLF001  there is no public reader
    with Interrupt() as interrupt:
        trainer = DescentTrainer(
            model=model,
            args=_arguments(plan, folder),
            train_dataset=cast(Any, data),
            data_collator=cast(Any, data.collate),
        )
        # Heads over words divide a step's summed loss by all that it counts; others take a mean.
        trainer.model_accepts_loss_kwargs &= model.get_output_embeddings() is not None
        trainer.remove_callback(PrinterCallback)
        trainer.plan, trainer.loss_of = plan, hooks.loss
        control = trainer.run_control = RunControl(trainer, plan, hooks, timer, interrupt)
        if checkpoint is not None:
            state = checkpoints.read_state(checkpoint)
            control.restore(cast(Any, state.stateful_callbacks)["RunControl"])
        trainer.add_callback(control)
        whole = model
        if trainer.is_fsdp_enabled:
            whole = copy.deepcopy(model)
            text = _("The weights are sharded: AdamW trains them all, as Muon needs whole matrices")
            hooks.listen(Note(text))
        elif recipe_of(plan.family, plan.lora).average:
            trainer.average = Average(cast(nn.Module, trainer.model))
        if plan.attention:
            machines.set_attention(model, plan.attention)
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        final = trainer.best_weights
        if final is None and trainer.is_fsdp_enabled:
            final = checkpoints.weights(cast(nn.Module, trainer.model))
        if final is None and trainer.average:
            final = {**model.state_dict(), **trainer.average.weights}
        if final:
            # What is frozen is not among them.
            cast(nn.Module, whole).to(trainer.args.device).load_state_dict(
                final, strict=plan.lora is None
            )
    if plan.attention:  # as it will be loaded
        machines.set_attention(whole, before)
    return Descent(
        model=whole.eval(),
        steps=trainer.state.global_step,
        seconds=control.seconds,
        stopped=control.stopped,
        curve=control.curve,
    )


def _arguments(plan: Plan, folder: Path) -> Arguments:
    return Arguments(
        output_dir=str(folder),
        max_steps=plan.most_steps,
        per_device_train_batch_size=plan.rows,
        gradient_accumulation_steps=plan.accumulation,
        learning_rate=plan.learning_rate,
        max_grad_norm=machines.MAX_GRAD_NORM,
        use_cpu=plan.device == "cpu",
        seed=plan.seed,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        logging_nan_inf_filter=False,
        restore_callback_states_from_checkpoint=False,
        # Every weight has a gradient in every step: a contract test of the families says so.
        ddp_find_unused_parameters=False,
    )
