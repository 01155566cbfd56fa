"""What feeds each weight of a model, by the autograd graph of its loss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from unstuck.observe.autograd.graph import TRANSPARENT, operation, walk
from unstuck.record.facts import Connection, Wiring

__all__ = ["wiring_of"]

MOST_NODES = 20_000

PRODUCTS: Mapping[str, int] = {"Addmm": 1, "Mm": 0, "Mv": 0, "Convolution": 0, "Linear": 0, "MkldnnLinear": 0}
"""Operations that multiply by a weight, and the position of their first factor: a bias may come before it."""

FACTORS = 2

LINEAR = frozenset(
    {
        *("Add", "Sub", "Rsub", "Neg", "Cat", "Stack", "Mean", "Sum", "ConstantPadNd", "NativeDropout", "Dropout"),
        *("NativeBatchNorm", "CudnnBatchNorm", "MiopenBatchNorm", "AvgPool1D", "AvgPool2D", "AvgPool3D"),
        *("AdaptiveAvgPool1D", "AdaptiveAvgPool2D", "AdaptiveAvgPool3D"),
    }
)
"""Operations that leave a linear map linear; a batch norm is one at evaluation."""

COMPILED = "CompiledFunction"
"""The one node that stands for all that a compiler has made one function of."""

SCALINGS = frozenset({"Mul", "Div"})
"""Linear where one factor is a constant, as a dropout mask is, or a parameter; so are products of matrices."""


class _Reached:
    """What the search upwards from a factor has met."""

    def __init__(self) -> None:
        self.linear: dict[str, None] = {}
        self.before: dict[str, None] = {}
        self.operations: dict[str, None] = {}
        self.inputs = False


def wiring_of(root: Tensor, named: Mapping[str, Tensor]) -> Wiring:
    """The wiring behind a loss.

    Args:
        root: The loss, with its graph.
        named: Parameters by name.

    Returns:
        For each weight that multiplies, what its other factor was made by. A weight used several times is listed once
        with all that feeds it.
    """
    names = {id(parameter): name for name, parameter in named.items()}
    found: dict[str, _Reached] = {}
    complete = True
    for count, node in enumerate(walk(root)):
        if count >= MOST_NODES or operation(node) == COMPILED:
            complete = False
            break
        for weight, other in _factors(node, names):
            met = found.setdefault(weight, _Reached())
            _search(other, names, met)
            met.before.update(dict.fromkeys(_weights_before(other, names)))
    return Wiring(
        connections=tuple(
            Connection(
                parameter=name,
                linear=tuple(met.linear),
                before=tuple(met.before),
                operations=tuple(met.operations),
                inputs=met.inputs,
            )
            for name, met in found.items()
        ),
        complete=complete,
    )


def _factors(node: Any, names: Mapping[int, str]) -> Iterator[tuple[str, Any]]:
    """Each weight that a node multiplies with, and the node of what it is multiplied with; None for data."""
    first = PRODUCTS.get(operation(node))
    if first is None:
        return
    factors = [successor for successor, _ in node.next_functions][first : first + FACTORS]
    if len(factors) < FACTORS:
        return
    for weight, other in (factors, factors[::-1]):
        name = _parameter(weight, names)
        if name is not None and _parameter(other, names) is None:
            yield name, other


def _parameter(node: Any, names: Mapping[int, str]) -> str | None:
    """Name of the parameter that a node is, past views and casts; None for anything else."""
    while node is not None and operation(node) in TRANSPARENT and node.next_functions:
        node = node.next_functions[0][0]
    return names.get(id(getattr(node, "variable", None))) if node is not None else None


def _search(start: Any, names: Mapping[int, str], met: _Reached) -> None:
    """Follow a factor up to the operations that are not linear, to the weights before it, and to the data."""
    queue, seen = [start], {start}
    while queue:
        node = queue.pop()
        if node is None:
            met.inputs = True
            continue
        name = operation(node)
        if "AccumulateGrad" in name:
            continue
        successors = [successor for successor, _ in node.next_functions]
        weights = [weight for weight, _ in _factors(node, names)]
        if weights:
            met.linear.update(dict.fromkeys(weights))
        elif name in TRANSPARENT:
            _extend(queue, seen, successors[:1])
        elif name in LINEAR:
            # Constants that are added are no data: what matters is where the values come from.
            known = [successor for successor in successors if successor is not None]
            batch_norm = "BatchNorm" in name
            _extend(queue, seen, successors[:1] if batch_norm else known or [None])
        elif name in SCALINGS | PRODUCTS.keys() and sum(map(_varies, successors)) < FACTORS:
            _extend(queue, seen, [successor for successor in successors if _varies(successor)] or [None])
        else:
            met.operations[name] = None


def _weights_before(start: Any, names: Mapping[int, str]) -> Iterator[str]:
    """The weights that come next on every way up from a factor, whatever operations lie between."""
    queue, seen = [start], {start}
    while queue and len(seen) < MOST_NODES:
        node = queue.pop()
        if node is None:
            continue
        weights = [weight for weight, _ in _factors(node, names)]
        yield from weights
        if not weights:
            _extend(queue, seen, [successor for successor, _ in node.next_functions])


def _varies(node: Any) -> bool:
    """Whether a factor is neither a constant nor a parameter itself."""
    while node is not None and operation(node) in TRANSPARENT and node.next_functions:
        node = node.next_functions[0][0]
    return node is not None and "AccumulateGrad" not in operation(node)


def _extend(queue: list[Any], seen: set[Any], successors: list[Any]) -> None:
    for successor in successors:
        if successor not in seen:
            seen.add(successor)
            queue.append(successor)
