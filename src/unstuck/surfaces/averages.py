"""The moving average in pictures: three lengths of memory, with and without bias correction."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unstuck.optim import MovingAverage
from unstuck.surfaces.page import Sheet
from unstuck.surfaces.panels import Curve, Panel

__all__ = ["averages"]

Floats = NDArray[np.float64]
BETAS = (0.5, 0.9, 0.98)
VALUES = 200


def averages() -> Sheet:
    """The sheet: noisy values, as temperatures over half a year, and their averages with beta 0.5, 0.9 and 0.98."""
    days = np.arange(VALUES)
    noise = np.random.default_rng(0).normal(scale=3.0, size=VALUES)
    values = 12 + 9 * np.sin(2 * np.pi * days / 260) + noise
    return Sheet(
        title="A moving average starts too low; dividing by 1 - beta^t corrects it",
        text=(
            "A moving average m = beta m + (1 - beta) x looks back over about 1 / (1 - beta) values: 2 with beta "
            "0.5, 10 with 0.9, 50 with 0.98. It starts at zero, so its first values are too low, and the longer its "
            "memory the longer it takes: with 0.98 over a hundred steps. Divided by 1 - beta^t it is right from the "
            "first value on. Adam corrects both its averages so; RMSprop and plain momentum do not."
        ),
        made_of="Made of unstuck.optim.MovingAverage; average your own values in Python:",
        command="smooth = unstuck.optim.MovingAverage(0.98); means = [smooth.update(x) for x in values]",
        steps=days + 1,
        axis="value",
        heading="what it is",
        names=("with correction", "without", "values"),
        remarks=("m / (1 - beta^t)", "m, which starts at 0", "what is averaged"),
        panels=tuple(_panel(values, beta) for beta in BETAS),
    )


def _panel(values: Floats, beta: float) -> Panel:
    smooth = MovingAverage(beta)
    corrected = np.array([smooth.update(value) for value in values.tolist()])
    plain = corrected * (1.0 - np.power(beta, np.arange(1, len(values) + 1), dtype=np.float64))
    return Panel(
        title=f"beta {beta:g}: a memory of about {1 / (1 - beta):.0f} values",
        read=f"The first average without correction is {plain[0]:.2g}; the first value is {values[0]:.2g}.",
        curves=(
            Curve(method=2, values=values, name="values", faint=True),
            Curve(method=1, values=plain, name="without", dashed=True),
            Curve(method=0, values=corrected, name="with correction"),
        ),
        log=False,
    )
