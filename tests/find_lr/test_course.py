import math

import pytest

from tests.find_lr.bowls import Bowl, Deaf
from unstuck.find_lr.course import course, shown_by
from unstuck.find_lr.trainer import Trial


@pytest.mark.parametrize(
    ("curvature", "threshold", "too_high"), [(10.0, 0.1, 0.2), (5.0, 0.3, 0.4), (3.0, 0.6, 0.7), (3000.0, 6e-4, 7e-4)]
)
def test_the_threshold_is_the_last_fine_step_below_two_over_the_curvature(
    curvature: float, threshold: float, too_high: float
) -> None:
    found = course(Bowl(curvature=curvature), steps=48)
    assert found.threshold == pytest.approx(threshold)
    assert found.too_high == pytest.approx(too_high)
    assert found.rate == pytest.approx(threshold / 2.0)
    assert found.threshold < 2.0 / curvature <= found.too_high * (1 + 1e-9)


def test_the_record_shows_each_try_as_the_course_goes() -> None:
    tries = course(Bowl(curvature=5.0), steps=48).tries
    assert [one.rate for one in tries] == pytest.approx([0.01, 0.1, 1.0, 0.5, 0.2, 0.3, 0.4])
    assert [one.shown for one in tries][:3] == ["falls", "falls", "is no number"]
    assert str(tries[1]) == "0.1 (ten times as much): the loss falls from 3.5 to 1"


def test_where_it_does_not_fall_at_the_start_it_goes_down() -> None:
    tries = course(Bowl(curvature=3000.0), steps=48).tries
    assert [one.rate for one in tries][:3] == pytest.approx([0.01, 0.001, 0.0001])
    assert tries[0].shown in ("grows", "is no number")


def test_where_it_stands_still_it_goes_up() -> None:
    found = course(Bowl(curvature=1e-5, floor=0.0, noise=1e-6), steps=48)
    assert found.threshold is not None
    assert found.threshold > 1e3 / 10


def test_where_nothing_is_learnt_there_is_no_threshold() -> None:
    found = course(Deaf(), steps=48)
    assert found.threshold is None
    assert found.rate is None
    assert all(one.shown == "stands still" for one in found.tries)


def test_the_range_is_kept() -> None:
    tries = course(Bowl(curvature=0.01), steps=48, low=1e-3, high=0.5).tries
    assert max(one.rate for one in tries) <= 0.5


def trial(*losses: float) -> Trial:
    return Trial((0.1,) * len(losses), losses)


STILL = trial(*[2.0 + 0.01 * (-1) ** k for k in range(24)])


@pytest.mark.parametrize(
    ("losses", "shown"),
    [
        ([2.0 * 0.9**k for k in range(24)], "falls"),
        ([2.0 + 0.01 * (-1) ** k for k in range(24)], "stands still"),
        ([2.0 + 0.1 * k for k in range(24)], "grows"),
        ([2.0 + 1.5 * (-1) ** k for k in range(24)], "swings"),
        ([2.0 - 0.2 * k if k < 8 else 0.4 + 0.1 * (k - 8) for k in range(24)], "swings"),
        ([2.0, 5.0, math.inf], "is no number"),
        ([2.0, 900.0], "grows"),
    ],
)
def test_what_a_loss_does_is_named(losses: list[float], shown: str) -> None:
    assert shown_by(trial(*losses), STILL) == shown
