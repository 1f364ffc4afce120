"""Checkpoints: all that a killed run needs to go on, whole or absent, and without a pickle.

transformers writes optimizer, scheduler, random state and arguments with `torch.save`; here they
are safetensors and JSON. Weights and the optimizer's state are gathered whole, by name, from
however many processes hold them, so that a run may go on with another number of processes. Random
state is not kept: every step draws from a seed of its own.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from transformers.trainer_callback import TrainerState

from prosa.errors import InputError
from prosa.i18n import _
from prosa.training import world

_WEIGHTS = "model.safetensors"
_OPTIMIZER, _OPTIMIZER_JSON = "optimizer.safetensors", "optimizer.json"
_STATE = "trainer_state.json"
_KEPT = 2
_WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=True)


def weights(model: nn.Module) -> dict[str, Tensor]:
    """Copies of a model's weights that are trained, whole and on the processor.

    Where they are sharded, all processes must ask, and only the first is given them.
    """
    state: dict[str, Any] = get_model_state_dict(model, options=_WHOLE)
    return {name: value.detach().to("cpu", copy=True).contiguous() for name, value in state.items()}


def write(
    place: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    kept: dict[str, dict[str, Tensor]],
    state: TrainerState,
) -> None:
    """Write a checkpoint beside its place and rename it; the oldest ones go.

    `kept` are weights besides those of now, such as the "best", each in a file of its name.

    A kill at any moment leaves the last whole one. Where weights are sharded, all processes must
    call this; the first one writes.
    """
    now = weights(model)
    optimizing: Any = get_optimizer_state_dict(model, optimizer, options=_WHOLE)
    if not world.is_first():
        return
    partial = place.with_name(f".{place.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    save_file(now, partial / _WEIGHTS)
    for name, tensors in kept.items():
        save_file(tensors, partial / f"{name}.safetensors")
    moments = {
        f"{parameter}/{name}": value.contiguous()
        for parameter, values in optimizing["state"].items()
        for name, value in values.items()
    }
    save_file(moments, partial / _OPTIMIZER)
    groups = json.dumps(optimizing["param_groups"])
    (partial / _OPTIMIZER_JSON).write_text(groups, encoding="utf-8")
    state.save_to_json(str(partial / _STATE))
    shutil.rmtree(place, ignore_errors=True)
    partial.rename(place)
    for old in _all(place.parent)[:-_KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def latest(folder: Path) -> Path | None:
    """The newest whole checkpoint in a run's working folder, if there is one."""
    whole = [path for path in _all(folder) if (path / _STATE).is_file()]
    return whole[-1] if whole else None


def _all(folder: Path) -> list[Path]:
    return sorted(folder.glob("checkpoint-*"), key=lambda p: int(p.name.rpartition("-")[2]))


def read_state(folder: Path) -> TrainerState:
    """What the Trainer and its callbacks had counted."""
    return TrainerState.load_from_json(str(folder / _STATE))


def restore(
    folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer, names: Sequence[str]
) -> dict[str, dict[str, Tensor]]:
    """Give a model and its optimizer what `write` took of them; what it kept besides comes back.

    Raises:
        InputError: A file is missing or damaged.
    """
    try:
        state: dict[str, Any] = {}
        for key, value in load_file(folder / _OPTIMIZER).items():
            parameter, _slash, name = key.partition("/")
            state.setdefault(parameter, {})[name] = value
        groups = json.loads((folder / _OPTIMIZER_JSON).read_text(encoding="utf-8"))
        kept: dict[str, Any] = load_file(folder / _WEIGHTS)
        frozen = not all(parameter.requires_grad for parameter in model.parameters())
        set_model_state_dict(model, kept, options=replace(_WHOLE, strict=not frozen))
        whole = {"state": state, "param_groups": groups}
        set_optimizer_state_dict(model, optimizer, whole, options=_WHOLE)
        files = {name: folder / f"{name}.safetensors" for name in names}
        return {name: load_file(path) for name, path in files.items() if path.is_file()}
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            _("This checkpoint cannot be read: {why}").format(why=error),
            path=folder,
            hint=_("Delete the folder and run again without --resume"),
        ) from error
