"""The learning rate over a run: warm up, hold, fall to zero.

The trapezoid (Zhai et al. 2022; Hägele et al. 2024, "Scaling laws and compute-optimal training
beyond fixed training durations") matches the cosine at equal length, and the time at which it
begins to fall can be decided late: a run that is stopped by a clock still ends with a cooled model.
"""

FALL = 0.6
"""Share of a run in which the learning rate falls."""


def trapezoid(step: int, steps: int, *, warm_up: float = 0.02, fall: float = FALL) -> float:
    """The factor on the learning rate at a step.

    Args:
        step: Steps taken so far, from 0.
        steps: Steps of the whole run.
        warm_up: Share of the run that climbs from zero.
        fall: Share of the run that falls to zero at its end.

    Returns:
        A factor from 0 to 1.
    """
    climb = max(1, min(200, round(warm_up * steps)))
    rising = (step + 1) / climb
    falling = (steps - step) / max(1.0, fall * steps)
    return max(0.0, min(1.0, rising, falling))
