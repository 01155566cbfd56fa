import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from unstuck.schedules import ChainedScheduler, ExponentialLR, FixedLR, LinearMomentum, SequentialLR, StepLR


def test_sequence_equals_torch(optimizer, rates_of):
    def parts(module):
        return [module.StepLR(optimizer, 3, 0.5), module.ExponentialLR(optimizer, 0.9), module.StepLR(optimizer, 4)]

    expected = rates_of(lr_scheduler.SequentialLR(optimizer, parts(lr_scheduler), [10, 25]), 60)
    ours = rates_of(
        SequentialLR(
            optimizer, [StepLR(optimizer, 3, 0.5), ExponentialLR(optimizer, 0.9), StepLR(optimizer, 4)], [10, 25]
        ),
        60,
    )
    np.testing.assert_allclose(ours, expected, rtol=1e-12)


def test_chain_equals_torch(optimizer, rates_of):
    theirs = [lr_scheduler.StepLR(optimizer, 3, 0.5), lr_scheduler.ExponentialLR(optimizer, 0.9)]
    expected = rates_of(lr_scheduler.ChainedScheduler(theirs, optimizer), 60)
    ours = ChainedScheduler([StepLR(optimizer, 3, 0.5), ExponentialLR(optimizer, 0.9)])
    np.testing.assert_allclose(rates_of(ours, 60), expected, rtol=1e-12)


@pytest.mark.parametrize("milestones", [[], [3, 5], [0], [-1]])
def test_milestones_must_fit(optimizer, milestones):
    with pytest.raises(ValueError, match="milestones must be"):
        SequentialLR(optimizer, [FixedLR(optimizer), FixedLR(optimizer)], milestones)


def test_milestones_must_ascend(optimizer):
    with pytest.raises(ValueError, match=r"2 ascending counts.*got \[5, 3\]"):
        SequentialLR(optimizer, [FixedLR(optimizer)] * 3, [5, 3])


def test_parts_must_agree(optimizer):
    other = torch.optim.SGD([torch.zeros(1)], lr=0.1, momentum=0.9)
    with pytest.raises(ValueError, match=r"schedulers\[1\] \(FixedLR\)"):
        ChainedScheduler([FixedLR(optimizer), FixedLR(other)])
    with pytest.raises(ValueError, match=r"schedulers\[1\] \(LinearMomentum\)"):
        ChainedScheduler([FixedLR(optimizer), LinearMomentum(optimizer, 3)])
    with pytest.raises(ValueError, match="at least one schedule, got none"):
        ChainedScheduler([])
    with pytest.raises(TypeError, match=r"schedulers\[0\] must be a schedule .*got ReduceLROnPlateau"):
        SequentialLR(optimizer, [lr_scheduler.ReduceLROnPlateau(optimizer)], [])
