"""Three methods on one trainer, and what follows from them together."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from unstuck.errors import ArgumentError
from unstuck.find_lr.course import Course, course
from unstuck.find_lr.range_test import RangeTest, ramp, range_test
from unstuck.find_lr.remembered import Remembered
from unstuck.find_lr.result import FoundRate
from unstuck.find_lr.short_trainings import ShortTrainings, short_trainings
from unstuck.find_lr.trainer import Trainer

__all__ = ["Effort", "search"]

LONGEST = 144
"""Updates of the longest trainings, unless the whole training is shorter (our choice)."""
LEAST = 8
"""Updates of the shortest."""
SPACING = 10.0**0.2
"""Between rates of the grid: five to a decade."""


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much is tried.

    Attributes:
        low: The lowest rate.
        high: The highest.
        points: Updates of a ramp from the one to the other.
        repeats: Ramps, with other batches each.
        longest: Updates of the longest trainings; None: 144, or a sixth of a training whose length is known.
    """

    low: float = 1e-6
    high: float = 100.0
    points: int = 64
    repeats: int = 3
    longest: int | None = None

    def __post_init__(self) -> None:
        for name, value in (("low", self.low), ("high", self.high)):
            if not 0.0 < value < math.inf:
                raise ArgumentError(f"{name}={value!r}: a rate above 0 is accepted")
        if self.low >= self.high:
            empty = "the range is empty" if self.low == self.high else "the range is reversed"
            raise ArgumentError(f"low={self.low!r}, high={self.high!r}: {empty}; give the lower rate first")
        counts = {"points": (self.points, 8), "repeats": (self.repeats, 1), "longest": (self.longest, LEAST)}
        for name, (value, least) in counts.items():
            if value is not None and (type(value) is not int or value < least):
                raise ArgumentError(f"{name}={value!r}: a whole number from {least} is accepted")

    def for_training(self, updates: int) -> Effort:
        """The same for a training of so many updates.

        Examples:
            >>> Effort().for_training(600).lengths
            (11, 33, 100)
        """
        return self if self.longest is not None else replace(self, longest=min(LONGEST, max(updates // 6, 24)))

    @property
    def lengths(self) -> tuple[int, ...]:
        """Updates of each round of short trainings, the next three times as long."""
        lengths = [LONGEST if self.longest is None else self.longest]
        while lengths[0] // 3 >= LEAST and len(lengths) < 3:
            lengths.insert(0, lengths[0] // 3)
        return tuple(lengths)


def search(trainer: Trainer, effort: Effort, *, notes: Sequence[str] = ()) -> FoundRate:
    """Search for the rate.

    Args:
        trainer: What is trained, from its start.
        effort: How much is tried.
        notes: What the reader should know beside the result.

    Raises:
        ArgumentError: The loss is no number before anything is trained.
    """
    began = time.perf_counter()
    remembered = Remembered(trainer)
    lengths = effort.lengths
    _require_a_loss(remembered, lengths[-1])
    tested = range_test(remembered, ramp(effort.low, effort.high, effort.points), repeats=effort.repeats)
    walked = course(remembered, steps=lengths[len(lengths) // 2], low=effort.low, high=effort.high)
    grid = _grid(tested, walked, effort)
    trained = (
        short_trainings(remembered, grid, lengths=lengths, low=effort.low, high=effort.high)
        if grid
        else ShortTrainings(rounds=())
    )
    rate = trained.rate
    return FoundRate(
        rate=rate,
        band=trained.band,
        in_use=trainer.rate,
        method=trainer.method,
        range_test=tested,
        course=walked,
        short_trainings=trained,
        why_none="" if rate is not None else _why_none(walked, effort),
        updates=remembered.updates,
        seconds=time.perf_counter() - began,
        notes=tuple(notes),
    )


def _require_a_loss(trainer: Trainer, steps: int) -> None:
    still = trainer.train((0.0,) * steps)
    if not still.losses:
        raise ArgumentError(f"no loss was seen{f': {still.ended}' if still.ended else ''}; unstuck check says more")
    if not still.finite:
        at = len(still.losses)
        which = "the first batch" if at == 1 else f"batch {at}"
        raise ArgumentError(
            f"the loss of {which} is {still.losses[-1]} before anything is trained, so that no rate can be told from "
            "another; unstuck check says where it comes from"
        )


def _grid(tested: RangeTest, walked: Course, effort: Effort) -> tuple[float, ...]:
    """Rates around what the two others found, five to a decade; where they found nothing, all between 1e-4 and 10.

    A loss that begins on a plateau moves by less than its noise at first, so that only the longer trainings tell.
    """
    found = [rate for rate in (tested.rate, walked.rate) if rate is not None]
    tops = [rate for rate in (tested.lowest, walked.threshold) if rate is not None]
    if not found:
        found, tops = [4e-4], [10.0 / 1.6]
    low, high = max(min(found) / 4.0, effort.low), min(max(tops) * 1.6, effort.high)
    count = max(round(math.log(high / low) / math.log(SPACING)), 1) + 1
    return tuple(float(f"{rate:.3g}") for rate in np.geomspace(low, high, count))


def _why_none(walked: Course, effort: Effort) -> str:
    tried = [one.rate for one in walked.tries]
    between = f"from {min(tried, default=effort.low):.2g} to {max(tried, default=effort.high):.2g}"
    return f"at no rate {between} does the loss fall by more than its noise"
