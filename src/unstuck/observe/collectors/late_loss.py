"""What a loss returns late in a training, as a running mean that forgets the beginning."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unstuck.record.facts import LateLoss

__all__ = ["LateProbe"]

FORGETTING = 3.0
"""The n-th value weighs n ** FORGETTING, nearly."""


@dataclass
class LateProbe:
    """Accumulate the values of sampled calls, tensors of one element that stay on their device.

    Examples:
        >>> probe = LateProbe()
        >>> for value in (9.0, 2.0, 2.0, 2.0, 2.0, 2.0):
        ...     probe.take(torch.tensor(value))
        >>> probe.summary().value
        2.0
    """

    _sums: Tensor | None = None
    _squared_weights: Tensor | None = None
    _taken: int = 0

    def take(self, value: Tensor) -> None:
        """Take the value of one call; one that is not finite is left out."""
        known = torch.isfinite(value)
        number = torch.where(known, value, 0.0).double()
        one = known.double()
        sums, squared_weights = torch.stack([one, number, number.square()]), one
        self._taken += 1
        if self._sums is not None and self._squared_weights is not None and self._sums.device == sums.device:
            kept = max(0.0, 1.0 - FORGETTING / self._taken)
            sums, squared_weights = sums + self._sums * kept, one + self._squared_weights * kept**2
        self._sums, self._squared_weights = sums, squared_weights

    def summary(self) -> LateLoss | None:
        """The weighted mean and its standard error; None where no value was finite."""
        if self._sums is None or self._squared_weights is None:
            return None
        weights, total, squares = self._sums.tolist()
        if not weights:
            return None
        samples, mean = weights**2 / float(self._squared_weights), total / weights
        scatter = max(0.0, squares / weights - mean * mean)
        error = math.sqrt(scatter / (samples - 1.0)) if samples > 1.0 else math.inf
        return LateLoss(value=mean, error=error, samples=samples)
