"""Where the values of a key lie along an axis of a picture, whatever they are: numbers, zero beside them, or names."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from unstuck.report.axes import Axis as Numbers
from unstuck.sweep.axis import Axis, Value

__all__ = ["Scale"]

GAP = 0.16
"""Share of the axis that zero lies below the least number, where that has a logarithm."""

SPARSE = 9
"""Names that are all written."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """A scale of one key.

    Attributes:
        axis: The key.
        numbers: The scale of its numbers; None where its values are names.
        zero: Whether zero lies below a logarithmic scale.
        names: The values, where they are names or tables, as they are written.
    """

    axis: Axis
    numbers: Numbers | None
    zero: bool = False
    names: tuple[str, ...] = ()

    @classmethod
    def over(cls, axis: Axis, values: Iterable[Value]) -> Scale:
        """A scale that holds all values.

        Examples:
            >>> axis = Axis(key="optimizer.weight_decay", values=(0.0,))
            >>> scale = Scale.over(axis, [0.0, 0.01, 1.0])
            >>> scale.at(0.0), scale.at(1.0)
            (0.0, 1.0)
        """
        found = list(values)
        if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in found):
            listed = [axis.written(value) for value in (*axis.values, *found)]
            return cls(axis=axis, numbers=None, names=tuple(dict.fromkeys(listed)))
        positive = [float(value) for value in found if value > 0]
        log = bool(positive) and min(found) >= 0 and max(positive) / min(positive) >= 10
        zero = log and min(found) == 0
        known = positive if log else [float(value) for value in found]
        low, high = min(known), max(known)
        if log:
            low, high = math.log10(low), math.log10(high)
        if high <= low:
            low, high = low - 0.5, high + 0.5
        return cls(
            axis=axis, numbers=Numbers(low=low, high=high, start=GAP if zero else 0.0, end=1.0, log=log), zero=zero
        )

    def at(self, value: Value) -> float:
        """Where a value lies, from 0 to 1."""
        if self.numbers is None:
            place = self.names.index(self.axis.written(value))
            return place / max(len(self.names) - 1, 1)
        if self.zero and value == 0:
            return 0.0
        numbers = self.numbers
        number = math.log10(value) if numbers.log else value
        return numbers.start + (number - numbers.low) / (numbers.high - numbers.low) * (numbers.end - numbers.start)

    def ticks(self) -> tuple[tuple[float, str], ...]:
        """Where something is written, and what."""
        if self.numbers is None:
            every = max(1, math.ceil(len(self.names) / SPARSE))
            return tuple(
                (place / max(len(self.names) - 1, 1), name)
                for place, name in enumerate(self.names)
                if not place % every
            )
        if not self.numbers.log:
            marks = (tick.text for tick in self.numbers.ticks())
            return tuple((self.at(float(text)), text) for text in marks)
        first, last = math.ceil(self.numbers.low - 1e-9), math.floor(self.numbers.high + 1e-9)
        powers = list(range(first, last + 1))
        every = max(1, math.ceil(len(powers) / 7))
        ends = [10.0**power for power in powers[::every]] or [10.0**self.numbers.low, 10.0**self.numbers.high]
        found = [(self.at(value), f"{value:.4g}") for value in ends]
        return tuple([(0.0, "0"), *found] if self.zero else found)
