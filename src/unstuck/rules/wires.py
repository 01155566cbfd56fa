"""The weights of a model in the order of its depth, and what stands between them."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

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

    @cached_property
    def chain(self) -> tuple[Connection, ...]:
        """The connections on the longest way from the data to the loss: depth, without what stands side by side.

        A weight that feeds itself, as in a recurrence, counts once. Of a run that does not tell which weight comes
        before which, all connections.
        """
        wires = {wire.parameter: wire for wire in self.inward}
        if not any(wire.before for wire in wires.values()):
            return self.inward
        depths: dict[str, int] = {}
        for name in _upstream_first({name: wire.before for name, wire in wires.items()}):
            depths[name] = 1 + max((depths.get(before, 0) for before in wires[name].before), default=0)
        deepest = max(depths, key=depths.__getitem__)
        way = [deepest]
        while depths[way[-1]] > 1:
            way.append(next(name for name in wires[way[-1]].before if depths.get(name) == depths[way[-1]] - 1))
        return tuple(wires[name] for name in reversed(way))

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


def _upstream_first(before: Mapping[str, Collection[str]]) -> Iterator[str]:
    """Every weight behind those before it; where weights feed each other in a ring, behind those met first."""
    begun: set[str] = set()
    for start in before:
        path = [] if start in begun else [(start, iter(before[start]))]
        begun.add(start)
        while path:
            name, rest = path[-1]
            following = next((other for other in rest if other in before and other not in begun), None)
            if following is None:
                yield name
                path.pop()
            else:
                begun.add(following)
                path.append((following, iter(before[following])))
