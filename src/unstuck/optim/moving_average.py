"""A running mean that is right from its first value on."""

from __future__ import annotations

from typing import Any

from unstuck.optim.arguments import UNIT

__all__ = ["MovingAverage"]


class MovingAverage:
    r"""Exponential moving average with bias correction.

    .. math::
        m_t = \beta m_{t-1} + (1 - \beta) x_t, \qquad \hat x_t = m_t / (1 - \beta^t)

    Without the correction the mean would start near zero. It looks back over about :math:`1 / (1 - \beta)` values.

    Args:
        beta: Share of the past that is kept, at least 0 and below 1.

    Raises:
        ArgumentError: beta is out of range or of the wrong type.

    Source: Kingma and Ba, "Adam: a method for stochastic optimization" (2015), section 3.

    Example:
        >>> smooth = MovingAverage(0.9)
        >>> [round(smooth.update(loss), 3) for loss in (2.0, 1.0, 1.0)]
        [2.0, 1.474, 1.299]
    """

    def __init__(self, beta: float = 0.9) -> None:
        UNIT.check("beta", beta)
        self.beta = beta
        self.count = 0  #: how many values have been averaged
        self._mean: Any = 0.0

    def update(self, value: Any) -> Any:
        """Take in a number, an array or a tensor, and return the corrected mean."""
        self._mean = self.beta * self._mean + (1 - self.beta) * value
        self.count += 1
        return self.value

    @property
    def value(self) -> Any:
        """The corrected mean; NaN before the first value."""
        return self._mean / (1 - self.beta**self.count) if self.count else float("nan")
