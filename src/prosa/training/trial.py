"""A few real training steps with a throw-away model: what a step costs on this machine."""

import math
import time
from dataclasses import dataclass
from typing import Any

import torch

from prosa.models.families import FAMILIES, SpecialIds
from prosa.models.sizes import Sizes
from prosa.training.machine import Machine
from prosa.training.optimizer import build as build_optimizer


@dataclass(frozen=True)
class Trial:
    """What a step of a model costs here: in which precision it is faster, and its seconds."""

    parameters: int
    seconds: float
    bfloat16: bool


def measure_step(
    family: str,
    sizes: Sizes,
    vocabulary: int,
    ids: SpecialIds,
    rows: int,
    machine: Machine,
) -> Trial:
    """Seconds of one forward, backward and optimizer step, in the faster of the two precisions."""
    with torch.random.fork_rng(devices=[]):
        model: Any = FAMILIES[family].build(sizes, vocabulary, ids)
        model.to(machine.device)
        batch = torch.randint(4, vocabulary, (rows, sizes.context or 1), device=machine.device)
        plain = _step_seconds(model, batch, family, bfloat16=False)
        mixed = math.inf
        if machine.bfloat16:
            mixed = _step_seconds(model, batch, family, bfloat16=True)
    return Trial(model.num_parameters(), min(plain, mixed), mixed < plain)


def _step_seconds(model: Any, batch: torch.Tensor, family: str, *, bfloat16: bool) -> float:
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
