"""One key that is swept: single values, a range, or both; its orders of magnitude, and the fine values around one."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ["FINE", "Axis", "Range", "Value"]

Value = Any
"""A value of a recipe: a number, a text, true or false, a list or a table of these."""

FINE = (-2 / 3, -1 / 3, 1 / 3, 2 / 3)
"""Fine values around a coarse one, in coarse steps: for decades about a half, 0.2, 2 and 5 times as much."""

LINEAR = 5
"""Coarse points of a range that is not gone through in logarithms."""

DIGITS = 2
"""Significant digits of what is tried: a rate of 0.0021 is as good as one of 0.002154."""


@dataclass(frozen=True, kw_only=True)
class Range:
    """Numbers between two ends.

    Attributes:
        low: The least.
        high: The largest.
        log: Whether it is gone through in logarithms.
        whole: Whether only whole numbers are tried.
        open: Whether the ends are where a search begins and not where it stops: it goes on beyond the one that is best.
    """

    low: float
    high: float
    log: bool
    whole: bool = False
    open: bool = False

    def __repr__(self) -> str:
        ends = f"low={self.low}, high={self.high}, log={self.log}, whole={self.whole}"
        return f"Range({ends}, open=True)" if self.open else f"Range({ends})"

    @property
    def steps(self) -> int:
        """Coarse steps from one end to the other: decades, of whole numbers powers of four."""
        if not self.log:
            return LINEAR - 1
        return max(1, round(math.log(self.high / self.low, 4.0 if self.whole else 10.0)))

    def coarse(self) -> tuple[float, ...]:
        """The orders of magnitude, both ends among them."""
        return self._rounded(self._at(k / self.steps) for k in range(self.steps + 1))

    def fine(self, centre: float) -> tuple[float, ...]:
        """Values around one, at thirds of the coarse steps to its neighbours, none of them beyond an end.

        Examples:
            >>> Range(low=1e-4, high=1.0, log=True).fine(0.01)
            (0.0022, 0.0046, 0.022, 0.046)
        """
        place = self._share(centre)
        shares = (place + third / self.steps for third in FINE)
        kept = (share for share in shares if self.open or -1e-9 <= share <= 1 + 1e-9)
        return tuple(value for value in self._rounded(map(self._at, kept)) if value != centre)

    def beyond(self, tried: Iterable[float], best: float) -> float | None:
        """The next coarse value beyond the best where that is the outermost tried of an open range; else None.

        Examples:
            >>> Range(low=0.1, high=10.0, log=True, open=True).beyond([0.1, 1.0, 10.0], 0.1)
            0.01
        """
        every = sorted(tried)
        if not self.open or best not in (every[0], every[-1]):
            return None
        outward = -1 if best == every[0] else 1
        (value,) = self._rounded([self._at(self._share(best) + outward / self.steps)])
        return value

    def _at(self, share: float) -> float:
        if self.log:
            return math.exp(math.log(self.low) + share * math.log(self.high / self.low))
        return self.low + share * (self.high - self.low)

    def _share(self, value: float) -> float:
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def _rounded(self, values: Iterable[float]) -> tuple[float, ...]:
        numbers = (round(value) if self.whole else float(f"{value:.{DIGITS}g}") for value in values)
        inside = (number if self.open else min(max(number, self.low), self.high) for number in numbers)
        return tuple(dict.fromkeys(int(number) if self.whole else number for number in inside))


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A key of the recipe, and what is tried for it.

    Attributes:
        key: The key, ``"optimizer.lr"``.
        values: Values that are tried as they are.
        range: Numbers that are tried besides; None where there are none.
    """

    key: str
    values: tuple[Value, ...] = ()
    range: Range | None = None

    @property
    def coarse(self) -> tuple[Value, ...]:
        """What is tried first: the single values, then the orders of magnitude."""
        return (*self.values, *(self.range.coarse() if self.range else ()))

    def fine(self, best: Value) -> tuple[Value, ...]:
        """What is tried around the best of them; nothing around a single value."""
        if self.range is None or isinstance(best, bool) or not isinstance(best, int | float) or best in self.values:
            return ()
        return self.range.fine(best)

    def spelled(self, value: Value) -> Value:
        """A value as it stands among those that are tried, so that 0 and 0.0 are one setting and one training.

        Examples:
            >>> Axis(key="optimizer.weight_decay", values=(0.0,)).spelled(0)
            0.0
        """
        same = (one for one in self.coarse if one == value and isinstance(one, bool) == isinstance(value, bool))
        return next(same, value)

    def to_dict(self) -> dict[str, Any]:
        """The axis as plain data."""
        numbers = self.range and {"low": self.range.low, "high": self.range.high, "log": self.range.log}
        extra = self.range and {"whole": self.range.whole, "open": self.range.open}
        return {"key": self.key, "values": list(self.values), "range": numbers and {**numbers, **(extra or {})}}

    @classmethod
    def of(cls, data: dict[str, Any]) -> Axis:
        """The axis of :meth:`to_dict`."""
        return cls(
            key=data["key"], values=tuple(data["values"]), range=Range(**data["range"]) if data["range"] else None
        )

    def written(self, value: Value) -> str:
        """A value as it is shown and as ``--set`` takes it.

        Examples:
            >>> Axis(key="model.hidden", values=([64], [64, 64])).written([64])
            '[64]'
        """
        return f"{value:.4g}" if isinstance(value, float) else value if isinstance(value, str) else json.dumps(value)
