"""What a search for the rate found: three methods, what follows from them, and whether they agree."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from unstuck.find_lr.course import Course
from unstuck.find_lr.range_test import RangeTest
from unstuck.find_lr.short_trainings import ShortTrainings

__all__ = ["AGREE", "FoundRate"]

AGREE = 4.0
"""Methods agree whose rates lie in the band, or outside of it by at most this factor (our choice)."""


@dataclass(frozen=True, kw_only=True)
class FoundRate:
    """A rate that can be used, with what it rests on.

    Attributes:
        rate: The rate to use; None where none is of use.
        band: The rates that did about as well, from the lowest to the highest; None likewise.
        in_use: The rate that the optimizer had.
        method: The name of the optimizer.
        range_test: The exponential range test.
        course: The way of the course.
        short_trainings: Short trainings of a grid.
        why_none: Why no rate is of use; empty where one is.
        updates: Updates that the search took.
        seconds: How long.
        notes: What the reader should know beside it.
    """

    rate: float | None
    band: tuple[float, float] | None
    in_use: float
    method: str
    range_test: RangeTest
    course: Course
    short_trainings: ShortTrainings
    why_none: str
    updates: int
    seconds: float
    notes: tuple[str, ...] = ()

    @property
    def by_method(self) -> dict[str, float | None]:
        """The rate of each method by itself."""
        return {
            "range test": self.range_test.rate,
            "the way of the course": self.course.rate,
            "short trainings": self.short_trainings.rate,
        }

    @property
    def factor(self) -> float:
        """By what the rate of the farthest method lies outside of the band; infinite where a method has none."""
        if self.band is None:
            return math.inf
        low, high = self.band
        return max(math.inf if rate is None else max(low / rate, rate / high, 1.0) for rate in self.by_method.values())

    @property
    def agree(self) -> bool:
        """Whether they say the same, to a factor of four."""
        none = all(rate is None for rate in self.by_method.values())
        return none or self.factor <= AGREE

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data for JSON; what is no number is None."""
        return {
            "schema": 1,
            "learning_rate": self.rate,
            "band": self.band,
            "in_use": self.in_use,
            "optimizer": self.method,
            "agree": self.agree,
            "by_method": self.by_method,
            "why_none": self.why_none,
            "range_test": {
                key: getattr(self.range_test, key) for key in ("starts", "steepest", "lowest", "worse")
            }
            | {key: _plain(getattr(self.range_test, key).tolist()) for key in ("rates", "gain", "slope")},
            "course": {
                "tries": [{**asdict(one), "last": _number(one.last)} for one in self.course.tries],
                "threshold": self.course.threshold,
                "too_high": self.course.too_high,
            },
            "short_trainings": [
                {**asdict(one), "gains": _plain(one.gains), "reached": _plain(one.reached)}
                for one in self.short_trainings.rounds
            ],
            "updates": self.updates,
            "seconds": self.seconds,
            "notes": self.notes,
        }  # fmt: skip


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _plain(values: Any) -> list[float | None]:
    return [_number(float(value)) for value in values]
