r"""The exponential range test: the rate climbs with every update, and the loss says from where to where it is of use.

Over repeats with other batches, the loss of update :math:`i` is compared with that of the same batch at the untrained
weights, so that what is left is what was learnt, and not that one batch is harder than another. The gain over the start
is

.. math:: g(\log \eta_i) = \frac 1 R \sum_r \bigl( L_{r,i}(0) - L_{r,i}(\eta_i) \bigr),

its slope on :math:`\log_{10} \eta` is that of a straight line through the points within half a decade.

Source: Smith, "Cyclical learning rates for training neural networks" (2017), section 3.3, which ramps the rate linearly
and once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unstuck.find_lr.trainer import Trainer, Trial

__all__ = ["RangeTest", "ramp", "range_test"]

Floats = NDArray[np.float64]
WINDOW = 0.25
"""Decades to each side through which a slope is drawn."""
ERRORS = 3.0
"""Standard errors beyond which a gain is none of chance (our choice)."""
BEGUN = 0.01
"""Share of the largest gain from which on the loss falls (our choice)."""
ALIKE = 2.0
"""Two ramps agree whose losses are lowest at rates at most this factor apart (our choice)."""
PAST = 10.0 ** (2.0 * WINDOW)
"""By how much further than to where the loss is above its start a repeat goes: what is smoothed there is then seen."""
LATE = {False: 3.0, True: 10.0}
"""By how much the rate at which the loss of a ramp is lowest is too high, without and with momentum: the ramp goes on
while an instability grows, with momentum, Adam's too, for some ten updates more. Measured by benchmarks/find_lr.py."""
INERT = 0.5
"""Momentum from which on that of ten updates and more is counted (our choice)."""


@dataclass(frozen=True, kw_only=True)
class RangeTest:
    """What a range test found.

    Attributes:
        rates: The ramp, as far as any repeat came.
        losses: Of each repeat, its losses.
        gain: The mean loss of the same batches at the start, less that of the ramp; NaN where no repeat came.
        slope: Of the gain on the logarithm of the rate, per decade.
        starts: The lowest rate from which on the loss falls; None where it does not.
        steepest: The rate where it falls fastest; None likewise.
        lowest: The rate where it is lowest; None likewise.
        worse: The rate from which on it is above the start, or no number; None where that is not reached.
        late: By what the rate of the lowest loss is divided.
    """

    rates: Floats
    losses: tuple[Floats, ...]
    gain: Floats
    slope: Floats
    starts: float | None
    steepest: float | None
    lowest: float | None
    worse: float | None
    late: float = LATE[False]

    @property
    def rate(self) -> float | None:
        """A third of the rate at which the loss is lowest, with momentum a tenth; None where it does not fall."""
        return None if self.lowest is None else self.lowest / self.late


def ramp(low: float, high: float, points: int) -> tuple[float, ...]:
    """Rates that grow by the same factor from update to update.

    Examples:
        >>> [round(rate, 6) for rate in ramp(1e-3, 1e-1, 3)]
        [0.001, 0.01, 0.1]
    """
    return tuple(float(rate) for rate in np.geomspace(low, high, points))


def range_test(trainer: Trainer, rates: Sequence[float], *, repeats: int = 3) -> RangeTest:
    """Run it.

    Repeats end a little past the rate from which on the loss was above its start, and when two of them agree.

    Args:
        trainer: What is trained.
        rates: The ramp.
        repeats: With other batches each, at most.
    """
    trials: list[tuple[Trial, Trial]] = []
    lowest: list[float] = []
    for repeat in range(repeats):
        climbed = trainer.train(rates, repeat=repeat)
        trials.append((climbed, trainer.train((0.0,) * len(climbed.losses), repeat=repeat)))
        alone = judged(rates, trials[-1:])
        if alone.lowest is None:
            continue
        lowest.append(alone.lowest)
        if len(lowest) > 1 and max(lowest) <= ALIKE * min(lowest):
            break
        if alone.worse is not None:
            rates = [rate for rate in rates if rate <= PAST * alone.worse]
    return judged(rates, trials, momentum=trainer.momentum)


def judged(rates: Sequence[float], trials: Sequence[tuple[Trial, Trial]], *, momentum: float = 0.0) -> RangeTest:
    """Judge ramps, each beside the losses of its batches at the start, of an optimizer with a momentum."""
    gains = np.full((len(trials), len(rates)), np.nan)
    for row, (climbed, still) in zip(gains, trials, strict=True):
        common = min(len(climbed.losses), len(still.losses), len(rates))
        with np.errstate(invalid="ignore"):
            row[:common] = np.array(still.losses[:common]) - np.array(climbed.losses[:common])
        if climbed.ended and common == len(climbed.losses):
            row[common - 1 :] = np.nan
    gains[~np.isfinite(gains)] = np.nan
    seen = ~np.isnan(gains).any(axis=0)  # as far as all of them came
    reached = int(seen.argmin()) if not seen.all() else len(rates)
    known, position = gains[:, :reached], np.log10(np.asarray(rates[:reached]))
    if reached < 3:
        nothing = np.empty(0)
        return RangeTest(
            rates=nothing, losses=(), gain=nothing, slope=nothing, starts=None, steepest=None, lowest=None,
            worse=None if reached == len(rates) else float(rates[min(reached, len(rates) - 1)]),
        )  # fmt: skip
    gain = known.mean(axis=0)
    smooth, slope, noise = _lines(position, gain)
    falling = smooth > np.maximum(ERRORS * noise, BEGUN * float(smooth.max()))
    peak = int(np.argmax(smooth))
    found = bool(falling[peak])
    first = _first_of_run(falling, peak) if found else 0
    above = np.flatnonzero(smooth[peak:] < 0.0)
    worse = peak + int(above[0]) if len(above) else reached
    return RangeTest(
        rates=np.asarray(rates[:reached]),
        losses=tuple(np.asarray(climbed.losses[:reached]) for climbed, _ in trials),
        gain=gain,
        slope=slope,
        starts=float(rates[first]) if found else None,
        steepest=float(rates[int(np.argmax(slope[: peak + 1]))]) if found else None,
        lowest=float(rates[peak]) if found else None,
        worse=float(rates[worse]) if worse < len(rates) else None,
        late=LATE[momentum >= INERT],
    )


def _lines(position: Floats, values: Floats) -> tuple[Floats, Floats, Floats]:
    """Value, slope and the value's standard error, at each position, of a straight line through the points near it."""
    smooth, slope, error = np.empty((3, len(values)))
    for k, here in enumerate(position):
        near = np.abs(position - here) <= WINDOW + 1e-9
        if near.sum() < 4:  # a ramp of few points
            near[max(k - 2, 0) : k + 3] = True
        away, y = position[near] - here, values[near]
        apart = away - away.mean()
        slope[k] = float((apart * (y - y.mean())).sum()) / float((apart**2).sum())
        smooth[k] = float(y.mean()) - slope[k] * float(away.mean())
        left = y - smooth[k] - slope[k] * away
        shape = 1.0 / len(y) + float(away.mean()) ** 2 / float((apart**2).sum())
        error[k] = math.sqrt(float((left**2).sum()) / max(len(y) - 2, 1) * shape)
    return smooth, slope, error


def _first_of_run(falling: NDArray[np.bool_], peak: int) -> int:
    """Where the run of falling rates begins that leads up to the peak."""
    below = np.flatnonzero(~falling[:peak])
    return int(below[-1]) + 1 if len(below) else 0
