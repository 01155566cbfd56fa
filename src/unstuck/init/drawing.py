"""Draw histograms of activations, layer beside layer and initialisation under initialisation.

Needs matplotlib, which is optional: ``pip install 'unstuck[plot]'``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from unstuck.optional import require

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Histogram(Protocol):
    """What of a layer's statistics is drawn."""

    @property
    def layer(self) -> str: ...  # noqa: D102
    @property
    def activation(self) -> str: ...  # noqa: D102
    @property
    def mean(self) -> float: ...  # noqa: D102
    @property
    def std(self) -> float: ...  # noqa: D102
    @property
    def zero(self) -> float: ...  # noqa: D102
    @property
    def low(self) -> float: ...  # noqa: D102
    @property
    def high(self) -> float: ...  # noqa: D102
    @property
    def counts(self) -> tuple[int, ...]: ...  # noqa: D102


def histograms(rows: Mapping[str, Sequence[Histogram]], *, columns: int) -> Figure:
    """Return a figure with a row of histograms for each key; values beyond an axis are piled up in red at its ends.

    Exact zeros (of a ReLU) are left out of the bars and given in words, for they would dwarf everything else.

    Raises:
        MissingPackageError: If matplotlib is not installed.
        ValueError: If there is nothing to draw.
    """
    drawing = require("matplotlib.figure", extra="plot", purpose="drawing activations")
    depth = max((len(layers) for layers in rows.values()), default=0)
    if depth == 0 or columns < 1:
        raise ValueError(f"there must be a layer and a column to draw, got {depth} layers and columns={columns}")
    shown = np.unique(np.linspace(0, depth - 1, min(columns, depth)).round().astype(int))
    figure = drawing.Figure(figsize=(1.0 + 1.5 * len(shown), 0.4 + 1.45 * len(rows)), layout="constrained")
    grid = figure.subplots(len(rows), len(shown), squeeze=False)
    for axes_row, (name, layers) in zip(grid, rows.items(), strict=True):
        for axes, index in zip(axes_row, shown, strict=True):
            _draw(axes, layers[index])
        axes_row[0].set_ylabel(name, fontsize=10, fontweight="bold")
    for axes, index in zip(grid[0], shown, strict=True):
        layer = next(iter(rows.values()))[index]
        after = "" if layer.activation == "none" else f" → {layer.activation}"
        axes.set_title(f"{layer.layer}{after}\n{axes.get_title()}", fontsize=8)
    return figure


def _draw(axes: Any, layer: Histogram) -> None:
    edges = np.linspace(layer.low, layer.high, len(layer.counts) - 1)
    width = edges[1] - edges[0]
    counts = np.array(layer.counts, dtype=float) / max(1, *layer.counts)
    axes.bar(edges[:-1], counts[1:-1], width, align="edge", color="tab:blue")
    axes.bar([edges[0] - 2 * width, edges[-1]], counts[[0, -1]], 2 * width, align="edge", color="tab:red")
    axes.set_xlim(edges[0] - 2.5 * width, edges[-1] + 2.5 * width)
    axes.set_ylim(0, 1.05)
    axes.set_xticks([layer.low, (layer.low + layer.high) / 2, layer.high])
    axes.set_yticks([])
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right", "left"]].set_visible(False)
    if layer.zero >= 0.005:
        axes.text(0.86, 0.9, f"{layer.zero:.0%} zero", transform=axes.transAxes, ha="right", fontsize=7, color="gray")
    # Next to the spread, a mean this small is sampling noise whose digits only distract.
    mean = 0.0 if abs(layer.mean) < 0.02 * layer.std else layer.mean
    axes.set_title(f"{mean:.2g} ± {layer.std:.2g}", fontsize=8)
