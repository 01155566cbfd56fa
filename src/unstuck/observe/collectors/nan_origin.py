"""Trace a loss that is not finite to the first operation that made it so, through the tensors that autograd saved."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Literal

import torch
from torch import Tensor

from unstuck.observe.autograd.axes import signed
from unstuck.observe.autograd.graph import operation, saved, walk
from unstuck.observe.collectors.infinite_slopes import steep
from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.distributed import is_sharded
from unstuck.observe.tensors.readable import values_here
from unstuck.record import facts

__all__ = ["origin"]

MOST_EXAMPLES = 16
MOST_NODES = 5_000

FIRST_OPERANDS = ("_saved_mat1", "_saved_self", "_saved_input")
"""Names under which operations save what they are applied to, unlike weights, factors and statistics."""

OVER_CLASSES = frozenset({"NllLoss", "NllLoss2D"})
MEAN = 1


def origin(loss: Tensor, view: View, step: int) -> facts.NonFinite:
    """Where a non-finite loss comes from.

    A weight that is not finite is named first: an earlier update broke it, by a backward pass through a function whose
    slope was infinite. Then a mean over classes of which none counts, which is 0/0. Then a call of this step that was
    seen to give what is not finite for finite arguments. Otherwise the graph is searched from the loss towards the
    inputs for the deepest operation one of whose saved tensors is not finite; autograd saves the inputs or the result
    of most operations.

    Args:
        loss: The loss, with its graph.
        view: The modules that are trained, and calls of functions that are not finite at the edge of their range.
        step: The training step.

    Returns:
        The place, the count of non-finite values on this process, and the rows of the batch that hold them.
    """
    for name, parameter in view.roots.parameters().items():
        count = _count(parameter)
        if count:
            suspects = tuple(dict.fromkeys(filter(None, (steep(operation(node), node) for node in _nodes(loss)))))
            file, line = next((view.slopes[name] for name in suspects if name in view.slopes), (None, None))
            return facts.NonFinite(
                step=step, what="weight", where=name, count=count, suspects=suspects, file=file, line=line
            )
    for node in _nodes(loss):
        ignored = _all_ignored(node)
        if ignored is not None:
            return facts.NonFinite(step=step, what="loss", count=1, ignored=ignored)
    spot = view.slope
    if spot is not None:
        return facts.NonFinite(
            step=step,
            what="activation",
            where=spot.name,
            count=spot.count,
            examples=spot.examples,
            file=spot.file,
            line=spot.line,
        )
    found: tuple[Any, str, Tensor] | None = None
    for node in _nodes(loss):
        for name, tensor in _saved(node):
            if _count(tensor):
                found = (node, name, tensor)
    if found is None:
        return facts.NonFinite(step=step, what="loss", count=1)
    node, name, tensor = found
    file, line = view.slopes.get(operation(node).lower(), (None, None))
    return facts.NonFinite(
        step=step,
        what=_kind(name, tensor),
        where=operation(node),
        count=_count(tensor),
        examples=_rows(tensor),
        file=file,
        line=line,
        type=str(tensor.dtype).removeprefix("torch."),
    )


def _nodes(loss: Tensor) -> Iterator[Any]:
    return islice(walk(loss), MOST_NODES)


def _all_ignored(node: Any) -> int | None:
    """The class that a mean over finite outputs leaves out, if all of its targets are of it."""
    if operation(node) not in OVER_CLASSES or saved(node, "_saved_reduction") != MEAN:
        return None
    target, output = saved(node, "_saved_target"), saved(node, "_saved_self")
    if not isinstance(target, Tensor) or not isinstance(output, Tensor) or _count(output):
        return None
    ignored, here = signed(saved(node, "_saved_ignore_index")), values_here(target)
    return ignored if here is not None and here.numel() and bool((here == ignored).all()) else None


def _kind(name: str, tensor: Tensor) -> Literal["input", "target", "activation"]:
    """What a saved tensor is: one that no operation of the graph made came from outside."""
    if tensor.requires_grad or tensor.grad_fn is not None:
        return "activation"
    if name.endswith("_target"):
        return "target"
    return "input" if name in FIRST_OPERANDS else "activation"


def _saved(node: Any) -> Iterator[tuple[str, Tensor]]:
    """The tensors that a node keeps for its backward pass, by name; masks hold infinity on purpose."""
    for name in dir(node):
        if name.startswith("_saved_") and "mask" not in name:
            value = saved(node, name)
            if isinstance(value, Tensor):
                yield name, value


def _count(tensor: Tensor) -> int:
    """Values on this process that are not finite."""
    here = values_here(tensor) if tensor.is_floating_point() and tensor.element_size() > 1 else None
    return 0 if here is None else int((~here.isfinite()).sum())


def _rows(tensor: Tensor) -> tuple[int, ...]:
    here = values_here(tensor)
    if here is None or here.dim() < 2 or is_sharded(tensor):
        return ()
    bad = (~here.isfinite()).reshape(len(here), -1).any(dim=1)
    return tuple(int(i) for i in torch.nonzero(bad).reshape(-1)[:MOST_EXAMPLES])
