import numpy as np
import pytest

from unstuck.schedules import InverseSquareRootLR


def test_paper_formula(optimizer):
    optimizer.param_groups[0]["lr"] = 1.0
    step = np.arange(1, 20_001)
    expected = 512**-0.5 * np.minimum(step**-0.5, step * 4000**-1.5)
    np.testing.assert_allclose(InverseSquareRootLR(optimizer, 4000, 512).curve(20_000), expected, rtol=1e-13)


@pytest.mark.parametrize("steps", [1, 3, 7, 1000])
def test_peak_is_the_base_rate_exactly(optimizer, steps):
    curve = InverseSquareRootLR(optimizer, steps).curve(4 * steps)
    assert curve.max() == curve[steps - 1] == 0.8
    assert curve[-1] == 0.4


def test_bad_arguments(optimizer):
    with pytest.raises(ValueError, match="warmup_steps must be at least 1, got 0"):
        InverseSquareRootLR(optimizer, 0)
    with pytest.raises(TypeError, match="d_model must be a whole number, got 'wide'"):
        InverseSquareRootLR(optimizer, 10, "wide")
