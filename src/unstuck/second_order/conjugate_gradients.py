"""Conjugate gradients, cut short where going on is not worth it, or where the matrix turns out to be indefinite."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Solved", "conjugate_gradients"]

LOOK_BACK = 10
"""Rounds over which progress is measured, or a tenth of all rounds where that is more."""


class Solved(NamedTuple):
    """What was found.

    Attributes:
        solution: The vector.
        rounds: Products that it took.
        downhill: A direction of negative curvature that ended the search; None where none was met.
    """

    solution: Tensor
    rounds: int
    downhill: Tensor | None


def conjugate_gradients(
    product: Callable[[Tensor], Tensor],
    right: Tensor,
    *,
    start: Tensor | None = None,
    rounds: int = 250,
    progress: float = 5e-4,
) -> Solved:
    r"""Minimise :math:`\phi(x) = \frac12 x^T A x - b^T x`, which solves :math:`A x = b`.

    It ends where the mean progress of the last k rounds falls below a share of all progress made so far,

    .. math:: \phi(x_{i-k}) - \phi(x_i) < -k \epsilon\, \phi(x_i), \qquad k = \max(10, i / 10)

    and at a direction p with :math:`p^T A p \le 0`, along which there is no minimum.

    Args:
        product: The symmetric matrix A times a vector.
        right: The vector b.
        start: Where to begin; zero by default.
        rounds: Products at most.
        progress: The share :math:`\epsilon`; 0 goes on until the residual is rounding.

    Source: Martens (2010), "Deep learning via Hessian-free optimization", section 4.4.

    Examples:
        >>> matrix = torch.diag(torch.tensor([1.0, 4.0], dtype=torch.float64))
        >>> solved = conjugate_gradients(lambda v: matrix @ v, torch.tensor([1.0, 2.0], dtype=torch.float64))
        >>> [round(x, 12) for x in solved.solution.tolist()], solved.rounds
        ([1.0, 0.5], 2)
    """
    x = torch.zeros_like(right) if start is None else start.clone()
    residual = right - product(x) if start is not None else right.clone()
    made = int(start is not None)
    direction = residual.clone()
    square = float(residual @ residual)
    enough = float(right @ right) * torch.finfo(right.dtype).eps ** 2
    values = [-0.5 * float(x @ (right + residual))]
    for i in range(1, rounds + 1):
        if square <= enough:
            break
        image = product(direction)
        made += 1
        bend = float(direction @ image)
        if not bend > 0.0:
            return Solved(x, made, direction)
        length = square / bend
        x = x + length * direction
        residual = residual - length * image
        before, square = square, float(residual @ residual)
        direction = residual + (square / before) * direction
        values.append(-0.5 * float(x @ (right + residual)))
        back = max(LOOK_BACK, i // 10)
        if i > back and values[-1] < 0.0 and values[-1 - back] - values[-1] < -back * progress * values[-1]:
            break
    return Solved(x, made, None)
