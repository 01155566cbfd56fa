"""Tensors of different shape that meet outside of all modules, as an output and a target do in a hand-written loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from unstuck.observe.user_code.frames import user_place
from unstuck.record import facts

__all__ = ["broadcast_of"]

ARITHMETIC: frozenset[Any] = frozenset(
    {
        torch.sub,
        torch.add,
        torch.mul,
        torch.div,
        Tensor.sub,
        Tensor.add,
        Tensor.mul,
        Tensor.div,
        Tensor.__sub__,
        Tensor.__rsub__,
        Tensor.__add__,
        Tensor.__mul__,
        Tensor.__truediv__,
    }
)


def broadcast_of(
    function: Callable[..., Any], args: tuple[Any, ...], output: Tensor, step: int
) -> facts.Broadcast | None:
    """The fact, where (N, 1) and (N,) became (N, N): a result larger than both operands, each of which has N values.

    One of them comes from the model and the other does not, as an output and a target. Deliberate pairwise differences,
    of outputs among themselves or of (N, 1) against (1, N), are passed over.
    """
    if function not in ARITHMETIC or len(args) < 2 or output.dim() != 2:
        return None
    first, second = args[0], args[1]
    if not isinstance(first, Tensor) or not isinstance(second, Tensor) or first.numel() != second.numel():
        return None
    if first.requires_grad == second.requires_grad:
        return None
    if {first.dim(), second.dim()} != {1, 2} or first.numel() < 2 or output.numel() != first.numel() ** 2:
        return None
    file, line = user_place(2)
    return facts.Broadcast(
        step=step,
        first=tuple(first.shape),
        second=tuple(second.shape),
        result=tuple(output.shape),
        function=getattr(function, "__name__", ""),
        file=file,
        line=line,
    )
