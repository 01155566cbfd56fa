"""How much an output depends on each position of a sequence, with and without paths that forget positions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence, Set
from typing import Any

import torch
from torch import Tensor

from unstuck.observe.autograd.axes import result_shape
from unstuck.observe.autograd.extra_pass import MOST_NODES
from unstuck.observe.autograd.graph import operation
from unstuck.observe.tensors.readable import wide_type

__all__ = ["between", "by_position", "keeping_positions", "statistics_over_positions"]

NORMS = frozenset({"NativeBatchNorm", "CudnnBatchNorm", "MiopenBatchNorm", "BatchNorm", "NativeGroupNorm"})
"""Norms whose statistics may be taken over positions, by which each output depends on all inputs a little."""

NEARLY = 8
"""One part in so many by which a length may change and still count positions: what convolutions pad and cut off."""

AXES = 3


def by_position(
    output: Tensor,
    vectors: Tensor,
    weights: Tensor,
    blocked: Collection[tuple[Any, tuple[int, ...]]] = (),
    *,
    axis: int = -1,
) -> Tensor | None:
    """Norm of the gradient of a weighted sum of outputs with respect to each of some vectors.

    The extra backward pass goes through the graph that is there, and leaves it and every ``.grad`` as they were.

    Args:
        output: Outputs.
        vectors: What they are differentiated with respect to, part of their graph.
        weights: Shape of the outputs.
        blocked: Nodes of the graph, with the numbers of those of their results that pass nothing on.
        axis: The axis along which a vector lies.

    Returns:
        The norms, shape of the vectors less that axis; None where outputs do not depend on the vectors, or the
        graph refuses the pass.

    Examples:
        >>> vectors = torch.ones(2, 3, 4, requires_grad=True)
        >>> output = vectors.cumsum(dim=1).sum(dim=2)
        >>> by_position(output, vectors, torch.tensor([0.0, 1.0, 0.0]).expand(2, 3)).tolist()
        [[2.0, 2.0, 0.0], [2.0, 2.0, 0.0]]
    """
    handles = [node.register_prehook(_zeros_at(numbers)) for node, numbers in blocked]
    try:
        (gradient,) = torch.autograd.grad([output], [vectors], [weights], retain_graph=True, allow_unused=True)
    except RuntimeError:  # freed, changed in place, or a function that cannot be differentiated twice
        return None
    finally:
        for handle in handles:
            handle.remove()
    if gradient is None:  # pyright: ignore[reportUnnecessaryComparison]  # allow_unused
        return None
    wide = gradient.detach().to(wide_type(gradient))
    return torch.nan_to_num(wide.square().sum(dim=axis).sqrt(), nan=0.0, posinf=0.0)


def between(output: Tensor, vectors: Tensor) -> list[Any]:
    """The nodes of a graph from an output down to the vectors, and beside them."""
    found: list[Any] = [] if output.grad_fn is None else [output.grad_fn]
    seen = {*found, vectors.grad_fn}
    for node in found:
        for successor, _ in node.next_functions:
            if successor is not None and successor not in seen and len(found) < MOST_NODES:
                seen.add(successor)
                found.append(successor)
    return found


def statistics_over_positions(graph: Sequence[Any]) -> bool:
    """Whether a norm is among some nodes that takes its statistics over more than the features of a position."""
    return any(operation(node) in NORMS for node in graph)


def keeping_positions(
    graph: Sequence[Any], examples: int, lengths: Set[int], *, recurrent: Set[Any] = frozenset()
) -> list[tuple[Any, tuple[int, ...]]]:
    """The results, among those of some nodes, that have no axis of positions: whatever comes through them is a summary.

    Args:
        graph: The nodes, nearest the output first.
        examples: Examples in a batch.
        lengths: Numbers of positions.
        recurrent: Nodes of layers that go from position to position, which are left alone.

    Returns:
        Nodes with the numbers of such results.
    """
    known = set(lengths)
    shapes = {node: tuple(_shapes(node)) for node in graph}
    packed = {
        shape[0] for node, made in shapes.items() if "PackPadded" in operation(node) for shape in made[:1] if shape
    }
    for node in reversed(graph):
        known |= set(_nearly(node, known))
    found: list[tuple[Any, tuple[int, ...]]] = []
    for node, made in shapes.items():
        lost = tuple(at for at, shape in enumerate(made) if not _keeps(shape, examples, known, packed))
        if lost and node not in recurrent and not hasattr(node, "variable"):
            found.append((node, lost))
    return found


def _shapes(node: Any) -> Iterator[tuple[int, ...]]:
    return (result_shape(node, number) for number in range(len(getattr(node, "_input_metadata", ()))))


def _nearly(node: Any, known: Set[int]) -> Iterator[int]:
    """Lengths that an operation makes of known ones by padding, by cutting off a little, or by joining several."""
    after = result_shape(node)
    for successor, number in node.next_functions if len(after) >= AXES else ():
        before = result_shape(successor, number) if successor is not None else ()
        yield from _interleaved(before, after, known)
        changed = [(n, m) for n, m in zip(before, after, strict=True) if n != m] if len(before) == len(after) else []
        if len(changed) == 1 and changed[0][0] in known and changed[0][1] > 1:
            old, new = changed[0]
            if abs(new - old) <= max(AXES, old // NEARLY):
                yield new


def _interleaved(before: tuple[int, ...], after: tuple[int, ...], known: Set[int]) -> Iterator[int]:
    """The length of sequences of which each position gives several: (N, T, k, D) that is viewed as (N, T k, D)."""
    for at in range(1, len(before) - 1 if len(before) == len(after) + 1 else 0):
        joined = before[at] * before[at + 1]
        if before[at] in known and after == (*before[:at], joined, *before[at + 2 :]):
            yield joined


def _keeps(shape: tuple[int, ...], examples: int, lengths: Set[int], packed: Set[int]) -> bool:
    if examples > 1:
        shape = tuple(count for count in shape if count != 1)  # a state of a recurrence has one layer, (1, N, H)
    first = shape[0] if shape else 0
    if first in packed or (first and first % examples == 0 and first // examples in lengths):
        return True
    if len(shape) < AXES and examples > 1:
        return False
    positions = [axis for axis, count in enumerate(shape) if count in lengths]
    counted = [axis for axis, count in enumerate(shape) if count % examples == 0]
    return any(one != other for one in positions for other in counted)


def _zeros_at(numbers: tuple[int, ...]) -> Any:
    def zeroed(gradients: tuple[Tensor | None, ...]) -> tuple[Tensor | None, ...]:
        return tuple(
            torch.zeros_like(gradient) if number in numbers and gradient is not None else gradient
            for number, gradient in enumerate(gradients)
        )

    return zeroed
