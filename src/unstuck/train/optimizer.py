"""The one table of optimizers, and how a recipe's constants reach them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from unstuck.errors import ArgumentError

__all__ = ["CONSTANTS", "OPTIMIZERS", "build", "constants_of"]

OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
}
"""Every optimizer by its name."""

CONSTANTS = ("lr", "momentum", "dampening", "nesterov", "betas", "alpha", "eps", "centered", "lr_decay", "weight_decay")
"""Constants that a recipe may set, for the methods that have them."""

Constant = float | bool | tuple[float, ...]


def constants_of(name: str) -> tuple[str, ...]:
    """The constants that a method has.

    Examples:
        >>> constants_of("adam")
        ('lr', 'betas', 'eps', 'weight_decay')
    """
    known = inspect.signature(OPTIMIZERS[name]).parameters
    return tuple(constant for constant in CONSTANTS if constant in known)


def build(name: str, parameters: Iterable[nn.Parameter], constants: Mapping[str, Constant]) -> Optimizer:
    """Build an optimizer.

    Args:
        name: One of :data:`OPTIMIZERS`.
        parameters: What it steps.
        constants: Its constants; those not given keep the method's defaults.

    Raises:
        ArgumentError: The method does not accept a constant.
    """
    method: Callable[..., Optimizer] = OPTIMIZERS[name]
    # One kernel for all the arithmetic of a tensor: the same formula in half the time, where the method offers it.
    fused: dict[str, Any] = {"fused": True} if "fused" in inspect.signature(method).parameters else {}
    try:
        return method(parameters, **constants, **fused)
    except ValueError as error:
        raise ArgumentError(f"name={name!r}: {error}") from error
