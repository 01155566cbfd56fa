"""Where a schedule's number stands in a parameter group: the rate, and the momentum or the first of the betas."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

__all__ = ["Group", "Quantity", "Trace", "clone", "read", "trace", "untouched", "write"]

Quantity = Literal["lr", "momentum"]
Group = dict[str, Any]
Trace = tuple[Tensor, int] | float


def read(group: Group, quantity: Quantity) -> float | Tensor:
    """Return the rate, the momentum or the first beta of a group, as it is held.

    Raises:
        ValueError: If the momentum is asked for and there is none.
    """
    if quantity in group:
        return group[quantity]
    if "betas" in group:
        return group["betas"][0]
    raise ValueError(
        f"a momentum schedule needs parameter groups with 'momentum' or 'betas', got one with {sorted(group)}: "
        "use an optimizer that has momentum, such as SGD, RMSprop or Adam"
    )


def write(group: Group, quantity: Quantity, value: float) -> float:
    """Put a value there, in place where a tensor holds it, and return what can then be read."""
    present = read(group, quantity)
    if isinstance(present, Tensor):
        present.fill_(value)
        # What the tensor holds is known without waiting for its device.
        return float(torch.tensor(value, dtype=present.dtype))
    if quantity in group:
        group[quantity] = value
    else:
        group["betas"] = (value, *group["betas"][1:])
    return value


def clone(value: float | Tensor) -> float | Tensor:
    """Return a value that no longer changes with the group."""
    return value.clone() if isinstance(value, Tensor) else value


def trace(value: float | Tensor) -> Trace:
    """Return what tells whether a value was changed, without waiting for a device: a tensor with its version."""
    return (value, value._version) if isinstance(value, Tensor) else value


def untouched(value: float | Tensor, before: Trace) -> bool:
    """Whether nobody wrote since the trace was taken."""
    if isinstance(value, Tensor):
        return isinstance(before, tuple) and before[0] is value and before[1] == value._version
    return value == before
