"""The norm of the gradient beside its noise: is there a slope that another sample would show too?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from unstuck.curvature.landscape import Landscape, split
from unstuck.optional import require

__all__ = ["Slope", "slope"]

PARTS = 16
"""Parts that fewer batches are taken apart into, to see how much their gradients vary."""


@dataclass(frozen=True, kw_only=True)
class Slope:
    r"""The gradient at a point.

    Attributes:
        norm: :math:`\|g\|`, of the mean over all batches.
        noise: Standard error of that mean, :math:`\sqrt{\operatorname{tr} \Sigma / B}`: the norm that it would have by
            chance alone; None where there is one batch that cannot be taken apart.
        batches: Batches, or parts of few, that the noise is from.
        limit: Norm over noise up to which the gradient may be zero: the 97.5% quantile of Student's t with B - 1
            degrees of freedom, which is right for noise along one line, and cautious where there are more.
    """

    norm: float
    noise: float | None
    batches: int
    limit: float = math.inf

    @property
    def ratio(self) -> float | None:
        """Norm over noise; about 1 where the gradient is nothing but noise."""
        if self.noise is None or (self.noise == 0.0 and self.norm == 0.0):
            return None
        return self.norm / self.noise if self.noise > 0.0 else math.inf


def slope(landscape: Landscape) -> Slope:
    r"""Measure the gradient and its noise over batches.

    .. math:: \operatorname{tr} \Sigma = \frac{B}{B - 1} \sum_b s_b \|g_b - g\|^2, \qquad g = \sum_b s_b g_b

    with each batch's share of the examples :math:`s_b`.

    Args:
        landscape: The loss about the point.
    """
    apart = split(landscape, PARTS) or landscape
    if len(apart.problems) == 1:
        return Slope(norm=float(landscape.gradient().norm()), noise=None, batches=1)
    mean, spread = torch.zeros(landscape.size, dtype=torch.float64, device=landscape.point.device), 0.0
    total = 0.0
    for share, gradient in apart.gradients():  # West's update, which keeps no gradient but the mean
        total += share
        change = gradient - mean
        mean = mean + (share / total) * change
        spread += share * float(change @ (gradient - mean))
    count = len(apart.problems)
    student = require("scipy.stats", extra="train", purpose="the noise of the gradient").t
    return Slope(
        norm=float(mean.norm()),
        noise=math.sqrt(max(spread, 0.0) / (count - 1)),
        batches=count,
        limit=float(student.ppf(0.975, count - 1)),
    )
