"""Draw the values of a schedule, as a line of text or as a figure.

The figure needs matplotlib, which is optional: ``pip install 'unstuck[plot]'``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unstuck.optional import require

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: NDArray[np.float64], *, width: int = 60) -> str:
    """Return the values as one line of text, lowest bar at zero, highest at their maximum.

    Each character shows the mean of the values that it covers.

    >>> sparkline(np.linspace(0, 1, 8))
    '▁▂▃▄▅▆▇█'
    """
    if values.size == 0:
        return ""
    means = [float(part.mean()) for part in np.array_split(values, min(width, values.size))]
    top = max(means) or 1.0
    return "".join(_BARS[round(max(mean, 0.0) / top * (len(_BARS) - 1))] for mean in means)


def figure(curves: Mapping[str, NDArray[np.float64]], *, title: str, quantity: str, now: int) -> Figure:
    """Return a matplotlib figure with one line a curve and a dot where the schedule stands now.

    Raises:
        MissingPackageError: If matplotlib is not installed.
    """
    drawing = require("matplotlib.figure", extra="plot", purpose="drawing a schedule")
    picture = drawing.Figure(figsize=(6.4, 3.2), layout="constrained")
    axes = picture.subplots()
    for label, values in curves.items():
        # A rate holds for the whole step, so stairs tell the truth; over many steps they look like the curve.
        (line,) = axes.step(np.arange(values.size), values, where="post", label=label)
        if now < values.size:
            axes.plot(now, values[now], "o", color=line.get_color())
    axes.set(title=title, xlabel="calls of step()", ylabel=quantity, ylim=(0, None))
    axes.spines[["top", "right"]].set_visible(False)
    if len(curves) > 1:
        axes.legend(frameon=False)
    return picture
