"""Parallel coordinates: each try a line through its values, from key to key to what it is worth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from unstuck.sweep.chosen import Tried
from unstuck.sweep.result import Result
from unstuck.sweep.scale import Scale
from unstuck.sweep.wording import outcome_words, setting_words

__all__ = ["Parallel", "parallel"]

TOP, HEIGHT, BOTTOM = 34, 300, 16
LEFT, WIDTH, RIGHT = 80, 640, 75
APART = 150
"""Least distance of two axes."""
LEAST = 1e-4
"""Share that is wrong below which all is right."""

TONES = 5
"""Colours, from the best fifth to the worst."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """An axis: where it stands, its name, and what is written beside it."""

    x: float
    name: str
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True, kw_only=True)
class Thread:
    """A try: its way, its colour, and what it says when it is pointed at."""

    points: str
    tone: str
    said: str


@dataclass(frozen=True, kw_only=True)
class Parallel:
    """The picture.

    Attributes:
        columns: Its axes.
        threads: Its lines, the best last, so that it lies above the others.
        width: Of the picture.
        height: Of the picture.
        alternative: What it shows, for whoever does not see it.
    """

    columns: tuple[Column, ...]
    threads: tuple[Thread, ...]
    width: int
    height: int
    alternative: str
    top: int = TOP
    bottom: int = TOP + HEIGHT


def parallel(result: Result) -> Parallel | None:
    """Draw the tries of a result that differ in a key at least; None where there are none."""
    axes = [axis for axis in result.space.axes if any(axis.key in one.attempt.setting for one in result.tried)]
    tried = [one for one in result.tried if all(axis.key in one.attempt.setting for axis in axes)]
    if not tried or not axes:
        return None
    scales = [Scale.over(axis, [one.attempt.setting[axis.key] for one in tried]) for axis in axes]
    kept = sorted((one for one in tried if one.outcome.kept), key=lambda one: one.outcome.worth)
    ranks = {one.attempt.key: rank / max(len(kept) - 1, 1) for rank, one in enumerate(kept)}
    worth = _worths(kept)
    stopped = [one for one in tried if not one.outcome.kept]
    apart = max(APART, (WIDTH - LEFT - RIGHT) / len(axes))
    columns = [
        _column(place * apart, axis.key, scale.ticks())
        for place, (axis, scale) in enumerate(zip(axes, scales, strict=True))
    ]
    columns.append(_column(len(axes) * apart, worth.name, worth.ticks))
    threads: list[Thread] = []
    for one in (*stopped, *kept):
        shares = [scale.at(one.attempt.setting[scale.axis.key]) for scale in scales]
        shares.append(worth.at(one))
        rank = ranks.get(one.attempt.key)
        tone = "stopped" if rank is None else "best" if rank == 1.0 else f"t{min(int((1 - rank) * TONES), TONES - 1)}"
        points = " ".join(f"{_x(place * apart)},{_y(share)}" for place, share in enumerate(shares))
        said = f"{setting_words(result.space, one.attempt)}: {outcome_words(one.outcome)}"
        threads.append(Thread(points=points, tone=tone, said=said))
    return Parallel(
        columns=tuple(columns),
        threads=tuple(threads),
        width=round(LEFT + apart * len(axes) + RIGHT),
        height=TOP + HEIGHT + BOTTOM,
        alternative=f"{len(threads)} tries, each a line through its values of {', '.join(axis.key for axis in axes)}",
    )


@dataclass(frozen=True)
class _Worths:
    """The last axis: what is wrong, or the loss, in logarithms, the least at the top."""

    classes: bool
    low: float
    high: float

    @property
    def name(self) -> str:
        """What it is."""
        return "validation accuracy" if self.classes else "validation loss"

    def at(self, one: Tried) -> float:
        """Where the worth of a try lies; what was stopped lies at the foot."""
        return (self.high - _wrong(one)) / (self.high - self.low) if one.outcome.kept else 0.0

    @property
    def ticks(self) -> tuple[tuple[float, str], ...]:
        """Five values at equal distances."""
        shares = (0.0, 0.25, 0.5, 0.75, 1.0)
        values = [(share, math.exp(self.high - share * (self.high - self.low))) for share in shares]
        return tuple((share, f"{1 - value:.1%}" if self.classes else f"{value:.3g}") for share, value in values)


def _worths(kept: Sequence[Tried]) -> _Worths:
    values = [_wrong(one) for one in kept] or [0.0]
    low, high = min(values), max(values)
    classes = any(one.outcome.accuracy is not None for one in kept)
    return _Worths(classes, low, high if high > low else low + 1.0)


def _wrong(one: Tried) -> float:
    """Logarithm of the share that is wrong, or of the loss."""
    accuracy, loss = one.outcome.accuracy, one.outcome.loss
    return math.log(max(loss if accuracy is None else 1.0 - accuracy, LEAST))


def _column(place: float, name: str, ticks: Sequence[tuple[float, str]]) -> Column:
    return Column(x=_x(place), name=name, ticks=tuple((_y(share), text) for share, text in ticks))


def _x(place: float) -> float:
    return round(LEFT + place, 1)


def _y(share: float) -> float:
    return round(TOP + HEIGHT * (1.0 - share), 1)
