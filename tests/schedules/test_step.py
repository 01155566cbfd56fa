import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from unstuck.schedules import StepLR


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(step_size=st.integers(1, 80), gamma=st.floats(0.3, 1))
def test_equals_torch(optimizer, rates_of, step_size, gamma):
    expected = rates_of(lr_scheduler.StepLR(optimizer, step_size, gamma))
    np.testing.assert_allclose(rates_of(StepLR(optimizer, step_size, gamma)), expected, rtol=1e-12)


def test_by_epoch_inside_a_loop_over_batches(optimizer):
    batches = StepLR(optimizer, 2, 0.5, steps_per_epoch=7).curve(70)
    epochs = StepLR(optimizer, 2, 0.5).curve(10)
    assert np.array_equal(batches, np.repeat(epochs, 7))


@pytest.mark.parametrize(("arguments", "error"), [((0,), ValueError), ((2.5,), TypeError), ((3, 1.5), ValueError)])
def test_bad_arguments(optimizer, arguments, error):
    with pytest.raises(error, match=r"(step_size|gamma) must be .* got"):
        StepLR(optimizer, *arguments)
