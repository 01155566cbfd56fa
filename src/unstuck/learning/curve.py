"""The judgement of loss curves that rules share: levels, noise, trend, shape; each with its standard error.

All of it works on time as a share of the training, on levels as medians of means, and on differences in units of their
standard errors, so that a verdict does not change when the loss is multiplied by a constant, or when every second step
is kept. Thinned curves (dense at the start, sparse later) are read by steps, never by position.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unstuck.record import Series

__all__ = ["Curve", "Level", "Shape", "Trend", "level", "noise"]

Shape = Literal["diverging", "flat", "linear", "falling"]

CHUNKS = 5
"""Means of which a level is the median: enough to shed one spiked chunk in five and to estimate an error."""

BLOCKS = 16
"""Blocks that a line is drawn through: enough for an error of its slope, few enough that each averages noise."""

HUGE = 1e100
"""Where losses are cut off: a diverged one is as bad at 1e100, and its square still has a number."""

CERTAIN = 4.0
"""Standard errors that a difference must have before it counts: noise of a training is correlated and has long tails,
so that the 2 or 3 of independent normal errors would see trends that are none."""


class Level(NamedTuple):
    """Where a stretch of a curve lies, and the standard error of that.

    Attributes:
        value: Median of the means of :data:`CHUNKS` equal chunks.
        error: Its standard error, from the scatter of the chunks; infinite for a single sample.
    """

    value: float
    error: float


class Trend(NamedTuple):
    """The slope of a stretch of a curve.

    Attributes:
        slope: Change of the loss, had it gone on so for the whole length of the training; negative where it falls.
        error: Standard error of the slope, from the scatter of blocks about the line; infinite for too few samples.
    """

    slope: float
    error: float

    @property
    def falls(self) -> bool:
        """Whether it falls by more than noise explains."""
        return self.slope < -CERTAIN * self.error


def level(values: NDArray[np.float64]) -> Level:
    """The level of a stretch of samples, in order of their steps.

    A median of means: unbiased for skewed noise up to the skew left in a chunk's mean, and unmoved by rare spikes.

    Args:
        values: The samples, shape (S,), finite, S >= 1.

    Examples:
        >>> import numpy as np
        >>> level(np.array([1.0, 1.0, 1.0, 1.0, 500.0])).value
        1.0
    """
    chunks = np.array([chunk.mean() for chunk in np.array_split(values, min(CHUNKS, len(values)))])
    if len(chunks) < 2:
        return Level(float(chunks[0]), float("inf"))
    # The efficiency of a median is 2 / pi of that of a mean.
    return Level(float(np.median(chunks)), float(np.sqrt(np.pi / 2 / len(chunks)) * chunks.std(ddof=1)))


def noise(values: NDArray[np.float64]) -> float:
    r"""Standard deviation of the noise from sample to sample, with trend and curvature taken out.

    .. math:: \hat\sigma = 1.4826 \, \mathrm{median} |x_{i-1} - 2 x_i + x_{i+1}| / \sqrt 6

    Source: Gasser, Sroka and Jennen-Steinmetz, "Residual variance and residual pattern in nonlinear regression",
    Biometrika 73 (1986), with the median absolute deviation for robustness.

    Args:
        values: The samples, shape (S,), finite; fewer than three have no noise that could be told, which gives 0.
    """
    if len(values) < 3:
        return 0.0
    return float(1.4826 * np.median(np.abs(np.diff(values, n=2))) / np.sqrt(6.0))


@dataclass(frozen=True)
class Curve:
    """A loss curve with one finite value a step.

    Attributes:
        steps: Training steps, strictly ascending, shape (S,).
        values: The loss of each, shape (S,), finite.
    """

    steps: NDArray[np.int64]
    values: NDArray[np.float64]

    @classmethod
    def of(cls, series: Series) -> Curve:
        """The curve of a series: what is not finite left out, several values of one step averaged."""
        finite = series.finite()
        values = np.clip(finite.values, -HUGE, HUGE)
        steps, inverse, counts = np.unique(finite.steps, return_inverse=True, return_counts=True)
        return cls(steps, np.bincount(inverse, weights=values, minlength=len(steps)) / np.maximum(counts, 1))

    def __len__(self) -> int:
        return len(self.steps)

    @cached_property
    def share(self) -> NDArray[np.float64]:
        """The time of each sample as a share of the training, 0 to 1."""
        length = self.steps[-1] - self.steps[0]
        return (self.steps - self.steps[0]) / length if length else np.zeros(len(self.steps))

    def within(self, start: float, end: float) -> NDArray[np.float64]:
        """The values of a stretch of the training, given as shares of its length; at least the sample nearest to it."""
        keep = (self.share >= start) & ((self.share < end) | (end >= 1.0))
        if not keep.any():
            keep[np.argmin(np.abs(self.share - (start + end) / 2))] = True
        return self.values[keep]

    def level(self, start: float, end: float) -> Level:
        """The level of a stretch, given as shares of the training."""
        return level(self.within(start, end))

    @cached_property
    def first(self) -> float:
        """The loss before the first update."""
        return float(self.values[0])

    @cached_property
    def start(self) -> float:
        """The level of the first few samples: the loss of the untrained model, less noisy than one batch.

        Where the first steps throw the loss to more than twice its first value, that value alone.
        """
        start = float(np.median(self.values[: self._starting]))
        thrown = start - self.first > max(abs(self.first), CERTAIN * self.noise)
        return self.first if thrown else start

    @property
    def _starting(self) -> int:
        """Samples that :attr:`start` is the median of."""
        return 5 if len(self) >= 50 else 3 if len(self) >= 20 else 1

    @cached_property
    def end(self) -> Level:
        """The level of the last tenth, or of the last five samples where a tenth holds fewer."""
        return level(self.values[self.steps >= self.ending])

    @cached_property
    def ending(self) -> int:
        """The first step of the stretch that :attr:`end` is of."""
        tail = self.steps[self.share >= 0.9]
        return int(tail[0] if len(tail) >= CHUNKS else self.steps[-CHUNKS:][0])

    @cached_property
    def best(self) -> float:
        """The lowest level of any tenth of the training."""
        return min(self.level(i / 10, (i + 1) / 10).value for i in range(10))

    @cached_property
    def noise(self) -> float:
        """Standard deviation of the noise over the whole training."""
        return noise(self.values)

    @cached_property
    def start_noise(self) -> float:
        """Standard deviation of the noise over the first tenth, and at least ten samples."""
        return noise(self.values[: max(10, len(self) // 10)])

    @cached_property
    def scale(self) -> float:
        """A positive unit of this loss, itself proportional to it: the first value, or the spread where that is more.

        A loss that is never negative is measured from zero. One that changes sign (a log-likelihood, a critic's score)
        has no zero of its own, and is measured by its spread over the training as well.
        """
        spread = float(np.subtract(*np.percentile(self.values, [90, 10])))
        unit = abs(self.first) if self.values.min() >= 0 else max(abs(self.first), spread)
        return unit or spread or 1.0

    @cached_property
    def fall(self) -> float:
        """How far the loss fell from its start to its end; negative where it rose."""
        return self.start - self.end.value

    @cached_property
    def fall_error(self) -> float:
        """Standard error of the fall; a median has pi / 2 of the variance of a mean."""
        return float(np.hypot(self.start_noise * np.sqrt(np.pi / 2 / self._starting), self.end.error))

    def trend(self, start: float, end: float) -> Trend:
        """The slope of a stretch, given as shares of the training: least squares on the levels of equal blocks."""
        keep = (self.share >= start) & ((self.share < end) | (end >= 1.0))
        values, times = self.values[keep], self.share[keep]
        blocks = min(BLOCKS, len(values) // 2)
        if blocks < 4:
            return Trend(0.0, float("inf"))
        levels = np.array([level(block).value for block in np.array_split(values, blocks)])
        middles = np.array([block.mean() for block in np.array_split(times, blocks)])
        centred = middles - middles.mean()
        slope = float(centred @ levels / (centred @ centred))
        residuals = levels - levels.mean() - slope * centred
        return Trend(slope, float(np.sqrt(residuals @ residuals / (blocks - 2) / (centred @ centred))))

    def still_falls(self, gain: float) -> bool:
        """Whether its last half fell more than noise explains, and by a share of what it ended at."""
        return self.trend(0.5, 1.0).falls and self.level(0.4, 0.5).value > (1.0 + gain) * self.end.value

    @cached_property
    def falls_surely(self) -> bool:
        """Whether the end lies below the start by more than noise explains."""
        far = self.fall > CERTAIN * np.hypot(self.end.error, self.start_noise)
        return self.fall > 0 and bool(far or self.trend(0.0, 1.0).falls)

    @cached_property
    def rises_surely(self) -> bool:
        """Whether the end lies above the start by more than noise explains, and by a twentieth of its scale."""
        return -self.fall > CERTAIN * self.fall_error and -self.fall > 0.05 * self.scale

    def pace(self, start: float) -> float:
        """How fast the loss falls from a share of the training on, in units of its average fall.

        1 for a straight line, above it for a fall that speeds up, 0 for a plateau. An exponential that has run for its
        time constant once has 0.76 over its last half; twice, 0.54; five times, 0.15.
        """
        return -self.trend(start, 1.0).slope / self.fall if self.fall > 0 else 0.0

    @cached_property
    def shape(self) -> Shape:
        """The curve in a word: diverging, flat, linear (nearly as steep in the last half as on the whole), or falling.

        Diverging: the end lies above the start by its own scale and by more than noise explains. Flat: no fall that
        noise does not explain.
        """
        if -self.fall > self.scale and -self.fall > CERTAIN * self.start_noise:
            return "diverging"
        if not self.falls_surely:
            return "flat"
        return "linear" if self.pace(0.5) > 0.7 else "falling"
