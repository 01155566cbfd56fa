"""Activation histograms by layer over time, on one axis of values a layer.

Each sample's 32 bins span its own smallest to largest value, so the samples of a layer are laid onto common bins.
Shapes: S samples, L layers, B bins of a sample, R bins of the picture, K columns of the picture.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unstuck.record import Run, facts, signals
from unstuck.record.numbers import number, share
from unstuck.report.plot import ends_note, reason_missing
from unstuck.report.wording import Words

__all__ = ["Heatmap", "Histograms", "histograms", "rebin"]

LAYERS = 24
COLUMNS = 96
BINS = 48
TAIL = 0.005
"""Share of all values of a layer, on each side, that may lie beyond the picture's range."""
FINE = 4096
"""Bins of the pooled distribution from which the range is taken."""
NEAR = 0.02
"""Share of the picture's range by which the tails must shrink it, to shrink it at all."""
SPREAD = 10.0
"""Change of the spread from layer to layer up to which it is called kept."""
RESHAPES = frozenset({"Flatten", "Unflatten", "Identity"})


@dataclass(frozen=True, kw_only=True)
class Heatmap:
    """One layer's distribution over time.

    Attributes:
        layer: Its path.
        type: Its class name; empty where unknown.
        low: Smallest value of the picture.
        high: Largest value of the picture.
        steps: Step of each column, length K.
        densities: Relative density, 0 to 255 for the fullest bin of each column, shape (R, K), largest values first.
        label: What the picture is, for those who cannot see it.
    """

    layer: str
    type: str
    low: float
    high: float
    steps: tuple[int, ...]
    densities: NDArray[np.uint8]
    label: str

    def data(self) -> dict[str, Any]:
        """What the script needs to draw it."""
        rows, columns = self.densities.shape
        bits = base64.b64encode(self.densities.tobytes()).decode("ascii")
        return {"rows": rows, "columns": columns, "densities": bits, "low": self.low, "high": self.high}

    @property
    def range(self) -> tuple[str, str]:
        """The ends of the axis of values, in words."""
        return number(self.low), number(self.high)


@dataclass(frozen=True, kw_only=True)
class Histograms:
    """The figure of all layers' distributions, or why there is none."""

    title: str
    maps: tuple[Heatmap, ...] = ()
    notes: tuple[str, ...] = ()
    missing: str = ""


def histograms(run: Run, words: Words) -> Histograms:
    """Heat maps of the activations of up to 24 layers, from the first to the last."""
    counts_SLB = run.table(signals.ACTIVATION_HISTOGRAM)
    lows_SL, highs_SL = run.table(signals.ACTIVATION_MIN), run.table(signals.ACTIVATION_MAX)
    steps = np.intersect1d(np.intersect1d(counts_SLB.steps, lows_SL.steps), highs_SL.steps)
    chosen = _evenly(steps)
    counts, lows, highs = (
        table.values[np.searchsorted(table.steps, chosen)] for table in (counts_SLB, lows_SL, highs_SL)
    )
    model = run.fact(facts.Model)
    types = {layer.path: layer.type for layer in model.layers} if model else {}
    maps: list[Heatmap] = []
    for position, name in enumerate(counts_SLB.names):
        if types.get(name) in RESHAPES:
            continue
        samples = _Samples(chosen, counts[:, position], lows[:, position], highs[:, position])
        if samples.known().any():
            maps.append(_heatmap(name, types.get(name, ""), samples, words))
    if not maps:
        reason = reason_missing(run, signals.ACTIVATION_HISTOGRAM, bool(len(counts_SLB)), words)
        return Histograms(title=words.say("histogram.name"), missing=reason)
    notes = [words.say("histogram.outside", share=share(2 * TAIL)), *ends_note(run, chosen, words)]
    shown = maps
    if len(maps) > LAYERS:
        shown = [maps[round(p)] for p in np.linspace(0, len(maps) - 1, LAYERS).tolist()]
        notes.append(words.say("page.some-layers", shown=LAYERS, count=len(maps)))
    return Histograms(title=_title(run, words), maps=tuple(shown), notes=tuple(notes))


