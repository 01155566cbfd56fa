"""Histograms of the start, small and side by side, so that layers can be compared at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from unstuck.record.checklist import Histogram

__all__ = ["BARS_HEIGHT", "BARS_WIDTH", "Bars", "Row", "rows"]

BARS_WIDTH, BARS_HEIGHT = 160, 64
MOST = 24
"""Histograms of one kind that are drawn; of more layers, these are taken at equal distances."""
SPREADS = {"activations": "spread", "gradients": "size"}


@dataclass(frozen=True, kw_only=True)
class Bars:
    """One histogram in the units of the picture.

    Attributes:
        name: The layer.
        outline: Path of the bars, which stand without gaps.
        low: Left end of the axis, in words.
        high: Right end of the axis, in words.
        note: Spread, zeros, and what lies beyond the ends.
    """

    name: str
    outline: str
    low: str
    high: str
    note: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """The histograms of one kind.

    Attributes:
        title: What they show.
        bars: The histograms, in the order of the layers.
    """

    title: str
    bars: tuple[Bars, ...]


def rows(histograms: Sequence[Histogram]) -> tuple[Row, ...]:
    """Draw them, those of one kind in one row."""
    made: list[Row] = []
    for kind, group in groupby(histograms, key=lambda histogram: histogram.of):
        every = list(group)
        shown = every
        if len(every) > MOST:
            shown = [every[round(i * (len(every) - 1) / (MOST - 1))] for i in range(MOST)]
        few = f", {len(shown)} of {len(every)}" if len(shown) < len(every) else ""
        made.append(Row(title=f"Distribution of the {kind} at the start{few}", bars=tuple(map(_bars, shown))))
    return tuple(made)


def _bars(histogram: Histogram) -> Bars:
    total = sum(histogram.counts) + histogram.below + histogram.above
    beyond = (histogram.below + histogram.above) / total if total else 0.0
    parts = [f"{SPREADS.get(histogram.of, 'spread')} {histogram.spread:.2g}"]
    parts += [f"{histogram.zero:.0%} zero"] if histogram.zero >= 0.005 else []
    parts += [f"{beyond:.0%} beyond"] if beyond >= 0.005 else []
    return Bars(
        name=histogram.name,
        outline=_outline(histogram.counts),
        low=f"{histogram.low:.2g}",
        high=f"{histogram.high:.2g}",
        note=", ".join(parts),
    )


def _outline(counts: Sequence[int]) -> str:
    fullest = max(counts, default=0)
    if not fullest:
        return ""
    width = BARS_WIDTH / len(counts)
    points = [f"M0 {BARS_HEIGHT}"]
    for i, count in enumerate(counts):
        y = round(BARS_HEIGHT * (1.0 - count / fullest), 1)
        points.append(f"L{i * width:.4g} {y:g}L{(i + 1) * width:.4g} {y:g}")
    return "".join([*points, f"L{BARS_WIDTH} {BARS_HEIGHT}Z"])
