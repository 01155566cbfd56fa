import math
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from tests.find_lr.bowls import Bowl, Deaf
from unstuck.find_lr.short_trainings import Round, ShortTrainings, grid, short_trainings
from unstuck.find_lr.trainer import Trial

GRID = grid(0.01, 0.3)


@pytest.mark.parametrize("curvature", [1e-2, 1.0, 10.0, 1e3])
def test_the_best_rate_of_a_bowl_is_found_also_beyond_the_grid(curvature: float) -> None:
    found = short_trainings(Bowl(curvature=curvature), GRID, lengths=(3, 9))
    assert found.rate is not None
    low, high = found.band or (0.0, 0.0)
    assert low <= found.rate <= high
    assert 0.2 / curvature < found.rate < 2.0 / curvature


def test_the_range_is_kept() -> None:
    found = short_trainings(Bowl(curvature=1e-2), GRID, lengths=(3, 9), high=0.5)
    assert max(max(done.rates) for done in found.rounds) <= 0.5


def test_the_share_that_lasts_is_not_below_the_range() -> None:
    found = short_trainings(Bowl(curvature=1.0), grid(1.0, 1.1), lengths=(3, 9), low=1.0, high=1.1)
    assert (found.rate, found.band) == (1.0, (1.0, 1.0))


def test_the_longer_round_begins_with_the_best_of_the_shorter_and_two_lower_ones() -> None:
    found = short_trainings(Bowl(noise=0.01), GRID, lengths=(8, 24))
    assert [done.steps for done in found.rounds] == [8, 24]
    best = GRID.index(found.rounds[0].rates[found.rounds[0].best])
    assert found.rounds[1].rates == GRID[best - 2 : best + 1]


@pytest.mark.parametrize("begins", [GRID[:2], GRID[-2:]])
def test_a_round_ends_when_the_best_rate_lies_between_two_that_are_worse(begins: tuple[float, ...]) -> None:
    (done,) = short_trainings(Bowl(curvature=3.0), begins, lengths=(4,)).rounds
    below, best, above = done.gains[done.best - 1 : done.best + 2]
    assert below < best > above


def test_where_nothing_is_learnt_there_is_no_rate() -> None:
    found = short_trainings(Deaf(), GRID, lengths=(8, 24))
    assert (found.rate, found.band) == (None, None)
    assert (ShortTrainings(rounds=()).rate, ShortTrainings(rounds=()).band) == (None, None)


def test_where_the_short_round_shows_nothing_the_long_one_tries_the_whole_range() -> None:
    @dataclass
    class Late(Bowl):
        """A plateau of twenty updates, then a bowl."""

        def train(self, rates: Sequence[float], *, repeat: int = 0) -> Trial:
            fell = super().train(rates[20:], repeat=repeat)
            flat = tuple(self.floor + self.curvature / 2 for _ in rates[:20])
            return Trial(tuple(rates), (*flat, *fell.losses))

    found = short_trainings(Late(noise=0.0), GRID, lengths=(8, 48))
    assert not found.rounds[0].learns
    assert found.rate is not None
    assert 0.02 < found.rate < 0.2


@pytest.mark.parametrize(
    ("low", "high", "rates"),
    [
        (0.01, 0.03, (0.01, 0.0158, 0.0251)),
        (0.9, 1.1, (1.0,)),
        (0.011, 0.012, (0.0115,)),
        (1.0, 1.0, (1.0,)),
    ],
)
def test_rates_of_the_grid_are_the_same_wherever_it_begins(low: float, high: float, rates: tuple[float, ...]) -> None:
    assert grid(low, high) == rates


def ended(gains: tuple[float, ...], *, error: float = 0.01) -> ShortTrainings:
    rates = tuple(10.0 ** (k / 5) for k in range(len(gains)))
    done = Round(steps=10, rates=rates, gains=gains, error=error, reached=(0.0,) * len(gains))
    return ShortTrainings(rounds=(done,))


def test_the_rate_is_a_share_of_the_top_of_the_parabola() -> None:
    top = 1.1  # in steps of the grid
    found = ended(tuple(1.0 - 0.1 * (k - top) ** 2 for k in range(3)))
    assert found.rounds[0].top == pytest.approx(10 ** (top / 5))
    assert found.rate == pytest.approx(0.8 * 10 ** (top / 5), rel=0.01)


@pytest.mark.parametrize("lost", [-1e6, -math.inf])
def test_how_much_worse_a_rate_that_went_to_pieces_is_says_no_more_than_that_it_is_too_high(lost: float) -> None:
    assert ended((0.9, 1.0, lost)).rounds[0].top == pytest.approx(10 ** (0.75 / 5))
    assert ended((lost, 1.0, 0.9)).rounds[0].top == pytest.approx(10 ** (1.25 / 5))


@pytest.mark.parametrize("gains", [(1.0,), (1.0, 0.5), (0.5, 1.0), (1.0, 1.0, 1.0), (-math.inf, 1.0, -math.inf)])
def test_without_a_parabola_it_is_a_share_of_the_best(gains: tuple[float, ...]) -> None:
    done = ended(gains).rounds[0]
    assert done.top == done.rates[done.best]


def test_the_band_goes_from_the_rate_to_the_highest_that_gains_nearly_as_much() -> None:
    found = ended((0.5, 0.96, 1.0, 0.96, 0.9))
    assert found.rate is not None
    assert found.band == pytest.approx((10 ** (1 / 5), 10 ** (3 / 5)))
    steep = ended((0.5, 1.0, 0.6))
    assert steep.rate is not None
    assert steep.band == pytest.approx((steep.rate, 10 ** (1 / 5)))


def test_a_gain_within_its_noise_is_none() -> None:
    assert ended((0.01, 0.02)).rate is None
