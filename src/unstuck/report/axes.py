"""Axes of figures that are drawn without a script: where a value lies, and which round numbers are written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Axis", "Tick"]


@dataclass(frozen=True)
class Tick:
    """A mark on an axis."""

    at: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A scale.

    Attributes:
        low: The least value; of a logarithmic axis, its logarithm to the base of ten.
        high: The largest, likewise.
        start: Where the least lies in the picture.
        end: Where the largest lies.
        log: Whether it is logarithmic.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool

    @classmethod
    def over(cls, values: Sequence[float], start: float, end: float, *, log: bool) -> Axis:
        """An axis that holds all values; a logarithmic one ends at powers of ten."""
        low, high = min(values), max(values)
        if log:
            low, high = math.log10(low), math.log10(high)
            low, high = math.floor(low + 1e-9), math.ceil(high - 1e-9)
        if high <= low:
            low, high = low - 0.5, high + 0.5
        return cls(low=low, high=high, start=start, end=end, log=log)

    def at(self, value: float) -> float:
        """Where a value lies in the picture."""
        position = math.log10(value) if self.log else value
        return round(self.start + (position - self.low) / (self.high - self.low) * (self.end - self.start), 1)

    def ticks(self) -> tuple[Tick, ...]:
        """Powers of ten, or about five round numbers."""
        if self.log:
            low, high = math.ceil(self.low), math.floor(self.high)
            every = max(1, math.ceil((high - low + 1) / 7))
            return tuple(Tick(self.at(10.0**p), f"1e{p}") for p in range(low, high + 1, every))
        size = 10.0 ** math.floor(math.log10((self.high - self.low) / 4.0))
        step = next(size * m for m in (1, 2, 5, 10) if (self.high - self.low) / (size * m) <= 5.0)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return tuple(Tick(self.at(n * step), f"{n * step:.3g}") for n in range(first, last + 1))
