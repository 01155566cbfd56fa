"""Hessian-free optimization: Newton's step by conjugate gradients, for networks of any size."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from torch import Tensor

from unstuck.optim.arguments import NOT_NEGATIVE, UNIT, Accepted, Range
from unstuck.optim.second_order_step import Direction, Problem, SecondOrderOptimizer
from unstuck.second_order import GaussNewton, conjugate_gradients, flat

__all__ = ["HessianFree"]


class HessianFree(SecondOrderOptimizer):
    r"""Minimise a damped quadratic model by conjugate gradients, which need no matrix but its products with vectors.

    .. math::
        d_t \approx \arg\min_d\; g_t^T d + \tfrac12 d^T (B_t + \lambda_t I) d, \qquad w_{t+1} = w_t + \eta_t d_t

    B is the Gauss-Newton matrix :math:`J^T H_L J` where the closure returns ``(loss, outputs)``, and the Hessian where
    it returns the loss alone; then a direction of negative curvature ends the search. Conjugate gradients begin at a
    share ``decay`` of the last step, and end where progress ends. A line search halves :math:`\eta` from ``lr``, and
    :math:`\lambda` follows how well the model foretells the fall (Levenberg and Marquardt).

    One step costs as many passes forward and back as conjugate gradients take rounds. It needs the whole data set in a
    batch, or a large share of it: with small batches the model is of the batch, not of the loss.

    Args:
        params: Parameters or groups of them.
        lr: The first length that the line search tries, over that of the whole step.
        damping: The first :math:`\lambda`.
        rounds: Rounds of conjugate gradients at most, in each step.
        progress: Share of all progress so far below which a round is not worth it.
        decay: Share of the last step at which conjugate gradients begin.

    Raises:
        ArgumentError: A number is out of range; at a step, a closure that returns something else.

    Source: Martens (2010), "Deep learning via Hessian-free optimization"; its preconditioner is left out.

    Examples:
        >>> import torch
        >>> _ = torch.manual_seed(0)
        >>> model = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
        >>> x = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
        >>> y = torch.tensor([[0.0], [1.0], [1.0], [0.0]])
        >>> def closure():
        ...     outputs = model(x)
        ...     return torch.nn.functional.mse_loss(outputs, y), outputs
        >>> optimizer = HessianFree(model.parameters(), damping=0.01)
        >>> for _ in range(40):
        ...     _ = optimizer.step(closure)
        >>> closure()[0].item() < 1e-4
        True
    """

    accepted: ClassVar[Accepted] = {
        "lr": NOT_NEGATIVE,
        "damping": NOT_NEGATIVE,
        "rounds": Range(low=1.0),
        "progress": UNIT,
        "decay": Range(high=1.0 + 1e-12),
    }

    def __init__(
        self,
        params: Any,
        lr: float = 1.0,
        damping: float = 1.0,
        *,
        rounds: int = 250,
        progress: float = 5e-4,
        decay: float = 0.95,
    ) -> None:
        super().__init__(params, {"lr": lr, "damping": damping, "rounds": rounds, "progress": progress, "decay": decay})

    def direction(self, problem: Problem, damping: float) -> Direction:
        """The damped step, and what it promises without the damping."""
        group = self.param_groups[0]
        gradient = problem.hessian.gradient.double()
        curved = (
            problem.hessian if problem.outputs is None else GaussNewton(problem.loss, problem.outputs, problem.weights)
        )
        solved = conjugate_gradients(
            lambda v: curved(v) + damping * v,
            -gradient,
            start=self._before(problem.weights, float(group["decay"])),
            rounds=int(group["rounds"]),
            progress=float(group["progress"]),
        )
        step = solved.solution
        if solved.downhill is not None:
            step = step + _along(solved.downhill, gradient, curved(solved.downhill))
        if float(gradient @ step) >= 0.0:
            step = -gradient
        self._keep(problem.weights, step)
        return Direction(step, float(gradient @ step + 0.5 * step @ curved(step)))

    def _before(self, weights: list[Tensor], decay: float) -> Tensor | None:
        if not decay or not all("direction" in self.state[w] for w in weights):
            return None
        return decay * flat(self.state[w]["direction"] for w in weights).double()

    def _keep(self, weights: list[Tensor], step: Tensor) -> None:
        for w, part in zip(weights, step.split([w.numel() for w in weights]), strict=True):
            self.state[w]["direction"] = part.reshape(w.shape).to(w)


def _along(downhill: Tensor, gradient: Tensor, image: Tensor) -> Tensor:
    """Newton's step along a direction of negative curvature, by its absolute value: downhill, away from a saddle."""
    slope, bend = float(gradient @ downhill), abs(float(downhill @ image))
    return -(slope / bend if bend > 0.0 else math.copysign(1.0, slope)) * downhill
