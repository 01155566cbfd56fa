"""Where a softmax is taken, and over which axis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from unstuck.observe.user_code.frames import user_place
from unstuck.record import facts

__all__ = ["softmax_of"]

SOFTMAXES: frozenset[Any] = frozenset(
    {
        functional.softmax,
        functional.log_softmax,
        torch.softmax,
        torch.log_softmax,
        Tensor.softmax,
        Tensor.log_softmax,
    }
)

FIRST_BY_DEFAULT = (0, 1, 3)
"""Dimensions of which PyTorch takes the first, where no axis is given; of others it takes the second."""


def softmax_of(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    where: str,
    model_output: Tensor | None = None,
) -> facts.Softmax | None:
    """The fact of a softmax call, with its axis counted from 0; None for any other call."""
    values: Any = args[0] if args else None
    if function not in SOFTMAXES or not isinstance(values, Tensor):
        return None
    axis = kwargs.get("dim", args[1] if len(args) > 1 else None)
    dims = values.dim()
    if axis is None:
        axis = 0 if dims in FIRST_BY_DEFAULT else 1
    if not isinstance(axis, int):
        return None
    file, line = user_place(2)
    return facts.Softmax(
        where=where,
        axis=axis % dims if dims else 0,
        shape=tuple(values.shape),
        of_output=values is model_output,
        file=file,
        line=line,
    )
