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


def ended(gains: tuple[float, ...], *, differences: tuple[float, ...], error: float = 0.01) -> ShortTrainings:
    rates = tuple(float(k + 1) for k in range(len(gains)))
    reached = (0.0,) * len(gains)
    done = Round(steps=10, rates=rates, gains=gains, error=error, differences=differences, reached=reached)
    return ShortTrainings(rounds=(done,))


def test_of_rates_that_cannot_be_told_from_the_best_the_lowest_is_begun_from() -> None:
    found = ended((0.5, 0.985, 1.0, 0.96), differences=(0.02, 0.02, 0.0, 0.02))
    assert found.rate == 1.4  # seven tenths
    assert found.band == (1.4, 4.0)


def test_one_that_is_worse_by_more_than_a_standard_error_is_not() -> None:
    found = ended((0.5, 0.985, 1.0, 0.96), differences=(0.02, 0.01, 0.0, 0.02))
    assert found.rate == 2.1
    assert found.band == (2.0, 4.0)


def test_differences_are_taken_batch_by_batch() -> None:
    """Noise that all rates share says nothing against telling them apart."""
    last = short_trainings(Bowl(noise=0.01), GRID, lengths=(8, 24)).rounds[-1]
    assert max(last.differences) < 0.001
    assert len(last.differences) == len(last.rates)


def test_a_gain_within_its_noise_is_none() -> None:
    assert ended((0.01, 0.02), differences=(0.0, 0.0)).rate is None
