"""What this machine can do, and what a training step costs on it.

Both are measured in a blink, since no table of processors is ever complete.
"""

import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import torch
from torch import Tensor
from transformers import PreTrainedModel

from prosa.models.family import Recipe, Sizes
from prosa.training import world
from prosa.training.loss import Loss, own_loss
from prosa.training.optimizer import build as build_optimizer

MAX_GRAD_NORM = 1.0
_BFLOAT16_WIDTH = 128
"""Hidden units from which on bfloat16 is tried first on a processor that has it; a run of so many
steps takes it without a trial (AVX-512 BF16, one thread, batches of 1,024 tokens, two runs each:
decoders of 96 units took 1.16 times as long a step as in float32, of 128 units 0.85)."""


@dataclass(frozen=True)
class Machine:
    """A measured machine.

    Attributes:
        device: "cpu", "cuda" or "mps".
        name: The processor's or the GPU's name, for people.
        memory_bytes: Memory that is free for one process of a run, on its device.
        float32_flops: Multiply-adds x2 a second in float32 matrix products.
        bfloat16_flops: The same in bfloat16; 30 times less than float32 where it is emulated.
    """

    device: str
    name: str
    memory_bytes: int
    float32_flops: float
    bfloat16_flops: float

    @property
    def bfloat16(self) -> bool:
        """Whether bfloat16 is worth trying in a real training step."""
        return self.bfloat16_flops > 1.2 * self.float32_flops


@cache
def measure() -> Machine:
    """Measure this machine: about 0.1 s, once a process."""
    device = choose_device()
    return Machine(
        device=device,
        name=_name(device),
        memory_bytes=_free_memory(device),
        float32_flops=_matmul_flops(device, torch.float32),
        bfloat16_flops=_matmul_flops(device, torch.bfloat16),
    )


