"""Spikes: losses far above the level that they come from, after which the loss comes back at least in part, or not."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unstuck.learning.curve import Curve
from unstuck.record import Series

__all__ = ["FAR", "THRICE", "WINDOW", "Spike", "calm", "highest_usual", "spikes", "throws", "without"]

WINDOW = 128
"""Losses before one, of which its level is the median: few enough to follow a fall, enough to outvote an aftermath."""

FEWEST = 32
"""Losses below which a level has no deviation that could be relied on."""

FAR = 8.0
"""Robust deviations of the logarithm above the level from which a loss is a spike: the exponential tail that losses of
small batches have reaches as far once in ten thousand losses."""

THRICE = 3.0
"""Times its level that a spike must reach at least: where a loss hardly scatters, deviations alone find ripples."""

BLOCK = 16
"""Losses that share one limit, and the least distance of two spikes: what comes closer is an aftermath."""


@dataclass(frozen=True)
class Spike:
    """The loss was thrown.

    Attributes:
        step: Where it first left its level.
        value: The highest loss that it was thrown to.
        level: The median of the losses before.
        returns: Whether the loss came back at least by half of the way.
    """

    step: int
    value: float
    level: float
    returns: bool = True


def highest_usual(losses: Sequence[float] | NDArray[np.float64]) -> float:
    r"""The loss above which the one after these is a spike.

    .. math:: m \exp(\max(8 s, \ln 3)), \quad m = \mathrm{median}\, x, \quad s = 1.4826\, \mathrm{median} |\ln x_i / m|

    Args:
        losses: The latest ones, at most :data:`WINDOW` of which count.

    Returns:
        The limit in the unit of the loss; infinite for fewer than :data:`FEWEST` losses, and where some are not
        positive and finite, for these have no logarithm.

    Examples:
        >>> round(highest_usual([2.0] * 40), 6), highest_usual([2.0] * 10), highest_usual([-1.0] * 40)
        (6.0, inf, inf)
    """
    recent = np.asarray(losses, dtype=np.float64)[-WINDOW:]
    if len(recent) < FEWEST or not np.isfinite(recent).all() or not (recent > 0.0).all():
        return float("inf")
    logs = np.log(recent)
    level = np.median(logs)
    spread = 1.4826 * np.median(np.abs(logs - level))
    return float(np.exp(min(level + max(FAR * spread, np.log(THRICE)), 700.0)))


def spikes(curve: Curve) -> tuple[Spike, ...]:
    """Where a loss was thrown, in order of steps.

    A loss that stays where it was thrown to has no spike: within as many losses as make a level it must come back by
    half of the way, counted in logarithms.

    Examples:
        >>> losses = np.ones(200)
        >>> losses[120] = 50.0
        >>> spikes(Curve(np.arange(200), losses))
        (Spike(step=120, value=50.0, level=1.0, returns=True),)
    """
    return tuple(spike for spike in _thrown(curve) if spike.returns)


def throws(losses: Series) -> tuple[Spike, ...]:
    """The same, and where a loss was thrown and stayed there, or was not finite any more after a level was known.

    Examples:
        >>> losses = np.ones(200)
        >>> losses[120:], losses[180:] = 50.0, np.nan
        >>> [(spike.step, spike.value, spike.returns) for spike in throws(Series(np.arange(200), losses))]
        [(120, 50.0, False), (180, inf, False)]
    """
    broken = np.flatnonzero(~np.isfinite(losses.values))
    whole = int(broken[0]) if len(broken) else len(losses)
    found = _thrown(Curve.of(Series(losses.steps[:whole], losses.values[:whole])))
    before = losses.values[max(0, whole - WINDOW) : whole]
    if not len(broken) or len(before) < FEWEST:
        return found
    return (*found, Spike(int(losses.steps[whole]), float("inf"), float(np.median(before)), returns=False))


def _thrown(curve: Curve) -> tuple[Spike, ...]:
    values = curve.values
    above = np.flatnonzero(values > _limits(values))
    if not len(above):
        return ()
    return tuple(_spike(curve, episode) for episode in np.split(above, np.flatnonzero(np.diff(above) > BLOCK) + 1))


def without(curve: Curve, steps: Collection[int]) -> Curve:
    """A curve that leaves some steps out."""
    keep = ~np.isin(curve.steps, list(steps))
    return Curve(curve.steps[keep], curve.values[keep])


def calm(curve: Curve) -> Curve:
    """A curve without the losses that were thrown, so that its levels are not those of single batches."""
    thrown = spikes(curve)
    return without(curve, [spike.step for spike in thrown]) if thrown else curve


def _limits(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each loss the highest that is usual after those before its block."""
    limits = np.full(len(values), np.inf)
    for start in range(BLOCK, len(values), BLOCK):
        limits[start : start + BLOCK] = highest_usual(values[max(0, start - WINDOW) : start])
    return limits


def _spike(curve: Curve, episode: NDArray[np.intp]) -> Spike:
    first, values = int(episode[0]), curve.values
    peak = first + int(np.argmax(values[first : int(episode[-1]) + 1]))
    value, level = float(values[peak]), float(np.median(values[max(0, first - WINDOW) : first]))
    after = values[peak + 1 : peak + 1 + WINDOW]
    returns = len(after) > 0 and float(np.median(after)) < np.sqrt(value) * np.sqrt(level)
    return Spike(int(curve.steps[first]), value, level, returns=bool(returns))
