"""Low-rank adapters: how large the product of their two factors is beside the frozen weight that it is added to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from unstuck.observe.autograd.graph import GraphWalk
from unstuck.observe.collectors.view import Measurement, View
from unstuck.observe.tensors.readable import whole_here
from unstuck.record import facts, signals
from unstuck.record.signals import Signal

__all__ = ["Adapters", "find_drawn", "find_pairs"]

MOST = 64
"""Adapters that are measured, evenly spread over the model."""

LEVELS = 4
"""How far up modules nest around a factor before its frozen weight is found beside it: three in PEFT."""


class Pair(NamedTuple):
    """Two factors and the weight that their product is added to, by their names.

    Attributes:
        zero: The factor that begins at zero; the left one where none does.
        other: The other one.
        frozen: The weight.
        left: Whether the first of these is the left factor.
    """

    zero: str
    other: str
    frozen: str
    left: bool


class _Inside(NamedTuple):
    """The matrices within a module, by their names: units by what each reads."""

    frozen: dict[str, tuple[int, int]]
    trained: dict[str, tuple[int, int]]


class Adapters:
    r"""Measure :math:`\|BA\| / \|W\|` of each low-rank adapter after the update, before it is scaled.

    A factor that begins at zero says nothing by its own relative update, nor does the other one while the product of
    both is small.

    Args:
        view: What is known of the step.
    """

    measures = (signals.ADAPTER_SIZE,)
    functions = frozenset[Any]()

    def __init__(self, view: View) -> None:
        self._view = view
        self._pairs: dict[str, Pair] | None = None
        self._weights: dict[str, float] = {}
        self._new: list[facts.Adapter] = []

    def backward(self, graph: GraphWalk) -> None:
        """Look for them before the first update, while one factor of each is zero."""
        del graph
        if self._pairs is not None:
            return
        found = [] if self._view.updates else find_pairs(self._view.named)
        self._pairs = {pair.zero: pair for pair in found[:: max(1, -(-len(found) // MOST))]}
        for pair in self._pairs.values():
            weight = whole_here(self._view.named[pair.frozen])
            self._weights[pair.zero] = math.nan if weight is None else float(weight.float().norm())
            self._new.append(facts.Adapter(zero=pair.zero, other=pair.other, frozen=pair.frozen))
        if not found and not self._view.updates:
            self._new += self._drawn()
        if self._pairs:
            self._view.standing.append((self, self.measure))
            self._view.owe(self, self.measure)

    def _drawn(self) -> Iterator[facts.Adapter]:
        """Those that act from the first step, with their relative size."""
        for pair in find_drawn(self._view.named)[:MOST]:
            size, weight = self._size(pair), whole_here(self._view.named[pair.frozen])
            share = math.nan if size is None or weight is None else float(size / weight.float().norm().to(size.device))
            if math.isfinite(share):
                yield facts.Adapter(zero=pair.zero, other=pair.other, frozen=pair.frozen, begins=share)

    def measure(self, optimizer: object) -> Measurement | None:
        """The relative size of each."""
        del optimizer
        sizes = {zero: size for zero, pair in (self._pairs or {}).items() if (size := self._size(pair)) is not None}
        positions = {name: position for position, name in enumerate(self._view.named)}

        def decode(numbers: list[list[float]]) -> dict[Signal, Any]:
            values = [math.nan] * len(positions)
            for zero, (size,) in zip(sizes, numbers, strict=True):
                values[positions[zero]] = size / self._weights[zero] if self._weights[zero] > 0 else math.nan
            return {signals.ADAPTER_SIZE: values}

        return Measurement(list(sizes.values()), decode) if sizes else None

    def facts(self) -> Iterator[facts.Adapter]:
        """Those that were found."""
        new, self._new = self._new, []
        yield from new

    def _size(self, pair: Pair) -> Tensor | None:
        zero, other = (whole_here(self._view.named[name]) for name in (pair.zero, pair.other))
        if zero is None or other is None:
            return None
        left, right = (_matrix(one).float() for one in ((zero, other) if pair.left else (other, zero)))
        # ||BA||^2 = tr(B'B AA'), of two small matrices.
        return ((left.T @ left) * (right @ right.T).to(left.device)).sum().clamp_min(0.0).sqrt().reshape(1)


@torch.no_grad()
def find_pairs(named: Mapping[str, Tensor]) -> list[Pair]:
    """Low-rank adapters among the parameters of a model, by structure and values.

    Two matrices that are trained, one of them of zeros, whose product has the shape of a frozen matrix that stands in
    the same module, and a rank below its own. Names say nothing but in which modules they stand.

    Args:
        named: The parameters by name.

    Examples:
        >>> base = torch.ones(6, 4)
        >>> down, up = torch.ones(2, 4, requires_grad=True), torch.zeros(6, 2, requires_grad=True)
        >>> find_pairs({"layer.base.weight": base, "layer.down": down, "layer.up": up})
        [Pair(zero='layer.up', other='layer.down', frozen='layer.base.weight', left=True)]
    """
    inside = _inside(named)
    used: set[str] = set()
    found: list[Pair] = []
    for zero in dict.fromkeys(name for kinds in inside.values() for name in kinds.trained):
        fitting = (pair for module in _modules_around(zero) for pair in _fitting(zero, inside[module]))
        pair = next((pair for pair in fitting if not {zero, pair.other} & used), None)
        if pair is not None and _is_zero(named[zero]):
            used |= {zero, pair.other}
            found.append(pair)
    return found


def find_drawn(named: Mapping[str, Tensor]) -> list[Pair]:
    """Low-rank adapters that begin with a product of their own, none of whose factors is zero.

    A module that holds a frozen matrix and two trained ones, whose product has its shape, and no other matrices.

    Args:
        named: The parameters by name.

    Examples:
        >>> base = torch.ones(6, 4)
        >>> down, up = torch.ones(2, 4, requires_grad=True), torch.ones(6, 2, requires_grad=True)
        >>> find_drawn({"layer.base.weight": base, "layer.down": down, "layer.up": up})
        [Pair(zero='layer.up', other='layer.down', frozen='layer.base.weight', left=True)]
    """
    found: dict[str, Pair] = {}
    for kinds in _inside(named).values():
        if len(kinds.frozen) == 1 and len(kinds.trained) == 2:
            left = next((pair for name in kinds.trained for pair in _fitting(name, kinds) if pair.left), None)
            if left is not None:
                found.setdefault(left.frozen, left)
    return list(found.values())


def _inside(named: Mapping[str, Tensor]) -> dict[str, _Inside]:
    """What stands in each module; empty where nothing is frozen, or nothing is trained."""
    matrices = {name: one for name, one in named.items() if one.dim() > 1 and one.is_floating_point() and one.numel()}
    inside: dict[str, _Inside] = {}
    if len({one.requires_grad for one in matrices.values()}) < 2:
        return inside
    for name, one in matrices.items():
        for module in _modules_around(name):
            kinds = inside.setdefault(module, _Inside({}, {}))
            (kinds.trained if one.requires_grad else kinds.frozen)[name] = _shape(one)
    return inside


def _fitting(zero: str, inside: _Inside) -> Iterator[Pair]:
    mine = inside.trained[zero]
    for other, shape in inside.trained.items():
        for left, (one, two) in ((True, (mine, shape)), (False, (shape, mine))):
            product, rank = (one[0], two[1]), one[1]
            if other != zero and rank == two[0] and rank < min(product):
                sizes = (product, product[::-1])
                yield from (Pair(zero, other, name, left) for name, size in inside.frozen.items() if size in sizes)


def _modules_around(name: str) -> list[str]:
    """The modules that a tensor stands in, from within, each with a dot behind it; empty for the model itself."""
    parts = name.split(".")[:-1]
    return ["".join(f"{part}." for part in parts[: len(parts) - up]) for up in range(min(LEVELS, len(parts) + 1))]


def _matrix(tensor: Tensor) -> Tensor:
    return tensor.detach().flatten(1)


def _shape(tensor: Tensor) -> tuple[int, int]:
    """As a matrix; of a convolution, units by what each reads."""
    return tensor.shape[0], math.prod(tensor.shape[1:])


def _is_zero(tensor: Tensor) -> bool:
    here = whole_here(tensor)
    return here is not None and not bool(here.any())
