from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unstuck.learning.curve import Curve, level, noise
from unstuck.record import Series

rng_seeds = st.integers(0, 2**32 - 1)


def curve(values: np.ndarray, steps: np.ndarray | None = None) -> Curve:
    return Curve.of(Series(np.arange(len(values)) if steps is None else steps, np.asarray(values, dtype=np.float64)))


def exponential(length: int, constants: float, sigma: float, seed: int = 0) -> np.ndarray:
    time = np.linspace(0, 1, length)
    return 0.2 + 2.0 * np.exp(-constants * time) + sigma * np.random.default_rng(seed).normal(size=length)


def test_values_of_one_step_are_averaged_and_what_is_not_finite_is_left_out() -> None:
    joined = curve(np.array([1.0, 3.0, np.nan, 5.0, np.inf, 1e300]), np.array([0, 0, 1, 2, 3, 4]))
    assert joined.steps.tolist() == [0, 2, 4]
    assert joined.values.tolist() == [2.0, 5.0, 1e100]


def test_level_is_the_mean_of_skewed_noise_and_sheds_a_spike() -> None:
    values = np.random.default_rng(0).exponential(2.0, 5000)
    assert level(values).value == pytest.approx(2.0, abs=0.1)
    values[17] = 1e9
    assert level(values).value == pytest.approx(2.0, abs=0.15)


def test_the_start_is_the_first_loss_where_the_first_steps_throw_it() -> None:
    thrown = np.concatenate([[0.4], [900.0, 3000.0, 2000.0, 800.0], np.full(95, 0.5)])
    assert curve(thrown).start == 0.4
    noisy = 1.0 + np.random.default_rng(0).exponential(1.0, 100)
    noisy[0] = 0.01
    assert curve(noisy).start == np.median(noisy[:5])


@pytest.mark.parametrize("sigma", [0.01, 0.1, 1.0])
def test_errors_of_levels_are_honest(sigma: float) -> None:
    rng = np.random.default_rng(1)
    levels = [level(sigma * rng.normal(size=100)) for _ in range(400)]
    spread = np.std([one.value for one in levels])
    assert np.mean([one.error for one in levels]) == pytest.approx(spread, rel=0.25)


@given(rng_seeds, st.floats(0.001, 10.0))
def test_noise_is_that_of_the_samples_whatever_the_trend(seed: int, sigma: float) -> None:
    time = np.linspace(0, 1, 400)
    values = 100 * sigma * np.exp(-3 * time) + sigma * np.random.default_rng(seed).normal(size=400)
    assert noise(values) == pytest.approx(sigma, rel=0.35)


def test_a_trend_is_found_with_its_error() -> None:
    found = [
        curve(5.0 - 2.0 * np.linspace(0, 1, 200) + np.random.default_rng(s).normal(size=200)).trend(0, 1)
        for s in range(200)
    ]
    slopes = np.array([trend.slope for trend in found])
    assert slopes.mean() == pytest.approx(-2.0, abs=0.1)
    assert np.mean([trend.error for trend in found]) == pytest.approx(slopes.std(), rel=0.2)


def test_noise_alone_seldom_has_a_trend() -> None:
    falls = [curve(np.random.default_rng(s).normal(size=100)).trend(0, 1).falls for s in range(200)]
    assert np.mean(falls) < 0.01


@pytest.mark.parametrize(("constants", "pace"), [(0.01, 1.0), (1.0, 0.755), (2.0, 0.538), (5.0, 0.153)])
def test_pace_of_an_exponential(constants: float, pace: float) -> None:
    assert curve(exponential(2000, constants, 0.0)).pace(0.5) == pytest.approx(pace, rel=0.12)


def test_shapes_have_names() -> None:
    time = np.linspace(0, 1, 200)
    noisy = 0.05 * np.random.default_rng(0).normal(size=200)
    assert curve(2.3 - time + noisy).shape == "linear"
    assert curve(2.3 + noisy).shape == "flat"
    assert curve(2.3 * np.exp(-5 * time) + 0.3 + noisy).shape == "falling"
    assert curve(2.3 * np.exp(5 * time) + noisy).shape == "diverging"


@given(rng_seeds, st.floats(1e-6, 1e6), st.integers(1, 50), st.integers(0, 10**6), st.sampled_from([0.5, 2.0, 8.0]))
def test_units_and_clock_change_no_shape(seed: int, unit: float, stride: int, start: int, constants: float) -> None:
    values = exponential(150, constants, 0.05, seed)
    plain = curve(values)
    other = curve(unit * values, start + stride * np.arange(150))
    assert other.shape == plain.shape
    assert other.pace(0.5) == pytest.approx(plain.pace(0.5), rel=1e-6)
    assert other.falls_surely == plain.falls_surely
    assert other.scale == pytest.approx(unit * plain.scale, rel=1e-9)


def test_a_thinned_curve_is_read_by_its_steps() -> None:
    values = exponential(10_000, 4.0, 0.02)
    steps = np.concatenate([np.arange(64), np.arange(64, 10_000, 64)])
    whole, thinned = curve(values), curve(values[steps], steps)
    assert thinned.shape == whole.shape == "falling"
    assert thinned.pace(0.5) == pytest.approx(whole.pace(0.5), rel=0.15)
    assert thinned.best == pytest.approx(whole.best, rel=0.05)


@pytest.mark.parametrize("values", [[1.0], [1.0, 2.0], [0.0] * 30, [5.0] * 30])
def test_short_and_constant_curves_are_flat_and_raise_nothing(values: list[float]) -> None:
    short = curve(np.array(values))
    assert short.shape in ("flat", "diverging")
    assert short.scale > 0
    assert not short.falls_surely


def test_a_rise_is_sure_where_noise_does_not_explain_it() -> None:
    noise = 0.02 * np.random.default_rng(0).normal(size=200)
    steps = np.arange(200)
    assert Curve(steps, np.linspace(1.0, 2.0, 200) + noise).rises_surely
    assert not Curve(steps, np.ones(200) + noise).rises_surely
    assert not Curve(steps, np.linspace(2.0, 1.0, 200) + noise).rises_surely


@pytest.mark.parametrize(("steps", "begins"), [(200, 180), (30, 25), (3, 0), (1, 0)])
def test_the_end_is_the_last_tenth_or_the_last_five(steps: int, begins: int) -> None:
    values = np.arange(float(steps))
    known = curve(values)
    assert known.ending == begins
    assert known.end.value == pytest.approx(values[begins:].mean())
