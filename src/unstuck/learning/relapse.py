"""What was learnt and lost again: the best level of a curve against its end."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from unstuck.learning.curve import CERTAIN, Curve, Level, level
from unstuck.record import Series

__all__ = ["Relapse", "lost_numbers", "relapse"]

WINDOWS = 20
"""Stretches of a training whose levels are compared: a twentieth each."""

FEWEST = 5
"""Samples that a stretch must have, or its level has no error."""

LOST = 0.5
"""Share of what had been learnt that must be lost: restarts of a rate and harder data lose some of it too."""


@dataclass(frozen=True)
class Relapse:
    """It had learnt, and lost it.

    Attributes:
        best: The lowest level.
        best_step: Where it was reached.
        end: The level at the end; not a number where the losses were not finite any more.
        step: Where it was lost: the step that parts the losses since then into lower and higher ones.
        error: Standard error of the difference.
    """

    best: float
    best_step: int
    end: float
    step: int
    error: float


def relapse(curve: Curve, *, reference: float, end: Level | None = None) -> Relapse | None:
    """Whether a loss had fallen below a reference and has lost half of that, by more than noise explains.

    Args:
        curve: The loss.
        reference: What it is measured from: the constant guess, or the start.
        end: Its level at the end; that of the curve if not given.

    Examples:
        >>> import numpy as np
        >>> down_and_up = np.concatenate([np.linspace(2.3, 0.2, 200), np.full(50, 2.3)])
        >>> found = relapse(Curve(np.arange(250), down_and_up), reference=2.3)
        >>> found.best < 0.4, found.step >= 200
        (True, True)
    """
    if len(curve) < 2 * FEWEST:
        return None
    last = end or curve.end
    edges = np.linspace(0.0, 1.0, WINDOWS + 1)
    best, place = Level(np.inf, 0.0), 0
    for start, stop in pairwise(edges):
        kept = np.flatnonzero((curve.share >= start) & (curve.share < stop))
        if len(kept) >= FEWEST:
            found = level(curve.values[kept])
            if found.value + found.error < best.value + best.error:
                best, place = found, int(kept[len(kept) // 2])
    error = float(np.hypot(best.error, last.error))
    learnt, lost = reference - best.value, last.value - best.value
    if not learnt > 0 or lost < LOST * learnt or not lost > CERTAIN * error:
        return None
    if not learnt > CERTAIN * best.error or learnt < 0.05 * abs(reference):
        return None
    return Relapse(best.value, int(curve.steps[place]), last.value, _lost(curve, place), error)


def _lost(curve: Curve, best: int) -> int:
    """The step that parts the samples since the best ones into two means with least squares."""
    values = curve.values[best:]
    counts, sums = np.arange(1, len(values)), np.cumsum(values)[:-1]
    between = (sums / counts - values.mean()) ** 2 * counts * len(values) / (len(values) - counts)
    return int(curve.steps[best + 1 + int(np.argmax(between))])


def lost_numbers(series: Series) -> int | None:
    """The step from which on a loss was mostly not finite, up to its end; None where it ends with a number.

    Examples:
        >>> import numpy as np
        >>> lost_numbers(Series(np.arange(4), np.array([2.0, 1.0, np.nan, np.nan])))
        2
    """
    broken = ~np.isfinite(series.values)
    if not len(broken) or not broken[-1]:
        return None
    tail = broken[-max(1, len(broken) // 10) :]
    if tail.mean() <= 0.5:
        return None
    finite = np.flatnonzero(~broken)
    # A scaler of gradients skips a step here and there: what counts is where most became infinite.
    lengths = np.cumsum(broken[::-1])[::-1] / np.arange(len(broken), 0, -1)
    mostly = np.flatnonzero(broken & (lengths > 0.9))
    first = int(mostly[0]) if len(mostly) else int(finite[-1]) + 1
    return int(series.steps[first])
