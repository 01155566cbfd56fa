"""Short trainings of a grid: all of it for a few steps, the better half for more, the best ones for longest.

A short training prefers rates that are a little too high: the loss falls fastest there at first, and stops falling
sooner. Each round is therefore three times as long as the last, what the last one says counts, and it is made twice.

Source: Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization" (2016), whose
successive halving this is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unstuck.find_lr.trainer import Trainer

__all__ = ["Round", "ShortTrainings", "short_trainings"]

Floats = NDArray[np.float64]
REPEATS = 2
"""Of the longest trainings, with other batches each: a rate at which the loss grows again with some of them is none."""
LASTS = 0.7
"""Share of a rate that is best for a short training that lasts in a long one: curvature grows while one trains, up to
what the rate just bears (Cohen et al., "Gradient descent on neural networks typically occurs at the edge of stability",
2021). On digits rates above this share diverged in some of the longer trainings (benchmarks/find_lr.py)."""
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
        differences: The standard error of by how much the loss at each rate is above that at the best, batch by batch.
        reached: The mean loss of these batches in the training, in the same order.
    """

    steps: int
    rates: tuple[float, ...]
    gains: tuple[float, ...]
    error: float
    differences: tuple[float, ...]
    reached: tuple[float, ...]

    @property
    def best(self) -> int:
        """The position of the largest gain."""
        return int(np.argmax(self.gains))

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

    @property
    def least(self) -> float:
        """The lowest rate, without a gap, that is within a standard error of the best.

        Source: Breiman, Friedman, Olshen and Stone, "Classification and Regression Trees" (1984), section 3.4.3: of
        those that one cannot tell from the best, take the most cautious one.
        """
        first = self.best
        while first > 0 and self.gains[self.best] - self.gains[first - 1] <= self.differences[first - 1]:
            first -= 1
        return self.rates[first]


@dataclass(frozen=True, kw_only=True)
class ShortTrainings:
    """All rounds, the longest last."""

    rounds: tuple[Round, ...]

    @property
    def rate(self) -> float | None:
        """Seven tenths of the lowest within a standard error of the best of the longest trainings; None: none learns.

        Of rates that do equally well in a short training the lowest one does so for longest.
        """
        last = self.rounds[-1] if self.rounds else None
        return float(f"{LASTS * last.least:.3g}") if last is not None and last.learns else None

    @property
    def band(self) -> tuple[float, float] | None:
        """From this rate to the highest that does about as well, by the last round; None where nothing was learnt."""
        if self.rate is None:
            return None
        good = self.rounds[-1].good(WITHIN)
        return min(self.rate, good[0]), good[-1]


def short_trainings(
    trainer: Trainer, rates: Sequence[float], *, lengths: Sequence[int], low: float = 0.0, high: float = math.inf
) -> ShortTrainings:
    """Train.

    Where the best rate is the lowest or the highest of all that were tried, lower or higher ones are tried too.

    Args:
        trainer: What is trained.
        rates: The grid, ascending, two at least.
        lengths: Updates of each round, ascending.
        low: No lower rate is tried.
        high: No higher one.
    """
    rounds: list[Round] = []
    grid = list(rates)
    factor = (grid[-1] / grid[0]) ** (1.0 / (len(grid) - 1))
    left = tuple(grid)
    for steps in lengths:
        repeats = REPEATS if steps == lengths[-1] else 1
        done = _round(trainer, left, steps, repeats)
        while (further := _beyond(done, grid, factor)) is not None and low <= further <= high:
            grid = sorted([*grid, further])
            done = _round(trainer, sorted([*done.rates, further]), steps, repeats)
        rounds.append(done)
        last = len(rounds) == len(lengths) - 1  # what is best moves down as trainings get longer, not up
        left = _around(done, grid, below=2, above=0 if last else 1)
    return ShortTrainings(rounds=tuple(rounds))


def _beyond(done: Round, grid: Sequence[float], factor: float) -> float | None:
    """The next rate beyond the grid, where the best one is at its end; None elsewhere, or where nothing moves."""
    best, gain = done.rates[done.best], done.gains[done.best]
    if best == grid[0] and (done.learns or gain < -ERRORS * done.error):
        return float(f"{best / factor:.3g}")
    return float(f"{best * factor:.3g}") if best == grid[-1] and done.learns else None


def _round(trainer: Trainer, rates: Sequence[float], steps: int, repeats: int) -> Round:
    stills = [np.array(trainer.train((0.0,) * steps, repeat=repeat).losses) for repeat in range(repeats)]
    trained = [_against(trainer, rate, stills) for rate in rates]
    errors = [float(gains.std(ddof=1)) / math.sqrt(len(gains)) for gains, _ in trained if len(gains) > 1]
    return Round(
        steps=min(map(len, stills)),
        rates=tuple(rates),
        gains=tuple(float(gains.mean()) if len(gains) else -math.inf for gains, _ in trained),
        error=min(errors, default=0.0),
        differences=_differences([late for _, late in trained]),
        reached=tuple(float(late.mean()) if len(late) else math.inf for _, late in trained),
    )


def _differences(lates: Sequence[Floats]) -> tuple[float, ...]:
    """Of each rate the standard error of its losses above those of the best; 0 where there is one, or none."""
    best = min((late for late in lates if len(late)), key=lambda late: late.mean(), default=np.empty(0))
    apart = [late - best if len(late) == len(best) else np.empty(0) for late in lates]
    return tuple(float(d.std(ddof=1)) / math.sqrt(len(d)) if len(d) > 1 else 0.0 for d in apart)


def _against(trainer: Trainer, rate: float, stills: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Gains and losses of the last quarter of the batches, over all repeats; none where a loss is no number."""
    gains: list[Floats] = []
    lates: list[Floats] = []
    for repeat, still in enumerate(stills):
        losses = np.array(trainer.train((rate,) * len(still), repeat=repeat).losses)
        if len(losses) < len(still) or not np.isfinite(losses).all():
            return np.empty(0), np.empty(0)
        late = slice(len(still) - max(len(still) // 4, 1), len(still))
        gains.append((still - losses)[late])
        lates.append(losses[late])
    return np.concatenate(gains), np.concatenate(lates)


def _around(done: Round, grid: Sequence[float], *, below: int, above: int) -> tuple[float, ...]:
    """The best rate of a round with its neighbours in the grid."""
    best = list(grid).index(done.rates[done.best])
    return tuple(grid[max(best - below, 0) : best + above + 1])
