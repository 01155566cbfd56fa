"""Functions that are not finite at the edge of their range, or whose slope is not: where the program calls them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unstuck.observe.autograd.graph import saved
from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.distributed import is_sharded
from unstuck.observe.tensors.readable import values_here
from unstuck.observe.user_code.frames import user_place
from unstuck.record.signals import Signal

__all__ = ["InfiniteSlopes", "Spot", "steep"]

NAMES = (
    *("log", "log2", "log10", "log1p", "sqrt", "rsqrt", "pow", "exp", "div", "true_divide", "reciprocal"),
    *("acos", "asin", "atanh", "std", "var", "norm", "__truediv__", "__rtruediv__", "__pow__", "__rpow__"),
)
FUNCTIONS: Mapping[Callable[..., Any], str] = {
    getattr(owner, name): {"__truediv__": "div", "__rtruediv__": "div", "true_divide": "div"}.get(name, name.strip("_"))
    for owner in (torch, Tensor)
    for name in NAMES
    if hasattr(owner, name)
}

STEEP: Mapping[str, str] = {
    "Sqrt": "sqrt",
    "Rsqrt": "rsqrt",
    "Log": "log",
    "Log2": "log2",
    "Log10": "log10",
    "Div": "div",
    "Exp": "exp",
    "Reciprocal": "reciprocal",
    "Acos": "acos",
    "Asin": "asin",
    "Atanh": "atanh",
    "Std": "std",
}
"""Operations whose derivative may be infinite although the loss is finite, by the names of graph nodes."""

MOST_VALUES = 1_000_000
MOST_EXAMPLES = 16


@dataclass(frozen=True)
class Spot:
    """A call that gave values that are not finite for arguments that are.

    Attributes:
        name: The function.
        file: The user's file that calls it.
        line: Its line.
        count: Values that are not finite.
        examples: Rows that hold them.
    """

    name: str
    file: str | None
    line: int | None
    count: int
    examples: tuple[int, ...]


class InfiniteSlopes:
    """Where these functions are called, and the first call of a step that was not finite.

    Args:
        view: What is known of the step; both are written there.
    """

    measures: tuple[Signal, ...] = ()
    functions = frozenset(FUNCTIONS)

    def __init__(self, view: View) -> None:
        self._view = view

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Look at a call; results on an accelerator are left there, and of those that are sharded our part is seen."""
        name, view = FUNCTIONS[function], self._view
        if not view.learning or not isinstance(output, Tensor) or not output.is_floating_point():
            return
        if name not in view.slopes:
            view.slopes[name] = user_place(1)
        result = values_here(output) if view.slope is None else None
        if result is None or not result.is_cpu or result.numel() > MOST_VALUES or _finite(result):
            return
        if all(_finite(value) for value in args if isinstance(value, Tensor) and value.is_floating_point()):
            bad = ~result.isfinite()
            counted = bad.dim() and not is_sharded(output)  # the rows of a part are not those of the batch
            rows = bad.reshape(len(bad), -1).any(dim=1).nonzero().flatten()[:MOST_EXAMPLES] if counted else []
            view.slope = Spot(name, *user_place(1), count=int(bad.sum()), examples=tuple(int(row) for row in rows))


def steep(operation: str, node: Any) -> str | None:
    """Name of a graph node's function, if its slope is infinite at the edge of its range; None otherwise."""
    if operation == "Pow":
        exponent = saved(node, "_saved_exponent")
        smooth = isinstance(exponent, int | float) and (exponent >= 1 or exponent == 0)
        return None if smooth else "pow"
    return STEEP.get(operation)


def _finite(values: Tensor) -> bool:
    """Whether the values on this process are finite; what cannot be read is not known to be."""
    here = values_here(values)
    return here is not None and bool(here.isfinite().all())
