"""The dial: a run ends when the clock says so, with a cooled model, whatever the machine does."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from prosa.measure.metrics import Metrics
from prosa.models.family import Sizes, SpecialIds
from prosa.models.registry import build, family
from prosa.tokens.examples import Packed
from prosa.tokens.stream import TokenStream
from prosa.training import control
from prosa.training.checkpoint import latest
from prosa.training.control import Hooks, Timer
from prosa.training.descend import DescentTrainer, descend
from prosa.training.plan import Plan
from prosa.training.schedule import Schedule

WAIT = 300.0


def run(step_seconds, *, wait=WAIT, planned=1.0, most_steps=10**6, closing=0.0):
    """Seconds, steps and factors of a run whose step n, begun at t, takes step_seconds(n, t)."""
    schedule = Schedule(
        min(most_steps, round(wait / planned)), most_steps, pace=planned, closing_steps=closing
    )
    schedule.seconds = wait
    seconds, factors = 0.0, []
    while schedule.share < 1:
        factors.append(schedule.factor())
        seconds += step_seconds(schedule.step, seconds)
        schedule.advance(seconds)
    return seconds, schedule.step, factors


def falls_to_zero(factors):
    top = factors.index(max(factors))
    assert all(a >= b for a, b in pairwise(factors[top:]))
    return factors[-1] < 0.1


@pytest.mark.parametrize(
    ("step_seconds", "planned"),
    [
        (lambda _n, _t: 0.5, 0.5),
        (lambda _n, _t: 0.5, 0.1),  # the trial said it was five times faster
        (lambda _n, _t: 0.5, 2.5),  # or slower
        (lambda _n, t: 0.5 if t < WAIT / 2 else 2.0, 0.5),
        (lambda _n, t: 0.5 if t < 0.9 * WAIT else 2.0, 0.5),
        (lambda _n, t: 2.0 if t < WAIT / 2 else 0.5, 2.0),
        (lambda n, _t: 0.2 + 1.5 * (n % 7 == 0), 0.5),
        (lambda n, _t: 20.0 if n % 50 == 49 else 0.5, 0.5),  # validations that take long
        (lambda n, _t: 100.0 if n == 100 else 0.5, 0.5),  # asleep, and awake in time
    ],
)
def test_a_run_takes_the_time_it_was_given(step_seconds, planned):
    seconds, _steps, factors = run(step_seconds, planned=planned)
    assert abs(seconds - WAIT) < 0.1 * WAIT
    assert max(factors) == 1.0
    assert falls_to_zero(factors)


def test_a_run_that_slept_past_its_end_still_cools_and_soon():
    seconds, steps, factors = run(lambda n, _t: 3_600.0 if n == 200 else 0.5)
    assert seconds - 100.0 - 3_600.0 < 0.1 * WAIT
    assert steps > 210
    assert falls_to_zero(factors)


def test_a_few_seconds_are_enough_for_a_run():
    seconds, _steps, factors = run(lambda _n, _t: 0.4, wait=6.0, planned=0.4)
    assert abs(seconds - 6.0) < 0.6
    assert factors[0] > 0
    assert factors[-1] < 0.2


def test_what_follows_the_last_step_is_in_the_time():
    slow = 2.0
    seconds, _steps, _factors = run(lambda _n, t: 0.5 if t < 100 else slow, planned=0.5, closing=20)
    assert abs(seconds + 20 * slow - WAIT) < 0.1 * WAIT


def test_a_faster_machine_takes_more_steps_until_they_are_enough():
    def speeds_up(_n, t):
        return 1.0 if t < 50 else 0.1

    _seconds, steps, _factors = run(speeds_up, planned=1.0)
    assert steps > 2_000
    seconds, steps, factors = run(speeds_up, planned=1.0, most_steps=400)
    assert (steps, seconds < 100) == (400, True)
    assert falls_to_zero(factors)


def test_without_a_clock_the_steps_alone_count():
    schedule = Schedule(1_000, 1_000)
    factors = [schedule.factor()]
    for step in range(1_000):
        schedule.advance(1e6 * step)
        factors.append(schedule.factor())
    assert (schedule.step, schedule.share) == (1_000, 1.0)
    assert factors[0] < 0.1
    assert factors[300] == 1.0
    assert factors[700] == pytest.approx(0.5)
    assert factors[-1] == 0.0
    assert falls_to_zero(factors)


def test_even_a_run_of_one_step_has_a_learning_rate():
    assert Schedule(1, 1).factor() > 0


class Clock:
    """Seconds that pass only where a test says so."""

    def __init__(self):
        self.now = 1_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    """A clock on which a step takes a second, and from step 40 on four."""
    clock = Clock()
    step = DescentTrainer.training_step

    def training_step(self, *args, **kwargs):
        clock.now += (1.0 if self.state.global_step < 40 else 4.0) / self.plan.accumulation
        return step(self, *args, **kwargs)

    monkeypatch.setattr(DescentTrainer, "training_step", training_step)
    return clock


SIZES = Sizes(layers=1, hidden_size=16, heads=2, context=16, dropout=0.1)


def plan(**changes):
    values = {
        "family": "decoder",
        "task": "causal",
        "sizes": SIZES,
        "vocabulary": 50,
        "parameters": 1,
        "batch": 4,
        "rows": 4,
        "row_tokens": 16.0,
        "accumulation": 1,
        "processes": 1,
        "steps": 100,
        "most_steps": 1_000,
        "epochs": 1.0,
        "learning_rate": 0.01,
        "attention": None,
        "bfloat16": False,
        "seed": 3,
        "timed": True,
        "seconds": 100.0,
        "step_seconds": 1.0,
        "scoring_steps": 0.1,
        "memory_bytes": 1,
        "device": "cpu",
        "processor": "",
    }
    return Plan(**{**values, **changes})


def model(sizes=SIZES):
    torch.manual_seed(0)
    return build(family("decoder"), sizes, 50, SpecialIds(1, 2, 0))


def packed(context=16):
    tokens = np.random.default_rng(0).integers(4, 50, 1_000).astype(np.uint16)
    offsets = np.arange(0, 1_001, 10)
    hidden = np.zeros((0, 2), np.int64)
    stream = TokenStream(tokens, offsets, None, 1_000, hidden)
    return Packed(stream, context, seed=3, aligned=True)


@pytest.mark.parametrize("cost", [0.5, 15.0])
def test_a_run_with_validations_ends_in_time(tmp_path, clock, cost):
    rates, closing = [], 3 * cost

    def validate(_model):
        clock.now += cost
        return Metrics({"loss": 1.0 / len(rates)}, cost)

    def listen(event):
        if type(event).__name__ == "Progress":
            rates.append(event)

    hooks = Hooks(listen, validate, validation_steps=0.5, closing_steps=2.0)
    began = clock.now - 10.0  # reading took ten seconds
    result = descend(model(), packed(), plan(), tmp_path, hooks, Timer(began, 120.0, clock))
    assert abs(clock.now - began + closing - 120.0) < 12.0
    assert result.stopped is None
    assert result.steps < 70
    assert rates[-1].steps == result.steps


def test_a_timed_run_resumes_to_the_same_weights(tmp_path, clock, monkeypatch):
    def train(folder, every, **more):
        monkeypatch.setattr(control, "CHECKPOINT_SECONDS", every)
        timer = Timer(clock.now, 100.0, clock)
        trained = model()
        return trained, descend(trained, packed(), plan(), folder, Hooks(), timer, **more)

    whole, result = train(tmp_path / "whole", 1e9)

    def stop_after(_self, *_args, **_more):
        if latest(tmp_path / "killed"):
            raise SystemExit

    with monkeypatch.context() as killing:
        killing.setattr(control.RunControl, "on_step_begin", stop_after, raising=False)
        with pytest.raises(SystemExit):
            train(tmp_path / "killed", 45.0)
    resumed, again = train(tmp_path / "killed", 1e9, checkpoint=latest(tmp_path / "killed"))
    assert again.steps == result.steps
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_run_in_bfloat16_resumes_to_the_same_weights_and_is_handed_back_as_it_is_saved(
    tmp_path, clock, monkeypatch
):
    mixed = plan(bfloat16=True, timed=False, steps=60, most_steps=60)

    def train(folder, **more):
        monkeypatch.setattr(control, "CHECKPOINT_SECONDS", 20.0)
        trained = model()
        descend(trained, packed(), mixed, folder, Hooks(), Timer(clock.now, None, clock), **more)
        return trained

    whole = train(tmp_path / "whole")
    # The checkpoint before the last one: epochs after the first have an order of their own.
    first = sorted((tmp_path / "whole").glob("checkpoint-*"))[0]
    resumed = train(tmp_path / "again", checkpoint=first)
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)
    whole.save_pretrained(tmp_path / "saved")
    loaded = model()
    loaded.load_state_dict(load_file(tmp_path / "saved" / "model.safetensors"))
    ids = packed().batch([0, 1])["input_ids"]
    assert torch.equal(whole(ids).logits, loaded.eval()(ids).logits)


def test_the_loss_that_is_shown_does_not_depend_on_how_a_batch_is_cut(tmp_path, clock):
    shown = []
    for rows, accumulation in ((4, 1), (1, 4)):
        losses = []

        def listen(event, losses=losses):
            if type(event).__name__ == "Progress":
                losses.append(event.loss)

        cut = plan(
            rows=rows,
            accumulation=accumulation,
            timed=False,
            steps=3,
            most_steps=3,
            sizes=Sizes(layers=1, hidden_size=16, heads=2, context=16),
        )
        timer = Timer(clock.now, None, clock)
        folder = tmp_path / str(rows)
        descend(model(cut.sizes), packed(), cut, folder, Hooks(listen), timer)
        shown.append(losses)
    assert shown[0] == pytest.approx(shown[1], rel=1e-3)
    assert shown[0][0] > 3.0
