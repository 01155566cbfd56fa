"""Losses that are thrown, and those that only look like it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from unstuck.learning.curve import Curve
from unstuck.learning.spikes import calm, highest_usual, spikes, without

STEPS = np.arange(1000)


def noisy(spread: float, *, seed: int = 0) -> NDArray[np.float64]:
    """A loss that falls to a tenth and scatters."""
    return np.exp(spread * np.random.default_rng(seed).standard_normal(1000) - 2.3 * STEPS / 1000)


def test_steps_level_and_height_are_those_of_the_spike() -> None:
    losses = noisy(0.1)
    losses[[400, 700]] = 50.0, 900.0
    first, second = spikes(Curve(STEPS, losses))
    assert (first.step, first.value, second.step, second.value) == (400, 50.0, 700, 900.0)
    assert first.level == pytest.approx(np.exp(-2.3 * 0.34), rel=0.1)


def test_what_follows_a_spike_belongs_to_it() -> None:
    losses = noisy(0.1)
    losses[500:560] += 1e4 * np.exp(-np.arange(60) / 10)
    assert [spike.step for spike in spikes(Curve(STEPS, losses))] == [500]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("spread", [0.0, 0.05, 0.5, 1.5])
def test_scatter_has_no_spikes(spread: float, seed: int) -> None:
    assert not spikes(Curve(STEPS, noisy(spread, seed=seed)))


def test_exponential_losses_of_single_examples_have_no_spikes() -> None:
    losses = np.random.default_rng(0).exponential(size=1000)
    assert not spikes(Curve(STEPS, losses))


def test_a_loss_that_stays_up_was_not_thrown() -> None:
    losses = noisy(0.1)
    losses[600:] = 1e4
    assert not spikes(Curve(STEPS, losses))


def test_a_loss_that_comes_back_in_part_was_thrown() -> None:
    losses = noisy(0.1)
    losses[600] = 1e5
    losses[601:] *= 30.0
    assert [spike.step for spike in spikes(Curve(STEPS, losses))] == [600]


def test_a_loss_that_falls_below_zero_has_no_spikes_that_could_be_judged() -> None:
    losses = noisy(0.1) - 0.5
    losses[800] = 1e6
    assert not spikes(Curve(STEPS, losses))


def test_of_a_thinned_curve_the_steps_are_given() -> None:
    losses, kept = noisy(0.1), np.concatenate([np.arange(64), np.arange(64, 1000, 4)])
    losses[800] = 1e3
    assert [spike.step for spike in spikes(Curve(kept, losses[kept]))] == [800]


@pytest.mark.parametrize(("last", "found"), [(2.9, 0), (3.1, 1)])
def test_a_loss_that_does_not_scatter_must_be_threefold(last: float, found: int) -> None:
    losses = np.ones(200)
    losses[100] = last
    assert len(spikes(Curve(np.arange(200), losses))) == found


def test_the_limit_lies_eight_deviations_up() -> None:
    logs = np.where(np.arange(64) % 2, 0.5, -0.5)
    assert highest_usual(np.exp(logs)) == pytest.approx(np.exp(8.0 * 1.4826 * 0.5))
    assert highest_usual(np.exp(logs)[:31]) == np.inf
    assert highest_usual([*np.exp(logs), 0.0]) == np.inf


def test_steps_are_left_out() -> None:
    left = without(Curve(STEPS, noisy(0.1)), [3, 5])
    assert left.steps[:5].tolist() == [0, 1, 2, 4, 6]


def test_a_calm_curve_has_no_spikes_and_all_else() -> None:
    losses = noisy(0.1)
    losses[500] = 1e3
    assert calm(Curve(STEPS, losses)).steps.tolist() == np.delete(STEPS, 500).tolist()
    assert calm(Curve(STEPS, noisy(0.1))).steps.tolist() == STEPS.tolist()
