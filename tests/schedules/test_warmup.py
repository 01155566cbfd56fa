import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from unstuck.schedules import CosineAnnealingLR, ExponentialLR, FixedLR, StepLR, Warmup


def test_equals_torchs_linear_then_sequential(optimizer, rates_of):
    linear = lr_scheduler.LinearLR(optimizer, start_factor=0.25, total_iters=9)
    cosine = lr_scheduler.CosineAnnealingLR(optimizer, 40)
    expected = rates_of(lr_scheduler.SequentialLR(optimizer, [linear, cosine], milestones=[9]), 49)
    ours = rates_of(Warmup(CosineAnnealingLR(optimizer, 40), steps=9, start_factor=0.25), 49)
    np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-14)


def test_default_start_makes_equal_stairs(optimizer):
    curve = Warmup(FixedLR(optimizer), steps=7).curve(10)
    np.testing.assert_allclose(np.diff(curve[:8], prepend=0.0), 0.1, rtol=1e-12)
    assert (curve[7:] == 0.8).all()


def test_climb_counts_steps_while_the_rest_counts_epochs(optimizer):
    curve = Warmup(ExponentialLR(optimizer, 0.5, steps_per_epoch=4), steps=3, start_factor=0.0).curve(12)
    np.testing.assert_allclose(curve / 0.8, [0, 1 / 3, 2 / 3, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25])


def test_a_schedule_of_torch_is_refused(optimizer):
    with pytest.raises(TypeError, match=r"then must be a schedule of unstuck.schedules .*got StepLR"):
        Warmup(lr_scheduler.StepLR(optimizer, 3), steps=2)
    with pytest.raises(TypeError, match="warmup_steps="):
        Warmup(lr_scheduler.ReduceLROnPlateau(optimizer), steps=2)


def test_bad_arguments(optimizer):
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        Warmup(FixedLR(optimizer), steps=0)
    with pytest.raises(ValueError, match=r"start_factor must be finite and at least 0, at most 1, got 2.0"):
        Warmup(FixedLR(optimizer), steps=3, start_factor=2)


def test_training_through_a_warmup_learns():
    weight = torch.ones(1, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.5)
    schedule = Warmup(StepLR(optimizer, 10), steps=5)
    for _ in range(30):
        optimizer.zero_grad()
        (weight**2).sum().backward()
        optimizer.step()
        schedule.step()
    assert abs(weight.item()) < 1e-6
