"""What flows through a model: mean, spread, zeros and saturation, layer by layer."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from rich.table import Table
from torch import Tensor, nn

from unstuck.init import drawing, quiet
from unstuck.init.activations import Activation
from unstuck.init.following import Call, watching
from unstuck.init.layers import require_module
from unstuck.init.table import plain_table, rendered

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BINS = 40
_REACH = 3.0  #: the histogram of an unbounded output ends here, for outputs are meant to have unit scale


@dataclass(frozen=True, kw_only=True)
class LayerStatistics:
    """One output of one layer, after the activation that follows it (before, if there is none).

    All but ``non_finite`` are taken over the finite elements.
    """

    layer: str
    activation: str  #: "none" if none follows
    shape: tuple[int, ...]
    mean: float
    std: float  #: of all elements, with divisor N
    zero: float  #: share of elements that are exactly zero
    saturated: float | None  #: share within 1% (of the range) of a bound; None where the function has no two bounds
    non_finite: float  #: share of NaN and infinity
    low: float  #: left end of the histogram
    high: float  #: right end of the histogram
    counts: tuple[int, ...]  #: of nonzero elements: below ``low``, in 40 equal bins, above ``high``

    @property
    def second_moment(self) -> float:
        """Mean of the squares: what He's initialisation keeps from layer to layer."""
        return self.mean**2 + self.std**2


@dataclass(frozen=True)
class ActivationStatistics:
    """The statistics of one forward pass, in the order in which the layers were called; prints as a table."""

    layers: tuple[LayerStatistics, ...]

    def __iter__(self) -> Iterator[LayerStatistics]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, layer: str) -> LayerStatistics:
        for row in self.layers:
            if row.layer == layer:
                return row
        raise KeyError(f"no layer named {layer!r}; there are {', '.join(row.layer for row in self.layers)}")

    def plot(self, *, columns: int = 8) -> Figure:
        """Return a matplotlib figure with a histogram of each layer, of ``columns`` of them if there are more.

        Raises:
            MissingPackageError: If matplotlib is missing (``pip install 'unstuck[plot]'``).
        """
        return drawing.histograms({"": self.layers}, columns=columns)

    def __rich__(self) -> Table:
        table = plain_table("activations")
        for heading in ("layer", "activation", "shape"):
            table.add_column(heading, overflow="fold")
        for heading in ("mean", "std", "zero", "saturated", "non-finite"):
            table.add_column(heading, justify="right")
        for row in self.layers:
            saturated = "" if row.saturated is None else f"{row.saturated:.1%}"
            numbers = (f"{row.mean:.3g}", f"{row.std:.3g}", f"{row.zero:.1%}", saturated, f"{row.non_finite:.1%}")
            table.add_row(row.layer, row.activation, " × ".join(map(str, row.shape)), *numbers)
        return table

    def __str__(self) -> str:
        return rendered(self)


def activation_statistics(model: nn.Module, batch: object) -> ActivationStatistics:
    """Run one batch through the model and describe the output of each layer.

    A layer (linear, convolution, recurrent, attention) is described by what comes out of the activation that follows
    it, be it a module or a function called in ``forward``, through norms, dropout and sums of a residual connection;
    where none follows, by its own output. A layer that is called twice has two rows.

    The model runs in the mode in which it is, without gradients. Its parameters, buffers, modes and the state of the
    random generators are afterwards as before.

    Args:
        model: Any module.
        batch: As the model takes it: a tensor, a tuple of positional arguments or a dict of keyword arguments.

    Raises:
        TypeError: If an argument is of the wrong type.

    >>> from unstuck.init import initialize
    >>> model = nn.Sequential(nn.Linear(100, 100), nn.Tanh(), nn.Linear(100, 100), nn.Tanh())
    >>> table = initialize(model, "normal", seed=0)
    >>> print(activation_statistics(model, torch.randn(64, 100, generator=torch.Generator().manual_seed(0))))
    activations
    layer  activation  shape          mean    std  zero  saturated  non-finite
    ...
    """
    require_module(model)
    rows: dict[Call, LayerStatistics] = {}

    def note(call: Call, activation: Activation | None, output: Tensor) -> None:
        rows[call] = _describe(call.layer, activation, output.detach())

    with quiet.undisturbed(model), watching(model, note):
        quiet.call(model, batch)
    return ActivationStatistics(tuple(rows.values()))


def _describe(layer: str, activation: Activation | None, output: Tensor) -> LayerStatistics:
    values = output.cpu().double().flatten()
    finite = values[values.isfinite()]
    bounds = None if activation is None else activation.bounds
    low, high = bounds or (0.0 if finite.numel() and bool((finite >= 0).all()) else -_REACH, _REACH)
    nonzero = finite[finite != 0]
    inside = torch.histc(nonzero, bins=_BINS, min=low, max=high)
    beyond = int((nonzero < low).sum()), int((nonzero > high).sum())
    return LayerStatistics(
        layer=layer,
        activation="none" if activation is None else activation.name,
        shape=tuple(output.shape),
        mean=finite.mean().item() if finite.numel() else math.nan,
        std=finite.std(correction=0).item() if finite.numel() else math.nan,
        zero=_share(values == 0),
        saturated=None if bounds is None or activation is None else _saturated(activation, finite, bounds),
        non_finite=_share(~values.isfinite()),
        low=low,
        high=high,
        counts=(beyond[0], *(int(count) for count in inside.tolist()), beyond[1]),
    )


def _saturated(activation: Activation, values: Tensor, bounds: tuple[float, float]) -> float:
    low, high = bounds
    margin = 0.01 * (high - low)
    near_high = values > high - margin
    # A zero of ReLU6 is counted as a zero.
    return _share(near_high if activation.name == "relu6" else near_high | (values < low + margin))


def _share(mask: Tensor) -> float:
    return mask.double().mean().item() if mask.numel() else 0.0
