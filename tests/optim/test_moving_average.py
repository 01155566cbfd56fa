"""A bias-corrected mean of constants is that constant, from the first value on."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unstuck.errors import ArgumentError
from unstuck.optim import MovingAverage

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30)


@given(VALUES, st.floats(0, 0.999))
def test_it_is_a_weighted_mean(values, beta):
    smooth = MovingAverage(beta)
    for value in values:
        smooth.update(value)
    weights = np.array([beta ** (len(values) - 1 - k) for k in range(len(values))])
    assert smooth.value == pytest.approx(np.average(values, weights=weights), rel=1e-6, abs=1e-6)
    assert smooth.count == len(values)


def test_nothing_yet():
    assert math.isnan(MovingAverage().value)


@pytest.mark.parametrize("beta", [1.0, -0.1, float("nan"), "0.9"])
def test_beta_out_of_range(beta):
    with pytest.raises(ArgumentError, match="beta: received"):
        MovingAverage(beta)
