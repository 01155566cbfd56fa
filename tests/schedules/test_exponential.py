import numpy as np
import pytest
from torch.optim import lr_scheduler

from unstuck.schedules import ExponentialLR


@pytest.mark.parametrize("gamma", [0.0, 0.9, 0.95, 1.0])
def test_equals_torch(optimizer, rates_of, gamma):
    expected = rates_of(lr_scheduler.ExponentialLR(optimizer, gamma))
    np.testing.assert_allclose(rates_of(ExponentialLR(optimizer, gamma)), expected, rtol=1e-12)


def test_rate_is_the_exponent(optimizer):
    t = np.arange(200)
    np.testing.assert_allclose(ExponentialLR(optimizer, rate=0.07).curve(200), 0.8 * np.exp(-0.07 * t), rtol=1e-12)


@pytest.mark.parametrize("arguments", [{}, {"gamma": 0.9, "rate": 0.1}])
def test_one_of_gamma_and_rate(optimizer, arguments):
    with pytest.raises(TypeError, match=r"give one of gamma .* and rate"):
        ExponentialLR(optimizer, **arguments)


@pytest.mark.parametrize("arguments", [{"gamma": 1.1}, {"gamma": -0.1}, {"rate": -1.0}, {"rate": float("nan")}])
def test_bad_values(optimizer, arguments):
    with pytest.raises(ValueError, match=r"(gamma|rate) must be finite and at least 0"):
        ExponentialLR(optimizer, **arguments)
