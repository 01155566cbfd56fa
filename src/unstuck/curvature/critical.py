"""Is this a local minimum, a saddle point, or no critical point at all?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from unstuck.curvature.extremes import Eigenpair
from unstuck.curvature.gradient import Slope

__all__ = ["Kind", "Point", "kind_of"]

Kind = Literal["no critical point", "local minimum", "saddle point", "local maximum", "plateau", "flat"]

NOTHING = 1e-6
"""Share of the loss that a gradient promises, for a change of the weights by their own size, and is next to nothing."""

RESIDUALS = 2.0
"""Residuals of an eigenvalue beyond which its sign is certain; one is the bound, doubled for rounding."""

ROUNDING = {"double": 1e-9, "single": 1e-5}
"""Share of the largest curvature below which an eigenvalue is not told from zero: the precision of the search."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """What is known of a point.

    Attributes:
        loss: The loss there.
        weights: Length of all weights.
        slope: The gradient and its noise.
        largest: The largest eigenvalue.
        smallest: The smallest.
        precise: Whether it was computed in double precision.
    """

    loss: float
    weights: float
    slope: Slope
    largest: Eigenpair
    smallest: Eigenpair
    precise: bool = True

    @property
    def nothing(self) -> bool:
        """Whether the gradient is next to nothing, whatever its noise is."""
        return self.slope.norm * max(self.weights, 1.0) <= NOTHING * abs(self.loss)

    @property
    def steep(self) -> bool:
        """Whether the gradient stands out of its noise, and is not next to nothing."""
        ratio = self.slope.ratio
        return not self.nothing and (ratio is None or ratio > self.slope.limit)

    @property
    def uncertainty(self) -> float:
        """How far from zero the smallest eigenvalue has to be for its sign to be certain."""
        size = max(abs(self.largest.value), abs(self.smallest.value))
        rounding = ROUNDING["double" if self.precise else "single"] * size
        return max(RESIDUALS * self.smallest.residual, rounding)


def kind_of(point: Point) -> Kind:
    r"""Decide by the gradient first, then by the ends of the spectrum.

    ===================  ===========================================================================================
    no critical point    :math:`\|g\|` stands out of its noise: the loss falls along :math:`-g`
    saddle point         :math:`g \approx 0`, and :math:`\lambda_{\min} < 0 < \lambda_{\max}` beyond its residual
    local minimum        :math:`g \approx 0`, and :math:`\lambda_{\min} > 0` beyond its residual
    local maximum        :math:`g \approx 0`, and :math:`\lambda_{\max} < 0`
    plateau              no slope and no curvature at all
    flat                 :math:`g \approx 0`, and :math:`\lambda_{\min}` is zero as far as its residual lets tell
    ===================  ===========================================================================================

    Args:
        point: What is known of it.
    """
    if point.steep:
        return "no critical point"
    if point.largest.value == point.smallest.value == 0.0 and point.slope.norm == 0.0:
        return "plateau"
    if point.smallest.value < -point.uncertainty:
        return "saddle point" if point.largest.value > point.uncertainty else "local maximum"
    return "local minimum" if point.smallest.value > point.uncertainty else "flat"
