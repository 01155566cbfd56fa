"""The weights of a model in the order of its depth, and what stands between them."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
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

    @cached_property
    def adapters(self) -> frozenset[str]:
        """The weights of branches that run beside a wider path, so that what they let pass is not all that passes.

        Past some, weights that are wider lead from the data to the loss. Others, a weight and the one behind it,
        stand beside a frozen matrix of the shape of their product, or beside a shortcut in a model that is frozen.
        """
        known = [wire for wire in self.inward if wire.parameter in self.parameters]
        return frozenset({wire.parameter for wire in known[:-1] if self._passed_by(wire, known)} | self._beside_frozen)

    def _passed_by(self, narrow: Connection, known: Sequence[Connection]) -> bool:
        """Whether a way from the data to the last weight leads over wider weights alone."""
        if not any(wire.before for wire in known):
            return False
        width = self.width(narrow.parameter)
        wider = {wire.parameter: wire for wire in known if self.width(wire.parameter) > width}
        seen: set[str] = set()
        ways = [known[-1]]
        while ways:
            wire = ways.pop()
            if wire.inputs or not wire.before:
                return True
            fresh = [name for name in wire.before if name in wider and name not in seen]
            seen.update(fresh)
            ways += [wider[name] for name in fresh]
        return False

    @cached_property
    def _beside_frozen(self) -> frozenset[str]:
        """Pairs of narrow weights beside a frozen matrix, or a shortcut, that is as wide as they are at their ends."""
        frozen = {parameter.shape for parameter in self.parameters.values() if not parameter.trainable}
        matrices = {shape for shape in frozen if len(shape) == 2}
        found: set[str] = set()
        for wire in self.inward:
            for name in wire.before:
                whole = self._product(name, wire.parameter)
                if matrices and whole and (whole in matrices or whole[::-1] in matrices or whole[0] == whole[1]):
                    found |= {name, wire.parameter}
        return frozenset(found)

    def _product(self, first: str, second: str) -> tuple[int, int] | None:
        """Shape of the product of two matrices that are narrow where they meet; None where they are not."""
        pair = [self.parameters[name].shape for name in (first, second) if name in self.parameters]
        if len(pair) < 2 or any(len(shape) != 2 for shape in pair) or min(pair[0]) != min(pair[1]):
            return None
        whole = max(pair[1]), max(pair[0])
        return whole if min(whole) > min(pair[0]) else None

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
