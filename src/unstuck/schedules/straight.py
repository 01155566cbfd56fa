"""A schedule's value as a straight line in its base, and the base that leads to a given value."""

from __future__ import annotations

import math
from collections.abc import Callable

__all__ = ["base_of"]

_ROUNDING = 1e-12  #: share of the intercept below which a slope is what rounding leaves of it


def base_of(at: Callable[[float], float], value: float) -> float | None:
    r"""Solve ``at(base) = value``, where ``at`` is a straight line.

    .. math:: b = \frac{v - \mathrm{at}(0)}{\mathrm{at}(1) - \mathrm{at}(0)}

    Returns:
        The base; None where it plays no part, and where ``at`` is no straight line.

    >>> base_of(lambda base: 0.01 + (base - 0.01) / 2, 0.255)
    0.5
    >>> base_of(lambda base: 0.9, 0.5) is None
    True
    """
    try:
        start = at(0.0)
        slope = at(1.0) - start
        if abs(slope) <= _ROUNDING * abs(start):
            return None
        base = (value - start) / slope
        tolerance = _ROUNDING * max(abs(start), abs(slope * base))
        leads_there = math.isclose(at(base), value, rel_tol=1e-6, abs_tol=tolerance)
    except (ArithmeticError, ValueError):  # a formula that has no value at a base of 0
        return None
    return base if math.isfinite(base) and leads_there else None
