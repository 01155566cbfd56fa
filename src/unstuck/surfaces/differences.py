"""The V of the gradient check in a picture: the error of a difference against its step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unstuck.surfaces.catalogue import SURFACES
from unstuck.surfaces.page import Sheet
from unstuck.surfaces.panels import Curve, Panel

__all__ = ["errors", "step_size"]

Floats = NDArray[np.float64]
AT = (1.2, 0.7)
POWERS = np.arange(1, 16)


def step_size() -> Sheet:
    """The sheet: one-sided and centred differences in float64, centred ones in float32, on Beale's function."""
    kinds = {
        "centred, float64": errors(np.float64, centred=True),
        "one-sided, float64": errors(np.float64, centred=False),
        "centred, float32": errors(np.float32, centred=True),
    }
    return Sheet(
        title="A difference has a best step: larger ones bend, smaller ones round",
        text=(
            "The error of a difference falls with its step h, as h for a one-sided one and as its square for a "
            "centred one, because the function bends less over a shorter way. Then it grows again, as one over h: "
            "two nearly equal numbers are subtracted, and what is left of them is rounding. The best step is near "
            "the cube root of the precision for centred differences, 1e-5 to 1e-6 in float64, the square root for "
            "one-sided ones. In float32 no step gives more than about four digits, so gradients are checked in "
            "float64."
        ),
        made_of="Made of Beale's function at (1.2, 0.7), whose derivative is known exactly. For your own model:",
        command="unstuck check package.module:function --html check.html",
        steps=POWERS,
        axis="digits d of the step, h = 1e-d",
        heading="best",
        names=tuple(kinds),
        remarks=tuple(f"h = 1e-{POWERS[np.nanargmin(e)]}, relative error {np.nanmin(e):.1e}" for e in kinds.values()),
        panels=(
            Panel(
                title="Relative error of the derivative",
                read="Below 1e-7 a gradient is right, above 1e-2 it is wrong.",
                curves=tuple(Curve(method=k, values=e, name=name) for k, (name, e) in enumerate(kinds.items())),
            ),
        ),
    )


def errors(kind: Callable[[float], Any], *, centred: bool) -> Floats:
    """The relative error of the derivative by y at each step 1e-1 to 1e-15, shape (15,).

    Args:
        kind: The type of number that is computed with.
        centred: Whether the difference goes to both sides.

    Example:
        >>> int(errors(np.float64, centred=True).argmin()) + 1
        6
    """
    formula = SURFACES["beale"].formula
    assert formula is not None, "Beale's function is a polynomial"
    exact = float(formula.height(*AT)[2])
    x, y = kind(AT[0]), kind(AT[1])
    found: list[float] = []
    for h in (kind(10.0 ** -int(power)) for power in POWERS):
        ahead = formula.height(x, y + h)[0]
        behind = formula.height(x, y - h)[0] if centred else formula.height(x, y)[0]
        slope = float((ahead - behind) / (2 * h if centred else h))
        found.append(abs(slope - exact) / max(abs(slope), abs(exact)))
    return np.array(found)
