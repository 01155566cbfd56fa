"""Functions that are not finite at the edge of their range, or whose slope is not: where the program calls them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unstuck.observe.autograd.graph import saved
from unstuck.observe.tensors.distributed import is_sharded, values_here
from unstuck.observe.user_code.frames import user_place

__all__ = ["Edges", "Spot", "steep"]

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


class Edges:
    """What the sampled steps have shown of these functions.

    Attributes:
        places: File and line of each function's first call.
        first: The first of this step's calls that was not finite; None where there was none.
    """

    def __init__(self) -> None:
        self.places: dict[str, tuple[str | None, int | None]] = {}
        self.first: Spot | None = None

    def forget(self) -> None:
        """A new step begins."""
        self.first = None

    def see(self, function: Callable[..., Any], args: tuple[Any, ...], output: Any) -> None:
        """Look at a call; results on an accelerator are left there, and of those that are sharded our part is seen."""
        name = FUNCTIONS.get(function)
        if name is None or not isinstance(output, Tensor) or not output.is_floating_point():
            return
        if name not in self.places:
            self.places[name] = user_place(1)
        result = values_here(output)
        if self.first is not None or result is None or not result.is_cpu or result.numel() > MOST_VALUES:
            return
        if _finite(result) is not False:
            return
        if all(_finite(value) for value in args if isinstance(value, Tensor) and value.is_floating_point()):
            bad = ~result.isfinite()
            counted = bad.dim() and not is_sharded(output)  # the rows of a part are not those of the batch
            rows = bad.reshape(len(bad), -1).any(dim=1).nonzero().flatten()[:MOST_EXAMPLES] if counted else []
            self.first = Spot(name, *user_place(1), count=int(bad.sum()), examples=tuple(int(row) for row in rows))


def steep(operation: str, node: Any) -> str | None:
    """Name of a graph node's function, if its slope is infinite at the edge of its range; None otherwise."""
    if operation == "Pow":
        exponent = saved(node, "_saved_exponent")
        return (
            "pow"
            if exponent is None or isinstance(exponent, Tensor) or 0 < float(exponent) < 1 or float(exponent) < 0
            else None
        )
    return STEEP.get(operation)


def _finite(values: Tensor) -> bool | None:
    """Whether the values on this process are finite; None where they cannot be read."""
    here = values_here(values)
    return None if here is None else bool(here.isfinite().all())
