"""The second derivative: a Hessian-vector product against differences of gradients."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from unstuck.gradcheck.analytic import backward, dense
from unstuck.gradcheck.problem import Problem
from unstuck.gradcheck.reentrant import opened
from unstuck.gradcheck.result import TensorCheck, VerdictWord
from unstuck.gradcheck.steady import seed_all
from unstuck.second_order import Hessian, flat

__all__ = ["curvature_error"]

STEPS = (1e-4, 1e-5, 1e-6)
NARROW_STEPS = (1e-2, 3e-3)
TOLERANCE, NARROW_TOLERANCE = 1e-3, 0.1
NAME = "Hessian-vector product"


def curvature_error(problem: Problem, names: Mapping[str, Tensor], *, narrow: bool) -> TensorCheck:
    r"""Compare :math:`\nabla (g(x) \cdot v)` with :math:`(g(x + hv) - g(x - hv)) / 2h`.

    Errors are norms over all tensors. The least over three steps counts, for a kink disturbs one and not all.
    A model that cannot be differentiated twice says so in its row's ``looped``.
    """
    generator = torch.Generator().manual_seed(problem.seed)
    points = {name: problem.tensors[name] for name in names}
    v = {name: torch.randn(x.shape, generator=generator).to(x) for name, x in points.items()}
    steps, tolerance = (NARROW_STEPS, NARROW_TOLERANCE) if narrow else (STEPS, TOLERANCE)
    size = sum(x.numel() for x in points.values())
    try:
        exact = _product(problem, points, v)
    except RuntimeError as error:  # once_differentiable, or a backward pass without a derivative of its own
        reason = str(error).strip().splitlines()[0]
        return TensorCheck(
            name=NAME, shape=(size,), checked=0, verdict="right", max_relative_error=0.0, looped=f"not twice: {reason}"
        )
    largest = float(flat(_gradient(problem, points).values()).norm())
    best = float("inf")
    for h in steps:
        up, down = ({name: x + sign * h * v[name] for name, x in points.items()} for sign in (1.0, -1.0))
        above, below = (flat(_gradient(problem, p).values()) for p in (up, down))
        numerical = (above - below) / (2.0 * h)
        noise = 100.0 * torch.finfo(problem.dtype).eps * largest / h
        difference = float((exact - numerical).norm())
        best = min(best, max(0.0, difference - noise) / max(float(exact.norm()), float(numerical.norm()), 1e-300))
    verdict: VerdictWord = "right" if best <= tolerance else "wrong"
    return TensorCheck(name=NAME, shape=(size,), checked=1, verdict=verdict, max_relative_error=best)


def _gradient(problem: Problem, points: Mapping[str, Tensor]) -> dict[str, Tensor]:
    leaves = {name: x.clone().requires_grad_() for name, x in points.items()}
    seed_all(problem.seed)
    grads = problem.within(leaves, lambda value: backward(value, leaves))
    return {name: dense(g, leaves[name]) for name, g in grads.items()}


def _product(problem: Problem, points: Mapping[str, Tensor], v: Mapping[str, Tensor]) -> Tensor:
    leaves = {name: x.clone().requires_grad_() for name, x in points.items()}
    seed_all(problem.seed)
    along = flat(v[name] for name in leaves)
    with opened():
        return problem.within(leaves, lambda value: Hessian(value, list(leaves.values()))(along))
