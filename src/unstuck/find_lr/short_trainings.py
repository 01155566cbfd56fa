"""Short trainings of a grid: every second rate for a few steps, then around the best one for six times as many.

The longer trainings begin with the best rate of the shorter ones and two lower ones, because what is best moves down as
trainings get longer, and go on until the best rate lies between two that are worse. The top of the parabola through
these three, on the logarithm of the rate, is finer than the grid.

Sources: Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization" (2016), on
giving the longer trainings to what did best in the shorter ones; Press et al., "Numerical Recipes" (2007), section
10.3, on the parabola.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unstuck.find_lr.course import LARGEST, LEAST
from unstuck.find_lr.trainer import Trainer

__all__ = ["Round", "ShortTrainings", "grid", "short_trainings"]

Floats = NDArray[np.float64]
PER_DECADE = 5
"""Rates of the grid, which are the same wherever a search begins, so that several methods may try the same."""
APART = 2
"""Of so many rates of the grid one is tried first; neighbours of the best follow."""
LOWER = 2
"""Rates below the best of the shorter trainings that the longer ones try at once: over six times as many updates the
best rate moves down by up to a factor of two and a half (benchmarks/find_lr.py)."""
COARSE = 3
"""Of so many rates one is tried for long where the short trainings show no difference, as on a plateau."""
LASTS = 0.8
"""Share of the best rate of a short training that lasts in a long one: curvature grows while one trains, up to what the
rate just bears (Cohen et al., "Gradient descent on neural networks typically occurs at the edge of stability", 2021).
Most trainings three times as long are within 2% of their best at a share of 0.8 (benchmarks/find_lr.py)."""
STEEP = 3.0
"""Times as far below the best as the neighbour on the other side, at most, that a gain counts: a training that went to
pieces says that its rate is too high, but not by how much."""
WITHIN = 0.05
"""Share of the best gain over the untrained weights that a rate of the band may lack (our choice)."""
ERRORS = 3.0


@dataclass(frozen=True, kw_only=True)
class Round:
    """Trainings of one length.

    Attributes:
        steps: Their length.
        rates: Their rates, ascending.
        gains: By how much the loss of the last quarter of their batches is below that of the same batches untrained;
            minus infinity where a loss was no number.
        error: The standard error of a gain.
        reached: The mean loss of these batches in the training, in the same order.
    """

    steps: int
    rates: tuple[float, ...]
    gains: tuple[float, ...]
    error: float
    reached: tuple[float, ...]

    @property
    def best(self) -> int:
        """The position of the largest gain."""
        return int(np.argmax(self.gains))

    @property
    def top(self) -> float:
        """The rate at the top of the parabola through the best gain and its neighbours'; the best rate at an end."""
        best = self.best
        if not 0 < best < len(self.rates) - 1:
            return self.rates[best]
        below, above = (self.gains[best] - self.gains[k] for k in (best - 1, best + 1))
        below, above = min(below, STEEP * above), min(above, STEEP * below)
        if not 0.0 < below + above < math.inf:
            return self.rates[best]
        shift = 0.5 * (below - above) / (below + above)
        return self.rates[best] * 10.0 ** (shift / PER_DECADE)

    @property
    def learns(self) -> bool:
        """Whether any rate gains more than chance would."""
        return self.gains[self.best] > ERRORS * self.error

    def good(self, within: float) -> tuple[float, ...]:
        """The rates whose gain lacks at most this share of the best, without a gap."""
        least = (1.0 - within) * self.gains[self.best]
        first = last = self.best
        while first > 0 and self.gains[first - 1] >= least:
            first -= 1
        while last + 1 < len(self.gains) and self.gains[last + 1] >= least:
            last += 1
        return self.rates[first : last + 1]


@dataclass(frozen=True, kw_only=True)
class ShortTrainings:
    """All rounds, the longest last, and the lowest rate that may be given."""

    rounds: tuple[Round, ...]
    low: float = LEAST

    @property
    def rate(self) -> float | None:
        """The share that lasts of the best rate of the longest trainings; None where none of them learns."""
        last = self.rounds[-1] if self.rounds else None
        return max(float(f"{LASTS * last.top:.3g}"), self.low) if last is not None and last.learns else None

    @property
    def band(self) -> tuple[float, float] | None:
        """From this rate to the highest that does about as well, by the last round; None where nothing was learnt."""
        if self.rate is None:
            return None
        good = self.rounds[-1].good(WITHIN)
        return min(self.rate, good[0]), max(self.rate, good[-1])


