import pytest

from tests.find_lr.bowls import Bowl, Deaf
from unstuck.find_lr.short_trainings import Round, ShortTrainings, short_trainings

GRID = tuple(0.01 * 10 ** (0.2 * k) for k in range(8))


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


def test_later_rounds_are_longer_and_fewer() -> None:
    found = short_trainings(Bowl(noise=0.01), GRID, lengths=(8, 24, 72))
    assert [done.steps for done in found.rounds] == [8, 24, 72]
    assert len(found.rounds[0].rates) > len(found.rounds[1].rates) >= len(found.rounds[2].rates)


def test_where_nothing_is_learnt_there_is_no_rate() -> None:
    found = short_trainings(Deaf(), GRID, lengths=(8, 24))
    assert (found.rate, found.band) == (None, None)
    assert (ShortTrainings(rounds=()).rate, ShortTrainings(rounds=()).band) == (None, None)


def test_of_rates_that_do_equally_well_the_lowest_is_begun_from() -> None:
    done = Round(steps=10, rates=(1.0, 2.0, 3.0, 4.0), gains=(0.5, 0.985, 1.0, 0.96), error=0.01, reached=(0.0,) * 4)
    found = ShortTrainings(rounds=(done,))
    assert found.rate == 1.4  # seven tenths
    assert found.band == (1.4, 4.0)


def test_a_gain_within_its_noise_is_none() -> None:
    done = Round(steps=10, rates=(1.0, 2.0), gains=(0.01, 0.02), error=0.01, reached=(0.0, 0.0))
    assert ShortTrainings(rounds=(done,)).rate is None
