"""The weights of a model in the order of its depth, and what stands between them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from unstuck.record import Run
from unstuck.record.facts import Connection, Layer, Model, Parameter, Wiring

__all__ = ["POOLS", "Wires"]

POOLS = frozenset({"MaxPool1D", "MaxPool2DWithIndices", "MaxPool3DWithIndices", "AdaptiveMaxPool2D", "AmaxMax", "Max"})
"""Operations that are not linear, and no activation either."""

NORMS = ("NativeLayerNorm", "NativeGroupNorm", "NativeBatchNorm", "FusedRmsNorm")

MODULES = ("Linear", "Conv1d", "Conv2d", "Conv3d", "LazyLinear", "Bilinear")


@dataclass(frozen=True)
class Wires:
    """What a run knows of a model's wiring.

    Attributes:
        wiring: Which operations feed which weight.
        parameters: The parameters by name.
        layers: The modules by path.
    """

    wiring: Wiring
    parameters: dict[str, Parameter]
    layers: dict[str, Layer]

    @classmethod
    def of(cls, run: Run) -> Wires | None:
        """The wires of a run; None where the model or its graph is not known."""
        model, wiring = run.fact(Model), run.fact(Wiring)
        if model is None or wiring is None:
            return None
        parameters = {parameter.name: parameter for parameter in model.parameters}
        return cls(wiring, parameters, {layer.path: layer for layer in model.layers})

    @property
    def inward(self) -> tuple[Connection, ...]:
        """The connections from the data to the loss."""
        return self.wiring.connections[::-1]

    @property
    def operations(self) -> frozenset[str]:
        """Every operation that stands before a weight."""
        return frozenset(name for wire in self.wiring.connections for name in wire.operations)

    @property
    def normalised(self) -> bool:
        """Whether layers normalise what they are given, so that the scale of weights before them is immaterial."""
        return any("Norm" in layer.type for layer in self.layers.values()) or not self.operations.isdisjoint(NORMS)

    def fan_in(self, name: str) -> tuple[int, int]:
        """Inputs of each unit of a weight, the least and the most that its shape allows.

        The layers of PyTorch have their units in rows; of a matrix that the user's code multiplies by hand both ways
        are possible.
        """
        shape = self.parameters[name].shape
        rows, rest = shape[0], math.prod(shape[1:])
        layer = self.layers.get(name.rpartition(".")[0])
        if len(shape) != 2 or (layer is not None and layer.type in MODULES):
            return rest, rest
        return min(rows, rest), max(rows, rest)

    def width(self, name: str) -> int:
        """Units of a weight: its rows, or the lesser side of a matrix that the user's code multiplies by hand."""
        shape = self.parameters[name].shape
        least, most = self.fan_in(name)
        return shape[0] if least == most else min(shape)
