"""The step size of the differences: too large and curvature spoils them, too small and rounding does."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from unstuck.gradcheck.differences import Evaluator

__all__ = ["Sweep", "sweep"]

STEPS = tuple(10.0**-power for power in range(3, 10))
"""Steps tried in float64, as the issue of precision has them: 1e-3 to 1e-9."""
NARROW_STEPS = (1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 1e-4)
"""Steps tried in float32, whose rounding is 1e8 times as large."""
DEFAULT, NARROW_DEFAULT = 1e-5, 1e-2
PROBED = 12
"""Coordinates that are swept, of all tensors together."""
STRONG = 0.1
"""Share of the largest gradient from which one is strong enough to show the errors of the step."""
UPPER = 0.75
"""Share of the coordinates that the error at a step is not to exceed: of some the function is linear, at any step."""
FLAT = 3.0
"""Ratio of errors below which a curve has no minimum worth following."""


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Error against step, the V shape.

    Attributes:
        steps: The steps h.
        errors: Upper quartile of the relative errors of some coordinates at each.
        chosen: The step with the smallest error.
    """

    steps: tuple[float, ...]
    errors: tuple[float, ...]
    chosen: float


def sweep(evaluator: Evaluator, gradients: Mapping[str, Tensor], *, narrow: bool) -> Sweep:
    """Compare differences at every step with some large gradients, and choose the best step.

    Args:
        evaluator: Gives the differences.
        gradients: The gradients by automatic differentiation.
        narrow: Whether the model runs in float32.
    """
    steps = NARROW_STEPS if narrow else STEPS
    errors: list[Tensor] = []
    probed = _probed(gradients)
    each = max(1, PROBED // len(probed))
    for name in probed:
        a = gradients[name].reshape(-1)
        places = a.abs().topk(min(each, a.numel())).indices
        a = a[places].double()
        h = torch.tensor(steps, dtype=torch.float64, device=places.device).repeat_interleave(len(places))
        n = evaluator.slopes(name, places.repeat(len(steps)), h).centred.reshape(len(steps), -1)
        errors.append((a - n).abs() / torch.maximum(a.abs(), n.abs()).clamp(min=1e-300))
    # Beside the point the function may not be defined: such coordinates say nothing.
    curve = torch.cat(errors, dim=1).nanquantile(UPPER, dim=1).nan_to_num(nan=math.inf).tolist()
    default = NARROW_DEFAULT if narrow else DEFAULT
    best = min(range(len(steps)), key=curve.__getitem__)
    flat = not math.isfinite(curve[best]) or max(curve) <= FLAT * max(min(curve), 1e-300) or min(curve) > 1e-2
    return Sweep(steps=steps, errors=tuple(curve), chosen=default if flat else max(steps[best], 1e-7))


def _probed(gradients: Mapping[str, Tensor]) -> list[str]:
    """The smaller half of the tensors whose gradient is not much below the largest.

    They cost least to move, and are spread over the depth, for most layers have a bias or a scale beside a weight.
    """
    sizes = {name: float(gradient.abs().max()) for name, gradient in gradients.items()}
    strong = [name for name, size in sizes.items() if size >= STRONG * max(sizes.values())]
    strong.sort(key=lambda name: gradients[name].numel())
    return strong[: min(PROBED, (len(strong) + 1) // 2)]
