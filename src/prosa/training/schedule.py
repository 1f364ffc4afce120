"""How far a run is, and the learning rate that goes with it: warm up, hold, fall to zero.

The trapezoid (Zhai et al. 2022; Hägele et al. 2024, "Scaling laws and compute-optimal training
beyond fixed training durations") matches the cosine at equal length, and its length need not be
known before: here it is a function of the share of the run that has gone. Where a person gave
minutes, that is the share of the time, so that a run ends with a cooled model when the clock says
so, however fast the machine turns out to be.
"""

from typing import Any

FALL = 0.6
"""Share of a run in which the learning rate falls."""
WARM_UP = 0.02
"""Share of the planned steps in which it climbs from zero; 200 steps at most."""
_FASTEST = 20
"""How many times faster than planned a run may get to its end after it stood still: a laptop that
wakes after the deadline still cools its model, in a twentieth of the time."""


class Schedule:
    """The share of a run that has gone.

    Args:
        steps: Planned steps.
        most_steps: Steps at which the run ends, whatever time is left.
        pace: Seconds a step is expected to take.
        closing_steps: What follows the last step takes as long as so many steps.

    Attributes:
        share: Share of the run that has gone, 0 to 1.
        step: Steps taken.
        pace: Seconds a step takes, the mean of about the last five.
        seconds: Time for all, what follows the last step included; None follows the steps alone.
    """

    def __init__(
        self, steps: int, most_steps: int, *, pace: float = 1.0, closing_steps: float = 0.0
    ) -> None:
        self.share = 0.0
        self.step = 0
        self.pace = pace
        self.seconds: float | None = None
        self.closing_steps = closing_steps
        self._most_steps = most_steps
        self._warm_up = max(1, min(200, round(WARM_UP * steps)))
        self._last = 0.0

    def state(self) -> dict[str, Any]:
        """What a resumed run must know."""
        return dict(vars(self))

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state()` was taken."""
        vars(self).update(state)

    def advance(self, seconds: float) -> None:
        """Take note that a step is done, after `seconds` of the run."""
        self.step += 1
        # A step that took long, with a validation or a sleep in it, says little of the next one.
        self.pace += 0.2 * (min(seconds - self._last, 2 * self.pace) - self.pace)
        self._last = seconds
        left = self._left()
        self.share = 1.0 if left < 0.5 else self.share + (1 - self.share) / (left + 1)

    @property
    def steps_left(self) -> int:
        """Steps until the end, as it looks now."""
        return max(1, round(self._left())) if self.share < 1 else 0

    @property
    def seconds_left(self) -> float:
        """Seconds until the last step, as it looks now."""
        return self.steps_left * self.pace

    def factor(self) -> float:
        """The factor from 0 to 1 on the learning rate of the next step."""
        return min(1.0, (self.step + 1) / self._warm_up, (1 - self.share) / FALL)

    def _left(self) -> float:
        steps = float(self._most_steps - self.step)
        if self.seconds is None:
            return steps
        time = self.seconds - self._last - self.closing_steps * self.pace
        least = (1 - self.share) * self.seconds / _FASTEST
        return min(steps, max(time, least) / self.pace)
