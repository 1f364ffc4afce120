"""Gradient descent: a plan becomes TrainingArguments, a Trainer, and a trained model.

Checkpoints hold no pickles. transformers writes optimizer, scheduler, random state and arguments
with `torch.save`; here they are safetensors and JSON. A checkpoint is written beside its place and
renamed, so that a kill at any moment leaves the last whole one. The overrides of the Trainer's
private methods live in this file alone. Under FSDP and DeepSpeed its own sharded format is used.
"""

import json
import random
import shutil
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import SequentialSampler
from transformers import PreTrainedModel, PrinterCallback, Trainer, TrainingArguments, set_seed
from transformers.trainer_callback import TrainerState

from prosa.errors import InputError
from prosa.extras import quiet
from prosa.i18n import _
from prosa.models.registry import family
from prosa.tasks.task import Batches
from prosa.training import machine as machines
from prosa.training.control import Hooks, Interrupt, RunControl, Timer
from prosa.training.optimizer import build as build_optimizer
from prosa.training.plan import Plan

_OPTIMIZER, _OPTIMIZER_JSON = "optimizer.safetensors", "optimizer.json"
_RANDOM, _RANDOM_JSON = "random.safetensors", "random.json"
BEST = "best.safetensors"
_KEPT = 2


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


class DescentTrainer(Trainer):
    """The Trainer with our optimizer, schedule and checkpoints, in mixed precision where planned.

    Autocast is entered here and not by `accelerate`, which would leave it on the model for good.
    """

    plan: Plan
    run_control: RunControl
    best_weights: dict[str, Tensor] | None = None
    """The weights with the best validation so far; they travel with every checkpoint."""

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """MuonAdamW as planned."""
        if self.optimizer is None:
            self.optimizer = build_optimizer(
                cast(nn.Module, model or self.model),
                family(self.plan.family).recipe,
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

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        if cast(Any, self.train_dataset).ordered:
            return SequentialSampler(cast(Any, self.train_dataset))
        return super()._get_train_sampler(train_dataset)

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

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:
        if self.is_fsdp_enabled or self.is_deepspeed_enabled:
            super()._save_checkpoint(model, trial)
            return
        if not self.args.should_save:
            return
        place = Path(self.args.output_dir or ".") / f"checkpoint-{self.state.global_step}"
        partial = place.with_name(f".{place.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        with quiet():
            self.accelerator.unwrap_model(model).save_pretrained(partial)
        if self.best_weights is not None:
            save_file(self.best_weights, partial / BEST)
        assert self.optimizer is not None
        _save_optimizer(self.optimizer.state_dict(), partial)
        _save_random(partial)
        self._collect_callbacks()
        self.state.save_to_json(str(partial / "trainer_state.json"))
        shutil.rmtree(place, ignore_errors=True)
        partial.rename(place)
        for old in _checkpoints(place.parent)[:-_KEPT]:
            shutil.rmtree(old, ignore_errors=True)

    def _collect_callbacks(self) -> None:
        kept: dict[str, Any] = {}
        for callback in [*self.callback_handler.callbacks, self.control]:
            if hasattr(callback, "state") and callable(callback.state):
                kept[type(callback).__name__] = callback.state()
        # The Trainer's own form: a dictionary by class, though it is declared as a list.
        self.state.stateful_callbacks = cast(Any, kept)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is None or self.is_fsdp_enabled or self.is_deepspeed_enabled:
            super()._load_optimizer_and_scheduler(checkpoint)
            return
        folder = Path(checkpoint)
        assert self.optimizer is not None
        self.optimizer.load_state_dict(_load_optimizer(folder))
        # The next step's learning rate came with the optimizer's groups, the rest of the schedule
        # with the callback that follows it.
        assert self.lr_scheduler is not None
        self.lr_scheduler.last_epoch = self.state.global_step
        if (folder / BEST).is_file():
            self.best_weights = load_file(folder / BEST)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        if checkpoint is not None and (Path(checkpoint) / _RANDOM).is_file():
            _load_random(Path(checkpoint))


def latest(folder: Path) -> Path | None:
    """The newest whole checkpoint in a run's working folder, if there is one."""
    whole = [p for p in _checkpoints(folder) if (p / "trainer_state.json").is_file()]
    return whole[-1] if whole else None


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

    The model's weights are changed in place. Where `hooks` validate and keep the best, it ends with
    those that validated best. Ctrl-C ends the run early and still returns.
    """
    set_seed(plan.seed)
    data.rows = plan.rows
    with Interrupt() as interrupt:
        trainer = DescentTrainer(
            model=model,
            args=_arguments(plan, folder),
            train_dataset=cast(Any, data),
            data_collator=cast(Any, data.collate),
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


def _checkpoints(folder: Path) -> list[Path]:
    return sorted(folder.glob("checkpoint-*"), key=lambda p: int(p.name.rpartition("-")[2]))


def _save_optimizer(state: dict[str, Any], folder: Path) -> None:
    tensors: dict[str, Tensor] = {}
    for index, values in state["state"].items():
        tensors |= {f"{index}.{name}": value.contiguous() for name, value in values.items()}
    save_file(tensors, folder / _OPTIMIZER)
    groups = json.dumps(state["param_groups"])
    (folder / _OPTIMIZER_JSON).write_text(groups, encoding="utf-8")


def _load_optimizer(folder: Path) -> dict[str, Any]:
    try:
        tensors = load_file(folder / _OPTIMIZER)
        groups = json.loads((folder / _OPTIMIZER_JSON).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            _("This checkpoint cannot be read: {why}").format(why=error),
            path=folder,
            hint=_("Delete the folder and run again without --resume"),
        ) from error
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, _dot, name = key.partition(".")
        state.setdefault(int(index), {})[name] = value
    return {"state": state, "param_groups": groups}


def _save_random(folder: Path) -> None:
    tensors = {"torch": torch.random.get_rng_state()}
    if torch.cuda.is_available():
        states = torch.cuda.get_rng_state_all()
        tensors |= {f"cuda.{i}": state for i, state in enumerate(states)}
    kind, keys, *rest = np.random.get_state()  # noqa: NPY002  the global state is what is saved
    tensors["numpy"] = torch.from_numpy(np.asarray(keys).astype(np.int64))
    save_file(tensors, folder / _RANDOM)
    version, numbers, gauss = random.getstate()
    plain = {"python": [version, list(numbers), gauss], "numpy": [kind, *rest]}
    (folder / _RANDOM_JSON).write_text(json.dumps(plain), encoding="utf-8")


def _load_random(folder: Path) -> None:
    tensors = load_file(folder / _RANDOM)
    plain = json.loads((folder / _RANDOM_JSON).read_text(encoding="utf-8"))
    torch.random.set_rng_state(tensors["torch"])
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            if (state := tensors.get(f"cuda.{index}")) is not None:
                torch.cuda.set_rng_state(state, index)
    kind, *rest = plain["numpy"]
    keys = tensors["numpy"].numpy().astype(np.uint32)
    np.random.set_state((kind, keys, *rest))  # noqa: NPY002
    version, numbers, gauss = plain["python"]
    random.setstate((version, tuple(numbers), gauss))
