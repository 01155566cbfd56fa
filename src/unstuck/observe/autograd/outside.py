"""The tensors that a graph was given from outside: inputs of its first operations with weights, targets of its loss."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from torch import Tensor, nn

from unstuck.observe.autograd.graph import nodes, operation, saved
from unstuck.observe.tensors.readable import is_readable

__all__ = ["Given", "entered", "given", "holds_data"]

MOST_NODES = 5_000

OPERANDS = ("_saved_mat1", "_saved_input", "_saved_target")
"""Names under which operations keep what they are applied to, and losses their targets."""

PRODUCTS = ("MmBackward0", "BmmBackward0", "MvBackward0", "DotBackward0")
"""Nodes whose ``_saved_self`` is what enters a layer; elsewhere it is more often a mask, a weight or a factor."""


class Given(NamedTuple):
    """A tensor from outside.

    Attributes:
        role: What it is.
        place: The operation that keeps it and, of two dimensions, its columns: the same in each step of a training.
        values: The tensor.
    """

    role: Literal["input", "target"]
    place: str
    values: Tensor


def given(root: Tensor) -> list[Given]:
    """What no operation of a graph has made and no optimizer learns, of the floating-point tensors that it keeps.

    Examples:
        >>> import torch
        >>> layer, x, y = nn.Linear(3, 1), torch.ones(4, 3), torch.zeros(4, 1)
        >>> [(one.role, one.place) for one in given(nn.functional.mse_loss(layer(x), y))]
        [('target', 'MseLoss, 1 columns'), ('input', 'Addmm, 3 columns')]
    """
    found: list[Given] = []
    for node in nodes(root, most=MOST_NODES):
        kind = type(node)
        for name in ("_saved_self",) if kind.__name__ in PRODUCTS else OPERANDS:
            if hasattr(kind, name):
                value = saved(node, name)
                if value is not None and holds_data(value):
                    columns = f", {value.shape[1]} columns" if value.dim() == 2 else ""
                    role = "target" if name == "_saved_target" else "input"
                    found.append(Given(role, operation(node) + columns, value))
    return found


def entered(root: Tensor) -> Iterator[Tensor]:
    """The tensors that a graph keeps and that no operation of it has made, those of ids and classes among them.

    Examples:
        >>> import torch
        >>> table, ids = nn.Embedding(5, 3), torch.tensor([4, 2])
        >>> [tensor.tolist() for tensor in entered(nn.functional.cross_entropy(table(ids), torch.tensor([0, 1])))]
        [[0, 1], [4, 2]]
    """
    for node in nodes(root, most=MOST_NODES):
        names = (*OPERANDS, "_saved_indices", *(("_saved_self",) if type(node).__name__ in PRODUCTS else ()))
        for name in names:
            value = saved(node, name) if hasattr(type(node), name) else None
            if isinstance(value, Tensor) and value.grad_fn is None and not value.requires_grad:
                yield value


def holds_data(value: Tensor) -> bool:
    """Whether a tensor holds floating-point numbers that can be read here, and is neither computed nor learnt."""
    outside = value.grad_fn is None and not value.requires_grad and not isinstance(value, nn.Parameter)
    return outside and value.is_floating_point() and value.is_cpu and value.numel() > 0 and is_readable(value)
