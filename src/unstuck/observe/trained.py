"""Weights that a training of this process has already changed: whatever comes next, they are no initial ones."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor

from unstuck.observe.tensors.readable import is_readable

__all__ = ["note", "was_trained"]

VALUES = 64
"""Values of a tensor that tell whether it is what a training left, or was drawn anew since."""

FEWEST = 8

ALIKE = 0.5
"""Cosine above which they are: of 64 values drawn anew it is above with a probability of one in ten thousand."""


@dataclass
class _Left:
    """A tensor as a training left it."""

    tensor: weakref.ref[Tensor]
    training: int
    values: Tensor


_left: dict[int, _Left] = {}


def note(parameters: Iterable[Tensor], *, training: int) -> None:
    """Remember parameters that a training, by its number, has changed."""
    for parameter in parameters:
        if parameter.requires_grad and _comparable(parameter):
            key = id(parameter)
            reference = weakref.ref(parameter, lambda _, key=key: _left.pop(key, None))
            _left[key] = _Left(reference, training, _values(parameter).clone())


def was_trained(parameter: Tensor, *, training: int) -> bool:
    """Whether another training than this one has changed a parameter, which has not been drawn anew since.

    Examples:
        >>> import torch
        >>> weight = torch.nn.Parameter(torch.linspace(-1.0, 1.0, 64))
        >>> note([weight], training=1)
        >>> was_trained(weight, training=1), was_trained(weight, training=2)
        (False, True)
    """
    left = _left.get(id(parameter))
    if left is None or left.tensor() is not parameter or left.training == training or not _comparable(parameter):
        return False
    now = _values(parameter).double()
    before = left.values.to(now)
    return float(now.dot(before)) > ALIKE * float(now.norm() * before.norm())


def _comparable(parameter: Tensor) -> bool:
    return parameter.numel() >= FEWEST and parameter.is_floating_point() and is_readable(parameter)


def _values(parameter: Tensor) -> Tensor:
    flat = parameter.detach().reshape(-1)
    return flat[:: -(-flat.numel() // VALUES)]
