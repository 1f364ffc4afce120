"""Several processes of one run: what the first one tells the others, and how they end together.

torchrun and `accelerate launch` start the same program several times. The first process (rank 0)
reads, plans, keeps the clock, writes and speaks; the others learn with it and are told the rest.
A program that was started once is a world of its own size, and all here costs it nothing.
"""

import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from types import FrameType
from typing import Any, NoReturn, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from prosa.errors import ProsaError
from prosa.i18n import _

T = TypeVar("T")

PATIENCE = timedelta(days=1)
"""How long the others wait for the first process, which may clean data for hours. One that dies is
noticed at once, as its connections close; this is for one that hangs."""
STEP = timedelta(minutes=30)
"""How long one process waits for another within a step."""

_groups: list[Any] = []  # patient, and for a step


def join(*, cpu: bool) -> None:
    """Meet the other processes that a launcher started, if it did; once a process.

    Messages between them go through gloo, as the way of the gradients may know only GPUs.

    Args:
        cpu: Whether the gradients stay on the processor.
    """
    if _groups or int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return
    from accelerate import PartialState  # noqa: PLC0415  a second, which a run alone need not pay

    PartialState(cpu=cpu, timeout=STEP)
    _groups.extend(dist.new_group(backend="gloo", timeout=time) for time in (PATIENCE, STEP))


def is_set(name: str) -> bool:
    """Whether `accelerate launch` has set one of its variables to true."""
    return os.environ.get(name, "").lower() in ("1", "true")


def size() -> int:
    """How many processes learn together."""
    return dist.get_world_size() if _groups else 1


def rank() -> int:
    """The number of this process; the first is 0."""
    return dist.get_rank() if _groups else 0


def is_first() -> bool:
    """Whether this process is the one that writes and speaks."""
    return rank() == 0


def on_this_machine() -> int:
    """How many of them share this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if _groups else 1


def share(make: Callable[[], T]) -> T:
    """Let the first process make something, and tell all what came of it.

    Args:
        make: Called in the first process alone; what it gives must be fit for a pickle, which goes
            through memory only.

    Raises:
        ProsaError: What `make` raises is raised by every process; by the others as `told`.
    """
    if not _groups:
        return make()
    if not is_first():
        value, error = _broadcast(None)
        if error is not None:
            raise error
        return value
    try:
        value = make()
    except BaseException as error:
        with suppress(RuntimeError):
            _broadcast((None, _for_others(error)))
        raise
    _broadcast((value, None))
    return value


def first(make: Callable[[], T]) -> T | None:
    """The same for what need not be told: it is given to the first process, and None to others."""
    made: list[T] = []
    share(lambda: made.append(make()))
    return made[0] if made else None


def _broadcast(message: Any) -> Any:
    box = [message]
    dist.broadcast_object_list(box, src=0, group=_groups[0], device=torch.device("cpu"))
    return box[0]


def _for_others(error: BaseException) -> ProsaError:
    """What the others raise: it says the same, but has been said."""
    other = pickle.loads(pickle.dumps(error)) if isinstance(error, ProsaError) else _ended()  # noqa: S301
    other.told = True
    return other


def _ended() -> ProsaError:
    return ProsaError(
        _("Another process of this run has failed or was ended"),
        hint=_("See what it says, or what the launcher says of it"),
    )


def greatest(*values: float) -> list[float]:
    """The greatest of each value among all processes."""
    if not _groups:
        return list(values)
    box = torch.tensor(values, dtype=torch.float64)
    dist.all_reduce(box, dist.ReduceOp.MAX, group=_groups[1])
    return box.tolist()


def mean(value: Tensor) -> float:
    """The mean of a number over all processes."""
    if not _groups:
        return value.item()
    box = value.detach().to("cpu", torch.float64, copy=True)
    dist.all_reduce(box, group=_groups[1])
    return box.item() / size()


@contextmanager
def together() -> Iterator[None]:
    """Do work in which all processes take part; where one fails, all end, each in good order.

    A launcher ends the others with SIGTERM: here that is an exception, so that nothing half-written
    stays. A process that is failing already is not disturbed by it.

    Raises:
        ProsaError: Another process has gone; `told` but in the first one.
    """
    if not _groups:
        yield
        return
    main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, _terminate) if main else None
    try:
        yield
    except BaseException as error:
        if main:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if not _is_lost(error):
            raise
        ended = _ended()
        ended.told = not is_first()
        raise ended from error
    if main:
        signal.signal(signal.SIGTERM, before)


class _Terminated(SystemExit):
    """The launcher ends this process, as another one has gone."""


def _terminate(number: int, _frame: FrameType | None) -> NoReturn:
    raise _Terminated(128 + number)


def _is_lost(error: BaseException) -> bool:
    """Whether an exception means that another process does not answer any more."""
    known = isinstance(error, dist.DistError | _Terminated)
    return known or (isinstance(error, RuntimeError) and "gloo" in str(error).lower())
