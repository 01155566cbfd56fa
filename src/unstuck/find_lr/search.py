"""Three methods on one trainer, and what follows from them together."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from unstuck.errors import ArgumentError
from unstuck.find_lr.course import Course, course
from unstuck.find_lr.range_test import RangeTest, ramp, range_test
from unstuck.find_lr.remembered import Remembered
from unstuck.find_lr.result import FoundRate
from unstuck.find_lr.short_trainings import grid, short_trainings
from unstuck.find_lr.trainer import Trainer, Trial, bound_by

__all__ = ["Effort", "search"]

LONGEST = 144
"""Updates of the longest trainings, unless the whole training is shorter (our choice)."""
LEAST = 8
"""Updates of the shortest."""
TIMES = 6
"""The longest trainings over the shortest (our choice)."""


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much is tried.

    Attributes:
        low: The lowest rate.
        high: The highest.
        points: Updates of a ramp from the one to the other.
        repeats: Ramps, with other batches each, at most; two suffice that agree.
        longest: Updates of the longest trainings; None: 144, or a sixth of a training whose length is known.
    """

    low: float = 1e-6
    high: float = 100.0
    points: int = 64
    repeats: int = 3
    longest: int | None = None

    def __post_init__(self) -> None:
        for name, value in (("low", self.low), ("high", self.high)):
            if type(value) not in (int, float) or not 0.0 < value < math.inf:
                raise ArgumentError(f"{name}={value!r}: a rate is accepted, a finite number above 0")
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
            (16, 100)
        """
        return self if self.longest is not None else replace(self, longest=min(LONGEST, max(updates // 6, 24)))

    @property
    def lengths(self) -> tuple[int, ...]:
        """Updates of the short trainings of each round: all of the grid, then around its best rate."""
        longest = LONGEST if self.longest is None else self.longest
        shortest = max(longest // TIMES, LEAST)
        return (shortest, longest) if shortest < longest else (longest,)

    @property
    def tried(self) -> int:
        """Updates of a try on the way of the course."""
        return max(self.lengths[-1] // 3, LEAST)


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
    remembered.bound = bound_by(_require_a_loss(remembered, lengths[-1]))
    tested = range_test(remembered, ramp(effort.low, effort.high, effort.points), repeats=effort.repeats)
    walked = course(remembered, steps=effort.tried, low=effort.low, high=effort.high)
    around = _around(tested, walked, effort)
    trained = short_trainings(remembered, around, lengths=lengths, low=effort.low, high=effort.high)
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


def _require_a_loss(trainer: Trainer, steps: int) -> Trial:
    """The losses of the batches before anything is trained."""
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
    return still


def _around(tested: RangeTest, walked: Course, effort: Effort) -> tuple[float, ...]:
    """The grid around what the two others found; where they found nothing, all of it between 1e-4 and 10.

    A loss that begins on a plateau moves by less than its noise at first, so that only the longer trainings tell.
    """
    found = [rate for rate in (tested.rate, walked.rate) if rate is not None]
    tops = [rate for rate in (tested.lowest, walked.threshold) if rate is not None]
    if not found:
        found, tops = [4e-4], [10.0 / 1.6]
    low, high = min(found) / 4.0, max(tops) * 1.6
    if low > effort.high or high < effort.low:
        low, high = effort.low, effort.high
    return grid(max(low, effort.low), min(high, effort.high))


def _why_none(walked: Course, effort: Effort) -> str:
    tried = [one.rate for one in walked.tries]
    between = f"from {min(tried, default=effort.low):.2g} to {max(tried, default=effort.high):.2g}"
    return f"at no rate {between} does the loss fall by more than its noise"
