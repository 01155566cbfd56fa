"""Climb in a line to where another schedule starts, then follow it."""

from __future__ import annotations

from typing import final

from unstuck.schedules import arguments
from unstuck.schedules.schedule import Schedule, require_schedule


def ramp(n: int, *, steps: int, start_factor: float | None) -> float:
    r"""Return the share of the peak after ``n`` of ``steps`` steps of a linear warm-up, exactly 1 from ``steps`` on.

    .. math:: f_n = f_0 + (1 - f_0)\, n / \mathrm{steps}, \qquad f_0 = 1 / (\mathrm{steps} + 1) \text{ by default}

    >>> [ramp(n, steps=4, start_factor=None) for n in range(6)]
    [0.2, 0.4, 0.6, 0.8, 1.0, 1.0]
    """
    start = 1.0 / (steps + 1) if start_factor is None else start_factor
    return min(1.0, start + (1.0 - start) * n / steps) if n < steps else 1.0


@final
class Warmup(Schedule):
    r"""Put a linear warm-up before any schedule.

    .. math:: \eta_n = \begin{cases} f_n\, \eta^\mathrm{then}_0 & n < \mathrm{steps} \\
              \eta^\mathrm{then}_{n - \mathrm{steps}} & n \ge \mathrm{steps} \end{cases}

    with f climbing in a line from ``start_factor`` to 1 (:func:`ramp`). The peak is met exactly at ``n = steps``:
    it is the other schedule's own first value. That schedule's time begins there.

    The schedule given is only asked for its values: from now on step this one, not that one.
    A plateau has its warm-up built in: ``ReduceLROnPlateau(optimizer, warmup_steps=...)``.

    Args:
        then: The schedule to follow, such as ``CosineAnnealingLR(optimizer, T_max=90)``.
        steps: Calls of ``step()`` that the climb takes, at least 1.
        start_factor: Share of the peak in the first step, from 0 to 1. The default, 1 / (steps + 1), makes
            every stair equally high, the first included; 0 would waste the first step.

    Raises:
        TypeError: If ``then`` is not one of these schedules.
        ValueError: If a number is out of range.

    Source: Goyal et al., "Accurate, large minibatch SGD" (2017), section 2.2: gradual warm-up.

    >>> import torch
    >>> from unstuck.schedules import StepLR
    >>> optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    >>> Warmup(StepLR(optimizer, step_size=2, gamma=0.5), steps=4).curve(9)
    array([0.2 , 0.4 , 0.6 , 0.8 , 1.  , 1.  , 0.5 , 0.5 , 0.25])
    """

    def __init__(self, then: Schedule, *, steps: int, start_factor: float | None = None) -> None:
        require_schedule("then", then)
        self.steps = arguments.count("steps", steps)
        self.start_factor = None if start_factor is None else arguments.number("start_factor", start_factor, most=1.0)
        self._parts = (then,)
        self.quantity = then.quantity
        super().__init__(then.optimizer)

    def value(self, t: int, base: float) -> float:
        """Return the formula above."""
        (then,) = self._parts
        if t < self.steps:
            return then.at(0, base) * ramp(t, steps=self.steps, start_factor=self.start_factor)
        return then.at(t - self.steps, base)

    @property
    def horizon(self) -> int:
        """The climb and the other schedule's horizon."""
        (then,) = self._parts
        return self.steps + then.horizon * then.steps_per_epoch
