"""The extremes of a loss's curvature, by products of its Hessian with vectors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from unstuck.second_order import Hessian, lanczos

__all__ = ["Curvature", "curvature", "curvature_along_gradient"]

ROUNDS = 12
"""Products with the Hessian: the extremes of a spectrum are what Lanczos's method finds first."""


class Curvature(NamedTuple):
    """The loss about a point.

    Attributes:
        gradient: Norm of the gradient.
        least: Smallest curvature found, an upper bound of the least eigenvalue of the Hessian.
        greatest: Greatest curvature found, a lower bound of the greatest eigenvalue.
    """

    gradient: float
    least: float
    greatest: float


def curvature(loss: Tensor, weights: Sequence[Tensor], *, rounds: int = ROUNDS) -> Curvature | None:
    r"""Differentiate a loss twice, and find the extremes of its Hessian by Lanczos's method.

    Ritz values (:func:`unstuck.second_order.lanczos`) lie within the spectrum of the Hessian, so that a negative one
    proves a direction in which the loss falls. The graph is left as it was, and so is every ``.grad``; the random start
    is drawn from a generator of its own.

    Args:
        loss: A scalar with its graph.
        weights: Leaves of the graph, real and on one device.
        rounds: Products with the Hessian at most.

    Returns:
        None where an operation of the graph cannot be differentiated twice.

    Examples:
        >>> import torch
        >>> w = torch.zeros(2, requires_grad=True)
        >>> found = curvature((1 - w[0] * w[1]) ** 2, [w])
        >>> found.gradient, round(found.least, 4), round(found.greatest, 4)
        (0.0, -2.0, 2.0)
    """
    try:
        hessian = Hessian(loss, weights)
        length = float(hessian.gradient.norm())
        if hessian.zero:
            return Curvature(length, 0.0, 0.0)
        start = torch.randn(hessian.gradient.numel(), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        values = lanczos(hessian, start.to(hessian.gradient.device), rounds=rounds).values
    except RuntimeError:
        return None
    return Curvature(length, float(values[0]), float(values[-1]))


def curvature_along_gradient(loss: Tensor, weights: Sequence[Tensor]) -> float | None:
    r"""By how much the gradient changes for each unit of a step along it.

    .. math:: \kappa = \|H g\| / \|g\|

    It lies between the curvature :math:`g^T H g / g^T g` and the greatest absolute eigenvalue of the Hessian H, is
    never negative, and plain descent at a rate of :math:`1 / \kappa` changes the gradient by as much as it has. The
    product is the gradient of :math:`g^T v` for the constant vector v = g (Pearlmutter, 1994). The graph is left as it
    was, and so is every ``.grad``.

    Args:
        loss: A scalar with its graph.
        weights: Leaves of the graph, real and on one device.

    Returns:
        The curvature in units of the loss over those of squared weights; None where an operation of the graph cannot be
        differentiated twice, and where there is no gradient or no curvature.

    Examples:
        >>> weight = torch.tensor([1.0, 0.0], requires_grad=True)
        >>> curvature_along_gradient((torch.tensor([3.0, 100.0]) * weight**2).sum(), [weight])
        6.0
    """
    try:
        hessian = Hessian(loss, weights)
        length = float(hessian.gradient.double().norm())
        if hessian.zero or not length > 0.0:
            return None
        change = float(hessian(hessian.gradient).norm())
    except RuntimeError:  # fused attention, and recurrent layers of an accelerator, have no second derivative
        return None
    return change / length if math.isfinite(change) and change > 0.0 else None
