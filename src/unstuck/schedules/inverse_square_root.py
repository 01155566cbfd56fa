"""The Transformer's schedule: climb in a line, fall as one over the root of the time."""

from __future__ import annotations

import math
from typing import final

from torch.optim import Optimizer

from unstuck.schedules import arguments
from unstuck.schedules.schedule import Schedule


@final
class InverseSquareRootLR(Schedule):
    r"""Warm up linearly for w steps, then decay as one over the square root of the step.

    With s = t + 1 (the paper counts from one) and the base rate as the peak, which is met at s = w:

    .. math:: \eta_t = \eta_0 \min\left(\sqrt{w / s},\; s / w\right)

    With ``d_model`` it is the paper's formula times the base rate (which is then 1):

    .. math:: \eta_t = \eta_0\, d_\mathrm{model}^{-1/2} \min\left(s^{-1/2},\; s\, w^{-3/2}\right)

    Args:
        optimizer: See :class:`~unstuck.schedules.Schedule`, as for ``last_epoch`` and ``steps_per_epoch``.
        warmup_steps: w, at least 1; the paper uses 4000.
        d_model: Width of the model if the paper's own scaling is wanted; the default takes the base rate as the peak.
        last_epoch: -1 to start.
        steps_per_epoch: Calls of ``step()`` to a time unit.

    Raises:
        TypeError: If an argument is not a whole number.
        ValueError: If an argument is out of range.

    Source: Vaswani et al., "Attention is all you need" (2017), equation 3.

    >>> import torch
    >>> optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    >>> InverseSquareRootLR(optimizer, warmup_steps=4).curve(16)[[0, 1, 2, 3, 15]]
    array([0.25, 0.5 , 0.75, 1.  , 0.5 ])
    """

    def __init__(
        self,
        optimizer: Optimizer,
        warmup_steps: int,
        d_model: int | None = None,
        last_epoch: int = -1,
        *,
        steps_per_epoch: int = 1,
    ) -> None:
        self.warmup_steps = arguments.count("warmup_steps", warmup_steps)
        self.d_model = None if d_model is None else arguments.count("d_model", d_model)
        super().__init__(optimizer, last_epoch, steps_per_epoch=steps_per_epoch)

    def value(self, t: int, base: float) -> float:
        """Return the formula above."""
        peak = base if self.d_model is None else base / math.sqrt(self.d_model * self.warmup_steps)
        s = t + 1
        return peak * min(math.sqrt(self.warmup_steps / s), s / self.warmup_steps)

    @property
    def horizon(self) -> int:
        """Until a third of the peak is left."""
        return 9 * self.warmup_steps
