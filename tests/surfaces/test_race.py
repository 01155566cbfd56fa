"""A race against the ordinary optimizers, step by step, and against the figures that lectures give."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from unstuck.errors import ArgumentError
from unstuck.optim import LookAheadNesterov
from unstuck.surfaces import SURFACES, Entry, define, kernel, race
from unstuck.surfaces.kernel import compile_loop, compile_surface
from unstuck.surfaces.outcome import outcomes
from unstuck.train.optimizer import OPTIMIZERS
from unstuck.train.schedule import build_momentum_schedule, build_schedule

METHODS = (
    "sgd lr=1e-3",
    "sgd lr=1e-3 momentum=0.9 dampening=0.5 weight_decay=0.01",
    "sgd lr=1e-3 momentum=0.9 nesterov=true",
    "momentum lr=1e-3",
    "averaged-momentum lr=1e-3",
    "nesterov lr=1e-3",
    "look-ahead-nesterov lr=1e-3 weight_decay=0.1",
    "adagrad lr=0.1 lr_decay=0.01 initial_accumulator_value=0.1",
    "mean-adagrad lr=0.01 schedule=inverse-time rate=0.05",
    "rmsprop lr=1e-3 momentum=0.5 centered=true",
    "rmsprop lr=0.01",
    "adam lr=0.01 amsgrad=true schedule=cosine warmup=20",
    "adam lr=0.01 momentum-schedule=linear total_steps=50",
    "adamw lr=0.01 weight_decay=0.1",
    "radam lr=0.01",
)
SMOOTH = ("bowl", "rosenbrock", "beale", "saddle", "cliff", "crescent", "local-minimum")
STEPS = 150


def ordinary(surface, entry, steps):
    """The same race by the optimizer's own steps and torch's gradients."""
    w = nn.Parameter(torch.tensor(surface.start, dtype=torch.float64))
    optimizer = OPTIMIZERS[entry.method]([w], **entry.constants, engine="torch")
    length = {"epochs": steps, "steps_per_epoch": 1, "unit": "step"}
    schedules = [build_schedule(entry.schedule, optimizer, entry.schedule_constants, **length, warmup=entry.warmup)]
    if entry.momentum_schedule != "fixed":
        schedules.append(
            build_momentum_schedule(entry.momentum_schedule, optimizer, entry.momentum_constants, **length)
        )
    points = [w.detach().clone()]

    def closure():
        optimizer.zero_grad()
        loss = surface.function(w[0], w[1])
        loss.backward()
        return loss

    for _ in range(steps):
        if isinstance(optimizer, LookAheadNesterov):
            with optimizer.look_ahead():
                closure()
        else:
            closure()
        optimizer.step()
        for schedule in schedules:
            schedule.step()
        points.append(w.detach().clone())
    return torch.stack(points).numpy()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", SMOOTH)
def test_a_race_takes_the_steps_of_the_ordinary_optimizer(name, method):
    surface, entry = SURFACES[name], Entry.parse(method)
    (track,) = race(surface, [entry], steps=STEPS)
    assert track.last == STEPS
    np.testing.assert_allclose(track.points, ordinary(surface, entry, STEPS), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_without_numba_the_steps_are_the_same(method, monkeypatch):
    surface, entry = SURFACES["beale"], Entry.parse(method)
    (fast,) = race(surface, [entry], steps=30)
    assert compile_surface(surface)[1]
    compile_surface.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(kernel, "available", lambda: False)
        (slow,) = race(surface, [entry], steps=30)
    assert not compile_surface(surface)[1]
    compile_surface.cache_clear()
    np.testing.assert_allclose(slow.points, fast.points, rtol=1e-9, atol=1e-9)


REGRESSION = {
    "adagrad lr=1 eps=0": (-188.3668387495, 2.6692640713),
    "sgd lr=1e-7": (-123.692, 2.4834),
    "sgd lr=1e-6": (-149.229, 2.5568),
}


@pytest.mark.parametrize("text", REGRESSION)
def test_the_regression_of_ten_points_ends_where_the_lecture_says(text):
    (track,) = race(SURFACES["regression"], [Entry.parse(text)], steps=100_000)
    assert track.points[-1] == pytest.approx(REGRESSION[text], rel=2e-6 if "lr=1 " in text else 2e-5)


def test_a_rate_above_the_stable_one_diverges_and_the_track_ends_there():
    (track,) = race(SURFACES["regression"], [Entry.parse("sgd lr=1e-5")], steps=1000)
    assert track.diverged
    assert np.argmax(track.losses > 1e200) <= 84
    assert np.isnan(track.points[track.last + 1 :]).all()


def test_the_rate_that_bounces_and_the_rate_that_never_arrives():
    bouncing, crawling = race(
        SURFACES["valley"], [Entry.parse("sgd lr=1e-2"), Entry.parse("sgd lr=1e-7")], steps=100_000
    )
    assert bouncing.losses[-1] > 30
    assert np.all(np.diff(np.sign(bouncing.points[-100:, 1])) != 0)
    assert abs(crawling.points[-1, 1]) < 0.02
    assert crawling.points[-1, 0] < -3.9


def test_what_a_track_holds():
    (track,) = race(SURFACES["bowl"], [Entry.parse("momentum lr=0.01 momentum=0.5")], steps=3)
    np.testing.assert_allclose(track.gradients[0], [-4.0, 30.0])
    np.testing.assert_allclose(track.states["velocity"][:2], [[0, 0], [0.04, -0.3]])
    np.testing.assert_allclose(track.moves[0], [0.04, -0.3])
    np.testing.assert_allclose(track.effective_rates[0], 0.01)
    np.testing.assert_allclose(track.lengths[0], np.hypot(0.04, 0.3))
    assert np.isnan(track.lengths[-1])
    assert track.losses[0] == SURFACES["bowl"].loss(-4.0, 1.5)


def test_adagrads_sum_starts_where_the_optimizer_starts_it():
    (track,) = race(SURFACES["bowl"], [Entry.parse("adagrad lr=0.1 initial_accumulator_value=2")], steps=1)
    np.testing.assert_array_equal(track.states["sum"][0], [2.0, 2.0])


def test_a_rate_is_found_where_none_is_given():
    (track,) = race(SURFACES["bowl"], [Entry.parse("sgd")], steps=200)
    assert track.found
    assert 0.02 <= track.entry.constants["lr"] < 0.1  # 2 / 20 is where it diverges
    assert track.losses[-1] < 1e-3


def test_noise_is_the_same_for_all_and_for_each_run():
    entries = [Entry.parse("sgd lr=0.01 noise=1"), Entry.parse("sgd lr=0.01 noise=2"), Entry.parse("sgd lr=0.01")]
    one, two, none = race(SURFACES["bowl"], entries, steps=20, seed=3)
    again, *_ = race(SURFACES["bowl"], entries, steps=20, seed=3)
    np.testing.assert_array_equal(one.points, again.points)
    np.testing.assert_allclose(two.gradients[0] - none.gradients[0], 2 * (one.gradients[0] - none.gradients[0]))
    assert not np.array_equal(race(SURFACES["bowl"], entries[:1], steps=20, seed=4)[0].points, one.points)


def test_an_overflow_in_a_called_function_is_divergence():
    import math

    surface = define("f", lambda x, y: math.cosh(float(x)) + y * y, start=(3.0, 1.0), window=(-4, 4, -4, 4))
    (track,) = race(surface, [Entry.parse("sgd lr=1000")], steps=50)
    assert track.diverged


def test_where_a_function_raises_on_the_way_it_is_nan_and_the_reason_is_kept():
    def steep(x, y):
        if x < 0.5:
            raise RuntimeError("out of range")
        return float(x) ** 2 + float(y)

    surface = define("f", steep, start=(1.0, 1.0), window=(0, 2, 0, 2))
    (track,) = race(surface, [Entry.parse("sgd lr=0.1")], steps=50)
    assert str(outcomes([track])[0]) == "meets NaN at step 4"
    assert "raises at x = 0.4" in surface.refused[0]
    assert "out of range" in surface.refused[0]


@pytest.mark.parametrize("steps", [0, -1, 10**9])
def test_a_number_of_steps_is_accepted_within_bounds(steps):
    with pytest.raises(ArgumentError, match="1 to 1,000,000"):
        race(SURFACES["bowl"], [Entry.parse("sgd lr=0.1")], steps=steps)


def test_some_method_is_needed():
    with pytest.raises(ArgumentError, match="no method"):
        race(SURFACES["bowl"], [], steps=10)


def test_a_loop_is_compiled_once():
    optimizer = Entry.parse("sgd lr=1").optimizer((0.0, 0.0))
    rule = optimizer.rule(optimizer.param_groups[0])
    assert compile_loop(rule, ahead=False, compiled=True) is compile_loop(rule, ahead=False, compiled=True)
