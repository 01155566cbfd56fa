import numpy as np
import pytest
from torch.optim import lr_scheduler

from unstuck.schedules import CosineAnnealingLR


@pytest.mark.parametrize(("T_max", "eta_min"), [(1, 0.0), (50, 0.0), (300, 0.01), (77, 0.3)])
def test_equals_torch_also_beyond_the_bottom(optimizer, rates_of, T_max, eta_min):
    expected = rates_of(lr_scheduler.CosineAnnealingLR(optimizer, T_max, eta_min))
    np.testing.assert_allclose(rates_of(CosineAnnealingLR(optimizer, T_max, eta_min)), expected, rtol=1e-9, atol=1e-14)


def test_ends_are_exact(optimizer):
    curve = CosineAnnealingLR(optimizer, 10, 0.01).curve(11)
    assert curve[0] == 0.8
    assert curve[10] == 0.01


def test_bad_arguments(optimizer):
    with pytest.raises(ValueError, match="T_max must be at least 1, got -3"):
        CosineAnnealingLR(optimizer, -3)
    with pytest.raises(ValueError, match="eta_min must be finite and at least 0, got nan"):
        CosineAnnealingLR(optimizer, 10, float("nan"))
