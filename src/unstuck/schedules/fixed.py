"""A rate that stays as it is."""

from __future__ import annotations

from typing import final

from unstuck.schedules.schedule import Schedule


@final
class FixedLR(Schedule):
    r"""Keep every group at its base rate: :math:`\eta_t = \eta_0`.

    The baseline to beat, the rate of a quick experiment, and the tail of a warm-up. (torch's ``ConstantLR`` is another
    thing: it multiplies the rate by a constant for some steps and then gives it back.)

    >>> import torch
    >>> optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
    >>> FixedLR(optimizer).curve(3)
    array([0.1, 0.1, 0.1])
    """

    def value(self, t: int, base: float) -> float:
        """Return ``base``."""
        return base

    @property
    def horizon(self) -> int:
        """Any length shows the shape: 10."""
        return 10