def rebin(
    counts: NDArray[np.float64], lows: NDArray[np.float64], highs: NDArray[np.float64], edges: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Lay histograms of different ranges onto common bins.

    Values are taken as evenly spread within each bin, so the cumulative distribution is piecewise linear and the mass
    of a common bin is a difference of two of its values. Mass beyond the common range is put into the bin at its edge.
    A sample whose values are all equal is a step of the cumulative distribution.

    Args:
        counts: Counts of the samples, shape (S, B), bins equally wide from ``lows`` to ``highs``.
        lows: Smallest value of each sample, shape (S,).
        highs: Largest value of each sample, shape (S,).
        edges: Edges of the common bins, ascending, shape (R + 1,).

    Returns:
        Mass of each sample in each common bin, shape (S, R); each row sums to that of ``counts``.

    Examples:
        >>> one = rebin(np.array([[4.0, 4.0]]), np.array([0.0]), np.array([2.0]), np.array([0.0, 0.5, 1.5, 2.0]))
        >>> one.tolist()
        [[2.0, 4.0, 2.0]]
    """
    bins = counts.shape[1]
    masses = np.zeros((len(counts), len(edges) - 1))
    for row, (count, low, high) in enumerate(zip(counts, lows, highs, strict=True)):
        total = count.sum()
        if high > low:
            inner = np.interp(edges[1:-1], np.linspace(low, high, bins + 1), np.concatenate([[0.0], np.cumsum(count)]))
        else:
            inner = np.where(edges[1:-1] > low, total, 0.0)
        masses[row] = np.diff(np.concatenate([[0.0], inner, [total]]))
    return masses


@dataclass(frozen=True)
class _Samples:
    """The histograms of one layer: steps (K,), counts (K, B), smallest values (K,), largest values (K,)."""

    steps: NDArray[np.int64]
    counts: NDArray[np.float64]
    lows: NDArray[np.float64]
    highs: NDArray[np.float64]

    def known(self) -> NDArray[np.bool_]:
        """Which samples are finite and hold anything."""
        finite = np.isfinite(self.counts).all(axis=1) & np.isfinite(self.lows) & np.isfinite(self.highs)
        return finite & (self.counts.sum(axis=1) > 0)


def _evenly(steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """The samples nearest to columns of equal width in steps; samples themselves grow sparser as a run grows."""
    if len(steps) < 2:
        return steps
    targets = np.linspace(steps[0], steps[-1], min(COLUMNS, len(steps)))
    after = np.clip(np.searchsorted(steps, targets), 1, len(steps) - 1)
    before = after - 1
    return steps[np.where(targets - steps[before] < steps[after] - targets, before, after)]


def _heatmap(name: str, kind: str, samples: _Samples, words: Words) -> Heatmap:
    known = samples.known()
    counts, lows, highs = samples.counts[known], samples.lows[known], samples.highs[known]
    low, high = _range(counts, lows, highs)
    densities = np.zeros((len(known), BINS))
    densities[known] = rebin(counts, lows, highs, np.linspace(low, high, BINS + 1))
    peaks = densities.max(axis=1, keepdims=True)
    levels = np.divide(densities, peaks, out=np.zeros_like(densities), where=peaks > 0)
    ends = {"first": f"{int(samples.steps[0]):,}", "last": f"{int(samples.steps[-1]):,}"}
    return Heatmap(
        layer=name,
        type=kind,
        low=low,
        high=high,
        steps=tuple(samples.steps.tolist()),
        densities=np.round(255 * levels).astype(np.uint8).T[::-1].copy(),
        label=words.say("histogram.label", layer=name, low=number(low), high=number(high), **ends),
    )


def _range(counts: NDArray[np.float64], lows: NDArray[np.float64], highs: NDArray[np.float64]) -> tuple[float, float]:
    """The range that holds all but the tails of the pooled samples; never empty."""
    low, high = float(lows.min()), float(highs.max())
    if high > low:
        edges = np.linspace(low, high, FINE + 1)
        shares = counts / counts.sum(axis=1, keepdims=True)
        cumulative = np.cumsum(rebin(shares, lows, highs, edges).mean(axis=0))
        first = int(np.searchsorted(cumulative, TAIL))
        last = int(np.searchsorted(cumulative, 1 - TAIL))
        # An edge that the tails hardly moved stays: zero is where a rectifier ends, not 0.002.
        least, most = low, high
        low, high = float(edges[first]), float(edges[min(last + 1, FINE)])
        low = least if low - least < NEAR * (high - low) else low
        high = most if most - high < NEAR * (high - low) else high
    margin = 0.0 if high > low else max(abs(low), 1.0) / 2
    return low - margin, high + margin


def _title(run: Run, words: Words) -> str:
    """How far the standard deviation of the activations differs between layers at the end of the run."""
    table = run.table(signals.ACTIVATION_STD)
    if not len(table):
        return words.say("histogram.plain")
    last = table.values[-1]
    spread = last[np.isfinite(last) & (last > 0)]
    if len(spread) < 2:
        return words.say("histogram.plain")
    factor = float(spread.max() / spread.min())
    return words.say("histogram.kept" if factor <= SPREAD else "histogram.lost", factor=number(factor))
