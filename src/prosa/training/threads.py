"""How many threads a step is computed with: as many as torch takes, or one.

A small model's operations are short, so threads wait for one another at every one. On two free
cores two of them are half as fast again as one; where another process wants a core, the one that
is waited for is asleep, and a step takes three times as long as with one thread, or twenty times
(43 ms with two threads, 67 with one; beside another process 214 to 1,660, and 67).
"""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

EVERY = 10.0
"""Seconds between two trials of the other number."""
TRIED = 4
"""Steps of a trial; the first of them is not counted."""


class Threads:
    """Tries the other number of threads now and then, and keeps it where it is faster.

    Args:
        most: Threads where the machine is free; with one there is nothing to choose.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._began = 0.0
        self._tried = time.perf_counter()
        self._times: list[float] = []
        self._before: float | None = None  # a step's seconds before a trial that goes on now

    def begin_step(self) -> None:
        """Note when a step begins."""
        self._began = time.perf_counter()

    def end_step(self) -> None:
        """Note what it took, and choose."""
        now = time.perf_counter()
        self._times = [*self._times[-(TRIED - 1) :], now - self._began]
        if self._most == 1 or len(self._times) < TRIED:
            return
        if self._before is not None:
            if statistics.median(self._times[1:]) > 0.9 * self._before:
                self._change()
            self._before, self._tried = None, now
        elif now - self._tried > EVERY:
            self._before = statistics.median(self._times)
            self._change()

    def _change(self) -> None:
        torch.set_num_threads(self._most if torch.get_num_threads() == 1 else 1)
        self._times = []


_most: list[int] = []


def most() -> int:
    """Threads that torch had before a choice was made."""
    return _most[-1] if _most else torch.get_num_threads()


@contextmanager
def kept() -> Iterator[None]:
    """Threads may be chosen here; afterwards there are as many as before."""
    _most.append(torch.get_num_threads())
    try:
        yield
    finally:
        torch.set_num_threads(_most.pop())
