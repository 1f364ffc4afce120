"""What this machine can do: measured in a blink, since no table of processors is ever complete."""

import platform
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil
import torch


@dataclass(frozen=True)
class Machine:
    """A measured machine.

    Attributes:
        device: "cpu", "cuda" or "mps".
        name: The processor's or the GPU's name, for people.
        memory_bytes: Memory that is free for a training run, on the device.
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
    device = _device()
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


def _device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _free_memory(device: str) -> int:
    if device == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    return int(psutil.virtual_memory().available)


def _name(device: str) -> str:
    if device == "cuda":
        return torch.cuda.get_device_name()
    if Path("/proc/cpuinfo").exists():
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _matmul_flops(device: str, dtype: torch.dtype) -> float:
    """The best of three products of [512, 256] x [256, 256]: 67 million operations each."""
    rows, inner, columns = 512, 256, 256
    left = torch.randn(rows, inner, device=device).to(dtype)
    right = torch.randn(inner, columns, device=device).to(dtype)
    best = float("inf")
    for _trial in range(3):
        start = time.perf_counter()
        product = left @ right
        if device != "cpu":
            product.sum().item()
        best = min(best, time.perf_counter() - start)
    return 2 * rows * inner * columns / best
