"""Newton's method, for problems whose Hessian can be written down."""

from __future__ import annotations

from typing import Any, ClassVar

import torch

from unstuck.errors import ArgumentError
from unstuck.optim.arguments import NOT_NEGATIVE, Accepted
from unstuck.optim.second_order_step import Direction, Problem, SecondOrderOptimizer

__all__ = ["Newton"]

MOST = 2000
"""Weights above which the Hessian takes too long, and too much memory."""


class Newton(SecondOrderOptimizer):
    r"""Divide the gradient by the curvature, along each eigenvector of the Hessian by its own.

    .. math::
        w_{t+1} = w_t - \eta_t\, Q (|\Lambda| + \lambda I)^{-1} Q^T g_t, \qquad H_t = Q \Lambda Q^T

    Absolute eigenvalues make every step lead downhill, away from saddles too. The line search halves :math:`\eta` from
    ``lr`` until the loss falls enough; the damping :math:`\lambda` becomes smaller where the quadratic model foretells
    the fall, and larger where it does not (Levenberg and Marquardt). At a point without any gradient it
    stands still.

    Args:
        params: Parameters or groups of them, 2,000 weights at most.
        lr: The first length that the line search tries, over that of the whole step.
        damping: The first :math:`\lambda`, in units of the loss over those of squared weights.

    Raises:
        ArgumentError: A number is out of range; at a step, more weights, or a closure that returns something else.

    Source: Nocedal and Wright (2006), "Numerical optimization", chapter 3; Dauphin et al. (2014), "Identifying and
    attacking the saddle point problem", for the absolute values.

    Examples:
        >>> w = torch.tensor([-1.2, 1.0], dtype=torch.float64, requires_grad=True)
        >>> newton = Newton([w])
        >>> for _ in range(40):
        ...     _ = newton.step(lambda: (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2)
        >>> [round(x, 6) for x in w.tolist()]
        [1.0, 1.0]
    """

    accepted: ClassVar[Accepted] = {"lr": NOT_NEGATIVE, "damping": NOT_NEGATIVE}

    def __init__(self, params: Any, lr: float = 1.0, damping: float = 1e-4) -> None:
        super().__init__(params, {"lr": lr, "damping": damping})

    def direction(self, problem: Problem, damping: float) -> Direction:
        """The damped step, from the eigenvalues of the whole Hessian."""
        gradient = problem.hessian.gradient.double()
        size = gradient.numel()
        if size > MOST:
            raise ArgumentError(f"params: {size:,} weights; at most {MOST:,} are accepted: take HessianFree for more")
        matrix = torch.stack([problem.hessian(row) for row in torch.eye(size, dtype=torch.float64)])
        step = torch.zeros_like(gradient)
        felt = (gradient != 0.0) | matrix.any(dim=0)  # what the loss does not depend on stays as it is, to the bit
        values, vectors = torch.linalg.eigh(matrix[felt][:, felt])
        divisor = values.abs() + damping
        along = vectors.T @ gradient[felt]
        along = torch.where(divisor > 0.0, along / divisor, torch.zeros_like(along))
        step[felt] = -(vectors @ along)
        return Direction(step, float(gradient @ step + 0.5 * step @ (matrix @ step)))
