"""Constants that a number format cannot hold: an epsilon that is zero in float16, a mask value that is infinite."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from unstuck.observe.collectors.view import View
from unstuck.observe.user_code.frames import user_place
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["NarrowConstants", "becomes"]

ADDING = (
    "add",
    "__add__",
    "__radd__",
    "__iadd__",
    "add_",
    "sub",
    "__sub__",
    "__rsub__",
    "clamp",
    "clamp_min",
    "clamp_",
)
TAKING = ("maximum", "fmax", "clamp_min_")
SCALING = ("mul", "__mul__", "__rmul__", "mul_")
OWNERS = (torch, Tensor)

FUNCTIONS: Mapping[Any, str] = {
    getattr(owner, name): name.strip("_")
    for owner in OWNERS
    for name in (*ADDING, *TAKING, *SCALING)
    if hasattr(owner, name)
}
DEFAULTS: Mapping[Any, float] = {functional.normalize: 1e-12, functional.cosine_similarity: 1e-8}
"""Functions that bound a norm by an epsilon of their own, in the type of their input."""

FACTORS = frozenset(getattr(owner, name) for owner in OWNERS for name in SCALING if hasattr(owner, name))
MOST = 16
"""Constants that are stated."""


def becomes(constant: float, type_: torch.dtype) -> Literal["zero", "infinity"] | None:
    """What a constant is in a type, where that is not about itself.

    Examples:
        >>> becomes(1e-8, torch.float16), becomes(-1e9, torch.float16), becomes(1e-8, torch.bfloat16)
        ('zero', 'infinity', None)
    """
    if constant == 0.0 or abs(constant) == torch.inf:
        return None
    there = abs(float(torch.tensor(constant, dtype=torch.float64).to(type_)))
    return "zero" if there == 0.0 else "infinity" if there == torch.inf else None


class NarrowConstants:
    """Note the constants that are given to functions together with tensors of float16.

    Args:
        view: What is known of the step; what is found is written there.
    """

    measures: tuple[Signal, ...] = ()
    functions = frozenset((*FUNCTIONS, *DEFAULTS))

    def __init__(self, view: View) -> None:
        self._view = view
        self._known = set[tuple[Any, ...]]()

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Look at a call."""
        if type(output) is not Tensor or output.dtype is not torch.float16 or len(self._known) >= MOST:
            return
        for constant in _constants(function, args, kwargs):
            found = becomes(constant, output.dtype)
            if found is not None and not (found == "zero" and function in FACTORS):
                self._note(function, constant, found)

    def _note(self, function: Any, constant: float, found: Literal["zero", "infinity"]) -> None:
        name, (file, line) = FUNCTIONS.get(function, getattr(function, "__name__", "")), user_place(2)
        key = (name, constant, file, line)
        if key not in self._known:
            self._known.add(key)
            self._view.noticed.append(
                facts.NarrowConstant(
                    value=constant,
                    becomes=found,
                    type="float16",
                    function=name,
                    where=self._view.where,
                    file=file,
                    line=line,
                )
            )


def _constants(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterable[float]:
    if function in DEFAULTS:
        return (float(kwargs.get("eps", args[3] if len(args) > 3 else DEFAULTS[function])),)
    return [float(value) for value in (*args, *kwargs.values()) if type(value) is float]
