"""The one table of optimizers, and how a recipe's constants reach them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from torch import nn
from torch.optim import Optimizer

from unstuck.errors import ArgumentError
from unstuck.optim import (
    SGD,
    Adagrad,
    Adam,
    AdamW,
    AveragedMomentum,
    HessianFree,
    LookAheadNesterov,
    MeanAdagrad,
    Momentum,
    Nesterov,
    Newton,
    RAdam,
    RMSprop,
)
from unstuck.optim.second_order_step import SecondOrderOptimizer

__all__ = ["CONSTANTS", "OPTIMIZERS", "build", "constants_of", "rate_of", "takes_a_closure"]

OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "averaged-momentum": AveragedMomentum,
    "nesterov": Nesterov,
    "look-ahead-nesterov": LookAheadNesterov,
    "adam": Adam,
    "adamw": AdamW,
    "radam": RAdam,
    "rmsprop": RMSprop,
    "adagrad": Adagrad,
    "mean-adagrad": MeanAdagrad,
    "newton": Newton,
    "hessian-free": HessianFree,
}
"""Every optimizer by its name."""

CONSTANTS = (
    *("lr", "momentum", "dampening", "nesterov", "betas", "alpha", "eps", "centered", "amsgrad", "lr_decay"),
    *("initial_accumulator_value", "weight_decay", "decoupled_weight_decay"),
    *("damping", "rounds", "progress", "decay"),
)
"""Constants that a recipe may set, for the methods that have them."""

Constant = float | bool | tuple[float, ...]


def constants_of(name: str) -> tuple[str, ...]:
    """The constants that a method has.

    Examples:
        >>> constants_of("adam")
        ('lr', 'betas', 'eps', 'amsgrad', 'weight_decay', 'decoupled_weight_decay')
    """
    known = inspect.signature(OPTIMIZERS[name]).parameters
    return tuple(constant for constant in CONSTANTS if constant in known)


def rate_of(name: str) -> float:
    """The rate that a method takes where none is given.

    Examples:
        >>> rate_of("adam")
        0.001
    """
    return float(inspect.signature(OPTIMIZERS[name]).parameters["lr"].default)


def takes_a_closure(name: str) -> bool:
    """Whether its step differentiates the loss by itself, and cannot do with gradients.

    Examples:
        >>> takes_a_closure("newton"), takes_a_closure("sgd")
        (True, False)
    """
    return issubclass(OPTIMIZERS[name], SecondOrderOptimizer)


def build(
    name: str, parameters: Iterable[nn.Parameter] | list[dict[str, Any]], constants: Mapping[str, Constant]
) -> Optimizer:
    """Build an optimizer.

    Args:
        name: One of :data:`OPTIMIZERS`.
        parameters: What it steps: parameters, or groups of them.
        constants: Its constants; those not given keep the method's defaults.

    Raises:
        ArgumentError: The method does not accept a constant.
    """
    method = cast("Callable[..., Optimizer]", OPTIMIZERS[name])
    try:
        return method(parameters, **constants)
    except ValueError as error:
        raise ArgumentError(str(error)) from error
