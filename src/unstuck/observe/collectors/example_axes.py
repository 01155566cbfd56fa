"""Which axis of a batch of sequences counts examples? A table of positions says which one does not."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unstuck.observe.autograd.graph import TRANSPARENT, operation, saved
from unstuck.observe.tensors.readable import is_readable

__all__ = ["ADDITIONS", "Lengths", "beside_positions", "by_loader", "memory"]

ADDITIONS: frozenset[Any] = frozenset(
    {torch.add, Tensor.add, Tensor.add_, Tensor.__add__, Tensor.__radd__, Tensor.__iadd__}
)


@dataclass(frozen=True)
class Lengths:
    """What is known of the first two axes of a batch.

    Attributes:
        positions: Length of the one that counts positions, or moments.
        examples: Length of the other, which counts examples; never the same.
        known_by: positions or loader.
    """

    positions: int
    examples: int
    known_by: str


def memory(tensor: Tensor) -> int:
    """Where a tensor's values lie."""
    return tensor.untyped_storage().data_ptr()


def beside_positions(table: Tensor, values: Tensor, buffers: Collection[int]) -> Lengths | None:
    """The axes of values to which a table is added that has one row for each entry along one of them.

    What is learnt, or kept by the model, is the same for every batch: it cannot have a row for each example.

    Args:
        table: What is added.
        values: What it is added to, shape (A, B, D).
        buffers: Where the values of the model's buffers lie.

    Returns:
        The lengths; None where the table is broadcast over neither or both, comes from the batch, or A is B.

    Examples:
        >>> table = torch.nn.Parameter(torch.zeros(8, 16))
        >>> beside_positions(table, torch.zeros(64, 8, 16), ())
        Lengths(positions=8, examples=64, known_by='positions')
        >>> beside_positions(table.unsqueeze(1), torch.zeros(8, 64, 16), ()).examples
        64
    """
    if values.dim() != 3 or not 2 <= table.dim() <= 3 or not is_readable(table) or not is_readable(values):
        return None
    if values.shape[0] == values.shape[1] or min(values.shape) < 2 or not _kept(table, buffers):
        return None
    missing = 3 - table.dim()
    spans = [
        axis >= missing and table.shape[axis - missing] == values.shape[axis] and table.stride(axis - missing) != 0
        for axis in (0, 1)
    ]
    if spans[0] == spans[1]:
        return None
    axis = spans.index(True)
    return Lengths(values.shape[axis], values.shape[1 - axis], "positions")


def by_loader(batch: Tensor, size: int | None) -> Lengths | None:
    """The axes of a batch whose first one has as many entries as a loader has examples in a batch."""
    if batch.dim() < 2 or batch.shape[0] != size or batch.shape[0] == batch.shape[1] or batch.shape[1] < 2:
        return None
    return Lengths(batch.shape[1], batch.shape[0], "loader")


def _kept(table: Tensor, buffers: Collection[int]) -> bool:
    """Whether a table is a parameter, a buffer, or rows that are looked up in their own order."""
    if not table.requires_grad:
        return memory(table) in buffers
    node = table.grad_fn
    while node is not None and operation(node) in TRANSPARENT and node.next_functions:
        node = node.next_functions[0][0]
    if node is None or hasattr(node, "variable"):
        return True
    rows = saved(node, "_saved_indices") if operation(node) == "Embedding" else None
    return isinstance(rows, Tensor) and is_readable(rows) and _ascending(rows.flatten())


def _ascending(rows: Tensor) -> bool:
    return torch.equal(rows, torch.arange(len(rows), dtype=rows.dtype, device=rows.device))
