"""What a training run tells the outside while it goes on.

`train` knows no screen: it hands these to a function, and the command line, a notebook or a log
decides how they look.
"""

from collections.abc import Callable
from dataclasses import dataclass

from prosa.training.plan import Plan


@dataclass(frozen=True)
class Planned:
    """The plan is made; training starts now."""

    plan: Plan


@dataclass(frozen=True)
class Progress:
    """Some steps later. Loss in nats per token, the mean since the last event; time in seconds."""

    step: int
    steps: int
    loss: float
    tokens_per_second: float
    seconds: float
    seconds_left: float


@dataclass(frozen=True)
class Validated:
    """The model was measured on the validation data."""

    step: int
    loss: float
    bits_per_byte: float | None
    best: bool
    seconds: float


@dataclass(frozen=True)
class Sampled:
    """What the model writes now."""

    step: int
    text: str


@dataclass(frozen=True)
class Stopped:
    """Training ended before its plan: `reason` is "interrupted" or "early"."""

    reason: str
    step: int


@dataclass(frozen=True)
class Note:
    """A sentence for the person, already translated."""

    text: str


Event = Planned | Progress | Validated | Sampled | Stopped | Note
Listener = Callable[[Event], None]


def silent(_event: Event) -> None:
    """The listener that hears nothing."""
