"""The extremes of a loss's curvature, by products of its Hessian with vectors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

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

    .. math:: H q_k = \beta_{k-1} q_{k-1} + \alpha_k q_k + \beta_k q_{k+1}

    The eigenvalues of the tridiagonal matrix of :math:`\alpha` and :math:`\beta` lie within the spectrum of H, so that
    a negative one proves a direction in which the loss falls. The graph is left as it was, and so is every ``.grad``;
    the random start is drawn from a generator of its own.

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
        with torch.enable_grad():  # of our own work no graph is kept otherwise
            gradients = torch.autograd.grad(
                [loss], list(weights), create_graph=True, retain_graph=True, materialize_grads=True
            )
            gradient = _joined(gradients)
            if not gradient.requires_grad:  # linear in all weights
                return Curvature(float(gradient.norm()), 0.0, 0.0)
            least, greatest = _extremes(gradient, weights, rounds)
    except RuntimeError:
        return None
    return Curvature(float(gradient.detach().norm()), least, greatest)


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
        with torch.enable_grad():
            gradients = torch.autograd.grad(
                [loss], list(weights), create_graph=True, retain_graph=True, materialize_grads=True
            )
            gradient = _joined(gradients)
            length = float(gradient.detach().double().norm())
            if not gradient.requires_grad or not length > 0.0:
                return None
            change = float(_product(gradient, weights, gradient.detach()).norm())
    except RuntimeError:  # fused attention, and recurrent layers of an accelerator, have no second derivative
        return None
    return change / length if math.isfinite(change) and change > 0.0 else None


def _extremes(gradient: Tensor, weights: Sequence[Tensor], rounds: int) -> tuple[float, float]:
    count = gradient.numel()
    start = torch.randn(count, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    vector = (start / start.norm()).to(gradient.device)
    basis: list[Tensor] = []
    diagonal: list[float] = []
    beside: list[float] = []
    for _ in range(min(rounds, count)):
        basis.append(vector)
        product = _product(gradient, weights, vector)
        diagonal.append(float(vector @ product))
        for _ in range(2):  # twice is enough to keep the basis orthogonal
            for earlier in basis:
                product = product - (earlier @ product) * earlier
        norm = float(product.norm())
        if not math.isfinite(norm) or norm <= ROUNDING * max(map(abs, diagonal)):
            break
        beside.append(norm)
        vector = product / norm
    matrix = torch.diag(torch.tensor(diagonal, dtype=torch.float64))
    for row, norm in enumerate(beside[: len(diagonal) - 1]):
        matrix[row, row + 1] = matrix[row + 1, row] = norm
    eigenvalues = torch.linalg.eigvalsh(matrix)
    return float(eigenvalues[0]), float(eigenvalues[-1])


ROUNDING = 1e-6
"""Share of the curvature that single precision leaves of nothing."""


def _product(gradient: Tensor, weights: Sequence[Tensor], vector: Tensor) -> Tensor:
    """The Hessian times a vector, in double precision."""
    products = torch.autograd.grad(
        [gradient], list(weights), [vector.to(gradient.dtype)], retain_graph=True, materialize_grads=True
    )
    return _joined(products).detach().double()


def _joined(gradients: Sequence[Tensor]) -> Tensor:
    return torch.cat([gradient.reshape(-1) for gradient in gradients])
