from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from tests.find_lr.bowls import Bowl, Deaf
from unstuck.find_lr.range_test import judged, ramp, range_test
from unstuck.find_lr.trainer import Trial

RAMP = ramp(1e-6, 100.0, 64)


@pytest.mark.parametrize("curvature", [0.1, 10.0, 1000.0])
@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_the_marks_lie_where_the_bowl_has_them(curvature: float, noise: float) -> None:
    found = range_test(Bowl(curvature=curvature, noise=noise * curvature), RAMP)
    assert found.starts is not None
    assert found.lowest is not None
    assert found.rate is not None
    assert found.starts < found.steepest < 2.0 / curvature
    assert 0.5 / curvature < found.lowest < 8.0 / curvature
    assert 0.2 / curvature < found.rate < 2.0 / curvature
    assert found.worse is None or found.worse > 2.0 / curvature


def test_gain_and_slope_are_those_of_a_straight_line() -> None:
    rates = ramp(1e-3, 1.0, 31)
    still = Trial((0.0,) * 31, (5.0,) * 31)
    falls = Trial(rates, tuple(float(5.0 - 0.7 * (np.log10(rate) + 3.0)) for rate in rates))
    found = judged(rates, [(falls, still)])
    assert found.slope == pytest.approx(0.7)
    assert found.gain[-1] == pytest.approx(2.1)
    assert found.lowest == pytest.approx(1.0)


def test_repeats_see_other_batches_and_are_compared_with_their_own() -> None:
    found = range_test(Bowl(noise=2.0), RAMP, repeats=3)
    clean = range_test(Bowl(), RAMP, repeats=1)
    assert len(found.losses) == 2
    assert found.lowest == clean.lowest


class Restless(Bowl):
    """Each repeat has a valley three times as steep as the one before."""

    def train(self, rates: Sequence[float], *, repeat: int = 0) -> Trial:
        self.asked = [*getattr(self, "asked", []), (repeat, rates[-1])]
        return replace(Bowl(), curvature=self.curvature * 3.0**repeat).train(rates, repeat=repeat)


def test_repeats_go_on_while_they_differ_and_no_further_than_where_the_loss_was_above_its_start() -> None:
    trainer = Restless()
    found = range_test(trainer, RAMP, repeats=3)
    assert len(found.losses) == 3
    ends = {repeat: last for repeat, last in trainer.asked if last > 0.0}
    assert ends[0] == RAMP[-1]
    assert ends[0] > ends[1] > ends[2] > 0.2


def test_a_loss_beyond_the_bound_is_no_part_of_the_gain() -> None:
    rates = ramp(1e-3, 10.0, 20)
    still = Trial((0.0,) * 20, (1.0,) * 20)
    ends = Trial(rates[:10], (*[1.0 - 0.05 * k for k in range(9)], 500.0), "the loss grew to 500")
    found = judged(rates, [(ends, still)])
    assert (len(found.rates), found.worse) == (9, rates[9])


def test_where_nothing_is_learnt_there_is_no_rate() -> None:
    found = range_test(Deaf(), RAMP)
    assert (found.rate, found.starts, found.steepest, found.lowest) == (None, None, None, None)


def test_a_loss_that_ends_early_ends_the_ramp_for_all() -> None:
    rates = ramp(1e-3, 10.0, 20)
    still = Trial((0.0,) * 20, (1.0,) * 20)
    ends = Trial(rates[:10], (*[1.0 - 0.05 * k for k in range(9)], float("nan")))
    goes_on = Trial(rates, tuple(1.0 - 0.04 * k for k in range(20)))
    found = judged(rates, [(ends, still), (goes_on, still)])
    assert len(found.rates) == 9
    assert found.worse == rates[9]


def test_with_momentum_a_tenth_is_taken() -> None:
    plain = range_test(Bowl(), RAMP)
    inert = range_test(Bowl(momentum=0.9), RAMP)
    assert plain.rate == pytest.approx(plain.lowest / 3.0)
    assert inert.rate == pytest.approx(inert.lowest / 10.0)


def test_a_ramp_of_few_points_is_judged_too() -> None:
    assert range_test(Bowl(), ramp(1e-4, 10.0, 8)).rate is not None
    assert range_test(Bowl(curvature=1e40), ramp(1e-4, 10.0, 8)).rate is None
