"""Numbers as people write them, for every sentence of a verdict and of a report."""

from __future__ import annotations

import math

__all__ = ["number", "percent", "share"]


def number(value: float) -> str:
    """A number in three significant digits, as people write it by hand.

    Examples:
        >>> [number(v) for v in (0.0, 2.302585, 0.05, 0.001, 12345.0, 8.1e7, float("nan"), float("-inf"))]
        ['0', '2.3', '0.05', '1e-3', '12,345', '8.1e7', 'NaN', '-infinity']
    """
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "infinity" if value > 0 else "-infinity"
    shown = float(f"{value:.3g}")  # rates come as float32, whose 0.01 lies below 0.01
    size = abs(shown)
    if shown == 0:
        return "0"
    if 1000 <= size < 1e6:
        return f"{value:,.0f}"
    if 0.01 <= size < 1000:
        return f"{shown:g}"
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def share(value: float) -> str:
    """A share as a percentage.

    Examples:
        >>> share(0.9825)
        '98.2%'
    """
    return f"{100 * value:.1f}%" if math.isfinite(value) else number(value)


def percent(value: float) -> str:
    """A share as a whole percentage; with one digit more where it would round to none or to all.

    Examples:
        >>> [percent(v) for v in (0.9825, 0.9967, 1.0, 0.002)]
        ['98%', '99.7%', '100%', '0.2%']
    """
    close = 0.0 < value < 0.01 or 0.99 < value < 1.0
    return share(value) if close or not math.isfinite(value) else f"{100 * value:.0f}%"
