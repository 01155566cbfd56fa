"""The one table of activations."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from unstuck.errors import ArgumentError
from unstuck.nn.maxout import Maxout
from unstuck.spelling import unknown

__all__ = ["ACTIVATIONS", "activation", "widening"]

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky-relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "maxout": Maxout,
    "linear": nn.Identity,
}
"""Every activation by its name."""


def activation(name: str) -> nn.Module:
    """Build an activation.

    Raises:
        ArgumentError: There is none of that name.
    """
    if name not in ACTIVATIONS:
        raise ArgumentError(unknown("activation", name, ACTIVATIONS))
    return ACTIVATIONS[name]()


def widening(name: str) -> int:
    """Outputs that the layer before it needs for each unit: its pieces for maxout, 1 for all others.

    Raises:
        ArgumentError: There is none of that name.
    """
    built = activation(name)
    return built.pieces if isinstance(built, Maxout) else 1
