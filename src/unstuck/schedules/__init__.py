"""Schedules of the learning rate and of the momentum.

How to choose:

==============================================  ============================================================
You have                                        Take
==============================================  ============================================================
a first experiment, or a rate to find           :class:`FixedLR`
a training of known length                      :class:`CosineAnnealingLR` over the whole of it
a validation metric and no known length         :class:`ReduceLROnPlateau`
a published recipe ("divide by 10 at 30, 60")   :class:`StepLR`
a training that may go on for ever              :class:`InverseTimeLR`, or :class:`ExponentialLR`
a Transformer                                   :class:`InverseSquareRootLR`, or a cosine, both warmed up
Adam, large batches or large rates              :class:`Warmup` before any of these
one plan after another                          :class:`SequentialLR`
two plans at once                               :class:`ChainedScheduler`
momentum that may be high only later            :class:`LinearMomentum`, :class:`SutskeverMomentum`
==============================================  ============================================================

All are torch ``LRScheduler`` objects: call ``step()`` after ``optimizer.step()``, save with ``state_dict()``. All but
the plateau are pure functions of the count of steps: see :class:`Schedule` for what follows from that. Each draws
itself: ``schedule.plot()``, ``schedule.sparkline()``, ``schedule.curve(steps)``.

>>> import torch
>>> optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
>>> schedule = Warmup(CosineAnnealingLR(optimizer, T_max=90), steps=10)
>>> print(schedule.sparkline(width=20))
▃▇███▇▇▆▆▅▅▄▄▃▂▂▂▁▁▁
"""

from unstuck.schedules.combine import ChainedScheduler, SequentialLR
from unstuck.schedules.cosine import CosineAnnealingLR
from unstuck.schedules.exponential import ExponentialLR
from unstuck.schedules.fixed import FixedLR
from unstuck.schedules.inverse_square_root import InverseSquareRootLR
from unstuck.schedules.inverse_time import InverseTimeLR
from unstuck.schedules.momentum import FixedMomentum, LinearMomentum, SutskeverMomentum
from unstuck.schedules.plateau import ReduceLROnPlateau
from unstuck.schedules.schedule import Schedule
from unstuck.schedules.step import StepLR
from unstuck.schedules.warmup import Warmup

__all__ = [
    "ChainedScheduler",
    "CosineAnnealingLR",
    "ExponentialLR",
    "FixedLR",
    "FixedMomentum",
    "InverseSquareRootLR",
    "InverseTimeLR",
    "LinearMomentum",
    "ReduceLROnPlateau",
    "Schedule",
    "SequentialLR",
    "StepLR",
    "SutskeverMomentum",
    "Warmup",
]