def grid(low: float, high: float) -> tuple[float, ...]:
    """The rates to try within a range, five to a decade; its middle where none of them lies in it.

    Examples:
        >>> grid(0.01, 0.1)
        (0.01, 0.0158, 0.0251, 0.0398, 0.0631, 0.1)
        >>> grid(0.02, 0.022)
        (0.021,)
    """
    first, last = math.floor(_position(low)), math.ceil(_position(high))
    within = tuple(rate for k in range(first, last + 1) if low <= (rate := _rate_at(k)) <= high)
    return within or (float(f"{math.sqrt(low * high):.3g}"),)


def _position(rate: float) -> float:
    return PER_DECADE * math.log10(rate)


def _rate_at(position: int) -> float:
    return float(f"{10.0 ** (position / PER_DECADE):.3g}")


def _neighbour(rate: float, by: int) -> float:
    return _rate_at(round(_position(rate)) + by)


def short_trainings(
    trainer: Trainer, rates: Sequence[float], *, lengths: Sequence[int], low: float = LEAST, high: float = LARGEST
) -> ShortTrainings:
    """Train.

    Where the best rate is the lowest or the highest of all that were tried, lower or higher ones are tried too.

    Args:
        trainer: What is trained.
        rates: Of the :func:`grid`, ascending.
        lengths: Updates of each round, ascending.
        low: No lower rate is tried.
        high: No higher one.
    """
    rounds = [_between_worse(trainer, rates[::APART], lengths[0], low, high)]
    for steps in lengths[1:]:
        rounds.append(_between_worse(trainer, _kept(rounds[-1], low), steps, low, high))
    return ShortTrainings(rounds=tuple(rounds), low=low)


def _kept(done: Round, low: float) -> tuple[float, ...]:
    """What the next round begins with."""
    if not done.learns:
        return grid(done.rates[0], done.rates[-1])[::COARSE]
    best = done.rates[done.best]
    lower = [_neighbour(best, -k) for k in range(LOWER, 0, -1)]
    return (*(rate for rate in lower if rate >= low), best)


def _between_worse(trainer: Trainer, rates: Sequence[float], steps: int, low: float, high: float) -> Round:
    """Trainings at these rates, and at others until the best one lies between two that are worse."""
    tried = sorted(rates)
    done = _round(trainer, tried, steps)
    while (further := _missing(done, low, high)) is not None:
        tried = sorted([*tried, further])
        done = _round(trainer, tried, steps)
    return done


def _missing(done: Round, low: float, high: float) -> float | None:
    """A neighbour of the best rate that was not tried; None where both were, or lie outside of the range.

    Where no rate learns, a lower one is missing if the loss grows even at the best, and none if nothing moves.
    """
    best = done.rates[done.best]
    grows = done.gains[done.best] < -ERRORS * done.error
    beside = (-1, +1) if done.learns else (-1,) if grows else ()
    rates = (_neighbour(best, by) for by in beside)
    return next((rate for rate in rates if low <= rate <= high and rate not in done.rates), None)


def _round(trainer: Trainer, rates: Sequence[float], steps: int) -> Round:
    still = np.array(trainer.train((0.0,) * steps).losses)
    trained = [_against(trainer, rate, still) for rate in rates]
    errors = [float(gains.std(ddof=1)) / math.sqrt(len(gains)) for gains, _ in trained if len(gains) > 1]
    return Round(
        steps=len(still),
        rates=tuple(rates),
        gains=tuple(float(gains.mean()) if len(gains) else -math.inf for gains, _ in trained),
        error=min(errors, default=0.0),
        reached=tuple(float(late.mean()) if len(late) else math.inf for _, late in trained),
    )


def _against(trainer: Trainer, rate: float, still: Floats) -> tuple[Floats, Floats]:
    """Gains and losses of the last quarter of the batches; none where a loss is no number."""
    losses = np.array(trainer.train((rate,) * len(still)).losses)
    if len(losses) < len(still) or not np.isfinite(losses).all():
        return np.empty(0), np.empty(0)
    late = slice(len(still) - max(len(still) // 4, 1), len(still))
    return (still - losses)[late], losses[late]
