"""What two gradients of one coordinate may differ by."""

from __future__ import annotations

from dataclasses import dataclass

from unstuck.gradcheck.problem import Problem

__all__ = ["Tolerance", "tolerance_of"]

WRONG = 1e-2
"""Relative error that is wrong beyond doubt (CS231n); in float32 nothing smaller can be told."""
SUSPECT = 1e-4
"""Relative error that a function without kinks never has in float64 (CS231n)."""
REMARKABLE = 1e-5
"""Relative error above which a right gradient is worth a remark in float64 (CS231n: be nervous above 1e-7)."""
DEEP = 10
"""Layers from which errors add up to more: the bound of suspicion rises in proportion (CS231n)."""


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """What two gradients may differ by.

    Attributes:
        error: Relative error up to which a coordinate is right.
        remark: Relative error above which a right one is remarkable; None where rounding hides such errors.
        resolution: Share of the gradient that rounding may make up, for a difference to count.
        shrink: Steps, as multiples of the first, at which suspects are looked at again.
    """

    error: float = 1e-4
    remark: float | None = None
    resolution: float = 1e-4
    shrink: tuple[float, ...] = (1.0, 0.1, 0.01, 0.001)


def tolerance_of(problem: Problem, *, narrow: bool) -> Tolerance:
    """What the gradients of a problem may differ by: more in a deep one, and in float32."""
    if narrow:
        return Tolerance(error=5.0 * WRONG, resolution=WRONG, shrink=(1.0, 0.3, 0.1))
    layers = sum(p.ndim > 1 for p in problem.tensors.values())
    return Tolerance(error=min(SUSPECT * max(1.0, layers / DEEP), WRONG), remark=REMARKABLE)
