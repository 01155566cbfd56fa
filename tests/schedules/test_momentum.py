import math

import numpy as np
import pytest

from unstuck.schedules import FixedMomentum, LinearMomentum, SutskeverMomentum


def test_fixed(optimizer):
    assert (FixedMomentum(optimizer).curve(5) == 0.9).all()


def test_linear_meets_both_ends_exactly_and_stays(optimizer):
    curve = LinearMomentum(optimizer, 100).curve(150)
    assert curve[0] == 0.5
    assert (curve[100:] == 0.99).all()
    np.testing.assert_allclose(np.diff(curve[:101]), 0.0049, rtol=1e-9)


def test_sutskever_as_published(optimizer):
    curve = SutskeverMomentum(optimizer, 0.995).curve(40_000)
    np.testing.assert_allclose(curve[[0, 250, 500, 750]], [0.5, 0.75, 1 - 1 / 6, 0.875], rtol=1e-15)
    t = np.arange(40_000)
    literal = np.minimum(1 - 2.0 ** (-1 - np.log2(t // 250 + 1)), 0.995)
    np.testing.assert_allclose(curve, literal, rtol=1e-12)
    assert curve.max() == 0.995


@pytest.mark.parametrize("value", [1.0, -0.1, math.nan])
def test_momentum_out_of_range(optimizer, value):
    for build in (
        lambda: LinearMomentum(optimizer, 10, start=value),
        lambda: LinearMomentum(optimizer, 10, end=value),
        lambda: SutskeverMomentum(optimizer, value),
    ):
        with pytest.raises(ValueError, match="must be finite and at least 0, below 1, got"):
            build()
