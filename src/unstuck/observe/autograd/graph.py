"""Walk the autograd graph of a loss, before its backward pass frees it."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Collection, Iterator, Set
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge

__all__ = [
    "TRANSPARENT",
    "GraphWalk",
    "Place",
    "edges_at",
    "exchanges_axes",
    "nodes",
    "operation",
    "place_in_graph",
    "place_of",
    "producer",
    "saved",
    "walk",
]

MOST_NODES = 20_000
MOST_OPERATIONS = 64

FACTORS = ("_saved_weight", "_saved_mat1", "_saved_mat2", "_saved_self", "_saved_other")
"""What operations that multiply keep of their factors."""

TRANSPARENT = frozenset(
    {
        *("View", "Reshape", "ReshapeAlias", "UnsafeView", "Flatten", "Squeeze", "Unsqueeze", "Expand", "AsStrided"),
        *("Transpose", "T", "Mt", "MT", "Permute", "Clone", "Contiguous", "ToCopy", "Alias"),
        *("Select", "Slice", "Unbind", "Split", "SplitWithSizes", "Index"),
    }
)
"""Operations that move values, and compute none."""


def operation(node: Any) -> str:
    """Name of an autograd node's operation: ``AddmmBackward0`` is ``"Addmm"``."""
    return str(node.name()).split("Backward")[0].removeprefix("struct torch::autograd::")


def producer(tensor: Tensor) -> Any:
    """The node that computed a tensor's values, past views and reshapes; None for a leaf."""
    node = tensor.grad_fn
    while node is not None and operation(node) in TRANSPARENT and node.next_functions:
        node = node.next_functions[0][0]
    return node


Place = tuple[type, int, int]
"""Class and number of a node, and which of its outputs: numbers are not given twice in a thread."""


def place_in_graph(tensor: Tensor) -> Place | None:
    """Where a tensor comes from, by which it is found again in a graph as long as there is one; None for a leaf."""
    return None if tensor.grad_fn is None else place_of(tensor.grad_fn, tensor.output_nr)


def place_of(node: Any, output: int = 0) -> Place:
    """Where an output of a node comes from."""
    return type(node), node._sequence_nr(), output


def edges_at(root: Tensor, places: Collection[Place], *, most: int) -> dict[Place, GradientEdge]:
    """Those of some places that lie among the first nodes of a graph."""
    wanted: dict[tuple[type, int], list[Place]] = {}
    for place in places:
        wanted.setdefault(place[:2], []).append(place)
    found = nodes(root, most=most) if wanted else []
    known = ((node, wanted.get((type(node), node._sequence_nr()), ())) for node in found)
    return {place: GradientEdge(node, place[2]) for node, here in known for place in here}


def saved(node: Any, name: str) -> Any:
    """What a node keeps for its backward pass, under a name such as ``_saved_self``.

    None where that is gone, and where the program has hooks that unpack it: they may compute the forward pass again,
    as checkpoints do, draw random numbers, and make collective calls.
    """
    raw = getattr(node, "_raw" + name, None)
    for each in raw if isinstance(raw, tuple) else (raw,):
        if getattr(each, "unpack_hook", None) is not None:
            return None
    try:
        return getattr(node, name, None)
    except RuntimeError:  # freed, or changed in place since
        return None


def exchanges_axes(tensor: Tensor) -> bool:
    """Whether axes were exchanged between the operation that computed a tensor's values and the tensor."""
    node = tensor.grad_fn
    while node is not None and operation(node) in TRANSPARENT and node.next_functions:
        if operation(node) in ("Transpose", "T", "Mt", "MT", "Permute"):
            return True
        node = node.next_functions[0][0]
    return False


class GraphWalk:
    """What a walk has found.

    Attributes:
        root: Where the walk began.
        leaves: Identities of the tensors that accumulate a gradient.
        variables: Those tensors.
        operations: Distinct operations, nearest the loss first.
        custom: The user's own autograd functions.
        complete: Whether the whole graph was walked.
        uses: How often the graph uses the parameter that it uses least: one time for each forward pass in it.
    """

    def __init__(self, root: Tensor) -> None:
        self.root = root
        self.leaves: set[int] = set()
        self.variables: list[Tensor] = []
        self.operations: list[str] = []
        self.custom: list[type[torch.autograd.Function]] = []
        self.complete = True
        self._kinds: set[tuple[type, str]] = set()
        self._edges: dict[Any, int] = {}
        if root.grad_fn is not None:
            self._explore(root.grad_fn)
        elif root.requires_grad:
            self.leaves.add(id(root))
            self.variables.append(root)
        self.uses = min(self._edges.values(), default=0)

    def leads_through(self, weights: Set[int]) -> set[int]:
        """Those of some tensors that the loss depends on, or has products with where they ask for no gradient."""
        if not weights:
            return set()
        factors = (
            factor
            for node in itertools.islice(walk(self.root), MOST_NODES)
            for factor in (saved(node, name) for name in FACTORS)
            if isinstance(factor, Tensor)
        )
        return (self.leaves | {known for factor in factors for known in (id(factor), id(factor._base))}) & weights

    def _explore(self, first: Any) -> None:
        """Take all nodes, breadth first; leaves, which are most of them, as soon as they are met."""
        edges, seen, queue = self._edges, {first}, deque([first])
        while queue:
            node = queue.popleft()
            self._take(node)
            for successor, _ in node.next_functions:
                leaf = type(successor).__name__ == "AccumulateGrad"
                if leaf:
                    edges[successor] = edges.get(successor, 0) + 1
                if successor is None or successor in seen:
                    continue
                if len(seen) == MOST_NODES:
                    self.complete = False
                    break
                seen.add(successor)
                if leaf:
                    self.leaves.add(id(successor.variable))
                    self.variables.append(successor.variable)
                else:
                    queue.append(successor)

    def _take(self, node: Any) -> None:
        kind = (type(node), node.name())
        if kind in self._kinds:
            return
        self._kinds.add(kind)
        name = operation(node)
        if name not in self.operations and len(self.operations) < MOST_OPERATIONS:
            self.operations.append(name)
        forward_class = getattr(type(node), "_forward_cls", None)
        if forward_class is not None and forward_class not in self.custom:
            self.custom.append(forward_class)


def walk(root: Tensor) -> Iterator[Any]:
    """All nodes of a graph, breadth first from the root."""
    if root.grad_fn is None:
        return
    seen = {root.grad_fn}
    queue = deque([root.grad_fn])
    while queue:
        node = queue.popleft()
        yield node
        for successor, _ in node.next_functions:
            if successor is not None and successor not in seen:
                seen.add(successor)
                queue.append(successor)


def nodes(root: Any, *, most: int) -> list[Any]:
    """The first nodes of a graph from a tensor, or from a node, at once: cheaper, where nearly all are wanted."""
    first = root.grad_fn if isinstance(root, Tensor) else root
    found: list[Any] = [] if first is None else [first]
    seen = set(found)
    for node in found:
        for successor, _ in node.next_functions:
            if successor is not None and successor not in seen and len(found) < most:
                seen.add(successor)
                found.append(successor)
    return found
