import numpy as np
import pytest
from torch.optim import lr_scheduler

from unstuck.schedules import InverseTimeLR


def test_formula_and_torchs_lambda(optimizer, rates_of):
    expected = rates_of(lr_scheduler.LambdaLR(optimizer, lambda t: 1 / (1 + 0.3 * t)))
    np.testing.assert_allclose(rates_of(InverseTimeLR(optimizer, 0.3)), expected, rtol=1e-14)


def test_half_is_left_after_one_over_k(optimizer):
    assert InverseTimeLR(optimizer, 0.02).curve(51)[50] == 0.4


def test_bad_rate(optimizer):
    with pytest.raises(ValueError, match=r"rate must be finite and at least 0, got -1.0"):
        InverseTimeLR(optimizer, -1)
