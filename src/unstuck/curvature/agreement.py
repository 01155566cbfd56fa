"""Whether the second derivative is that of the gradient, of which a hand-written function may leave out a part."""

from __future__ import annotations

import torch

from unstuck.curvature.landscape import Landscape, Product
from unstuck.errors import ArgumentError
from unstuck.gradcheck.locate import custom_functions

__all__ = ["disagreement", "require_agreement"]

STEPS = (1e-4, 1e-5, 1e-6)
SINGLE_STEPS = (1e-2, 3e-3)
"""Lengths of the steps, over the length of all weights; the best counts, for a kink disturbs one and not all."""

WRONG = 0.05
"""Relative difference from which a second derivative is wrong (our choice); kinks and rounding stay below."""


def disagreement(landscape: Landscape, product: Product, *, seed: int = 0) -> float:
    r"""Compare a product with a difference of gradients, along a random direction.

    .. math:: \frac{\|H v - (g(w + h v) - g(w - h v)) / 2h\|}{\max(\|H v\|, \|\ldots\|)}

    Args:
        landscape: The loss about the point.
        product: Its Hessian times a vector.
        seed: Seed of the direction.
    """
    generator = torch.Generator().manual_seed(seed)
    direction = torch.randn(landscape.size, generator=generator, dtype=torch.float64)
    direction /= direction.norm()
    image = product(direction)
    scale = max(float(landscape.point.norm()), 1.0)
    unit, largest = (2.0**-52, 1e-3) if not landscape.narrow else (2.0**-23, 1e-1)
    noise = unit * float(landscape.gradient().norm())
    best = float("inf")
    for step in STEPS if not landscape.narrow else SINGLE_STEPS:
        h = step * scale
        above, below = (landscape.gradient(sign * h * direction).to(image.device) for sign in (1.0, -1.0))
        difference = (above - below) / (2.0 * h)
        size = max(float(image.norm()), float(difference.norm()))
        error = max(float((image - difference).norm()) - 100.0 * noise / h, 0.0)
        best = min(best, error / size if size > largest * noise / h else 0.0)
    return best


def require_agreement(landscape: Landscape, product: Product, *, seed: int = 0) -> str:
    """A remark where the two differ; empty where they agree.

    Raises:
        ArgumentError: They differ, and there are hand-written functions that are the likely reason.
    """
    error = disagreement(landscape, product, seed=seed)
    if error < WRONG:
        return ""
    written = {str(f) for p in landscape.problems for f in custom_functions(p.at(landscape.leaves), landscape.leaves)}
    said = f"the second derivative differs by {error:.0%} from differences of the gradient"
    if written:
        raise ArgumentError(
            f"{', '.join(sorted(written))} has no second derivative, or a wrong one: {said}. Write its backward pass "
            "in operations of torch that depend on saved tensors, without @once_differentiable"
        )
    return f"{said}: the loss has kinks there, of which the Hessian knows nothing"