def peak_memory() -> int:
    """The most memory this process has held so far, in bytes (device memory on a GPU)."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    import resource  # noqa: PLC0415  not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if platform.system() == "Darwin" else peak * 1024


def choose_device() -> str:
    """The device that a run takes: "cpu", "cuda" or "mps"; `accelerate launch --cpu` has a say."""
    if world.is_set("ACCELERATE_USE_CPU"):
        return "cpu"
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def use_tensor_cores() -> None:
    """Let an NVIDIA GPU multiply float32 as TF32, 10 bits of mantissa, where it is not bfloat16."""
    if choose_device() == "cuda":
        torch.set_float32_matmul_precision("high")


def _free_memory(device: str) -> int:
    if device == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    return int(psutil.virtual_memory().available) // world.on_this_machine()


def _name(device: str) -> str:
    if device == "cuda":
        return torch.cuda.get_device_name()
    if Path("/proc/cpuinfo").exists():
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _matmul_flops(device: str, dtype: torch.dtype) -> float:
    """The best of three products of [2n, n] x [n, n].

    A processor's n is 256: 67 million operations. On a GPU, starting a product takes longer than
    that, so n is doubled until one takes 2 ms.
    """
    n = 256
    while True:
        left = torch.randn(2 * n, n, device=device).to(dtype)
        right = torch.randn(n, n, device=device).to(dtype)
        seconds = min(_seconds(lambda: left @ right, device) for _trial in range(3))  # noqa: B023
        if device == "cpu" or seconds > 0.002 or n >= 8192:
            return 4 * n**3 / seconds
        n *= 2


def _seconds(run: Callable[[], object], device: str) -> float:
    """How long something takes; what a GPU was asked before is waited for, and what it is asked."""
    if device != "cpu":
        torch.accelerator.synchronize()
    start = time.perf_counter()
    run()
    if device != "cpu":
        torch.accelerator.synchronize()
    return time.perf_counter() - start


@dataclass(frozen=True)
class Trial:
    """What a model costs here.

    Attributes:
        seconds: A forward and backward pass over `rows` rows, and an optimizer step.
        scoring_seconds: A forward pass alone over as many rows, for validation.
        attention: The fastest of transformers' implementations; None of a model that has none.
        bfloat16: Whether that was in mixed precision.
        threads: How many threads were the fastest.
    """

    parameters: int
    seconds: float
    scoring_seconds: float
    attention: str | None
    bfloat16: bool
    threads: int


class Way(NamedTuple):
    """A way to compute a step; None as threads are those of the best way so far."""

    attention: str | None
    bfloat16: bool
    threads: int | None = None


def ways(machine: Machine, sizes: Sizes) -> list[Way]:
    """Attention, types of number and threads that are worth a trial, the likeliest first.

    On a processor the fused kernel's backward pass takes longer than plain products over rows of
    some hundred tokens (16 rows of 128, 4 layers of 128 units: 210 ms a step, and 126).
    """
    wide = machine.device != "cpu" or (sizes.hidden_size or 0) >= _BFLOAT16_WIDTH
    mixed = [True] if machine.bfloat16 else []
    names: tuple[str | None, ...] = (None,)
    if sizes.heads:
        names = ("eager", "sdpa") if machine.device == "cpu" else ("sdpa", "eager")
    plain = [] if mixed and machine.device != "cpu" else [False]
    types = [*mixed, *plain] if wide else [*plain, *mixed]
    tried = [Way(name, bfloat16) for bfloat16 in types for name in names]
    if machine.device == "cpu" and torch.get_num_threads() > 1:
        tried.insert(1, tried[0]._replace(threads=1))
    return tried


def measure_step(
    build: Callable[[], PreTrainedModel],
    recipe: Recipe,
    machine: Machine,
    batch: Callable[[], dict[str, Tensor]],
    ways: list[Way],
    loss: Loss = own_loss,
    *,
    learning_rate: float = 1e-4,
) -> Trial:
    """Measure steps on batches of the training data, as the run will take them; some seconds.

    At a learning rate of zero the model stays as it is.

    Another way than the first is taken where it is a tenth faster: nearer, a measurement is chance,
    and one seed would give two models.
    """
    best: Trial | None = None
    threads = torch.get_num_threads()
    for attention, bfloat16, asked in ways:
        torch.set_num_threads(asked or (best.threads if best else threads))
        with torch.random.fork_rng(devices=[]):
            model: Any = build()
            if attention and not set_attention(model, attention):
                continue
            model.to(machine.device)
            optimizer = build_optimizer(
                model, recipe, learning_rate=learning_rate, bfloat16=bfloat16
            )
            tried = _tried(model, optimizer, machine, batch, loss, bfloat16=bfloat16)
        if best is None or tried[0] < 0.9 * best.seconds:
            now = torch.get_num_threads()
            best = Trial(model.num_parameters(), *tried, attention, bfloat16, now)
    assert best is not None
    torch.set_num_threads(best.threads)
    return best


def set_attention(model: PreTrainedModel, name: str) -> bool:
    """Take one of transformers' implementations of attention, if the model has it."""
    try:
        model.set_attn_implementation(name)
    except ValueError:
        return False
    return True


def _tried(
    model: PreTrainedModel,
    optimizer: torch.optim.Optimizer,
    machine: Machine,
    batch: Callable[[], dict[str, Tensor]],
    loss: Loss,
    *,
    bfloat16: bool,
) -> tuple[float, float]:
    """Seconds of a step, and of scoring a batch."""

    def on_device() -> dict[str, Tensor]:
        return {name: values.to(machine.device) for name, values in batch().items()}

    def step() -> None:
        with torch.autocast(machine.device, torch.bfloat16, enabled=bfloat16):
            nats = loss(model, on_device())
        nats.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_GRAD_NORM)
        optimizer.step()
        model.zero_grad()
        nats.item()

    def scoring() -> None:
        with torch.inference_mode():
            loss(model, on_device()).item()

    model.train()
    seconds = _median_seconds(step, machine.device, most=8)
    model.eval()
    return seconds, _median_seconds(scoring, machine.device, most=3)


def _median_seconds(run: Callable[[], None], device: str, most: int) -> float:
    """The median after one to warm up; of two at least, then of as many as take half a second.

    Of what takes seconds, the first after that one is enough.
    """
    times: list[float] = []
    while len(times) <= most and (len(times) < (2 if sum(times) > 2 else 3) or sum(times) < 0.5):
        times.append(_seconds(run, device))
    return statistics.median(times[1:])
