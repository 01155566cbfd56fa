"""Weights that a training of this process has already changed: whatever comes next, they are no initial ones."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor

from unstuck.observe.tensors.readable import is_readable

__all__ = ["continued", "note", "was_trained"]

VALUES = 64
"""Values of a tensor that tell whether it is what a training left, or was drawn anew since."""

FEWEST = 8

ALIKE = 0.5
"""Cosine above which they are: of 64 values drawn anew it is above with a probability of one in ten thousand."""


@dataclass
class _Left:
    """A tensor as a training left it, and as it was when that was looked at first."""

    tensor: weakref.ref[Tensor]
    training: int
    optimizer: int | None
    values: Tensor
    first: Tensor


_left: dict[int, _Left] = {}


def note(parameters: Iterable[Tensor], *, training: int, optimizer: int | None = None) -> None:
    """Remember parameters that a training, by its number and that of its optimizer, has changed."""
    for parameter in parameters:
        if parameter.requires_grad and _comparable(parameter):
            key = id(parameter)
            values, before = _values(parameter).clone(), _left.get(key)
            first = values
            if before is not None and before.training == training:
                if _put_back(parameter, before):
                    continue  # the program has done so before it let go of the optimizer
                first = before.first
            reference = weakref.ref(parameter, lambda _, key=key: _left.pop(key, None))
            _left[key] = _Left(reference, training, optimizer, values, first)


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


def continued(parameters: Iterable[Tensor], *, training: int) -> tuple[int, ...]:
    """The numbers of the optimizers most of whose weights another training takes over, by the number of values.

    Weights that were put back to what they were first, as for the next fold of a validation, are not taken over.

    Args:
        parameters: What it trains.
        training: Its number.

    Examples:
        >>> import torch
        >>> weight = torch.nn.Parameter(torch.linspace(-1.0, 1.0, 64))
        >>> note([weight], training=1, optimizer=7)
        >>> continued([weight], training=2)
        (7,)
    """
    taken, all_left = Counter[int](), Counter[int]()
    for parameter in parameters:
        if was_trained(parameter, training=training):
            left = _left[id(parameter)]
            if left.optimizer is not None and not _put_back(parameter, left):
                taken[left.optimizer] += parameter.numel()
    for left in tuple(_left.values()) if taken else ():
        tensor = left.tensor()
        if tensor is not None and left.optimizer is not None:
            all_left[left.optimizer] += tensor.numel()
    return tuple(sorted(number for number, values in taken.items() if 2 * values > all_left[number]))


def _put_back(parameter: Tensor, left: _Left) -> bool:
    """Whether a tensor is nearer to what it was first than to what it was at last."""
    now = _values(parameter).double()
    return float((now - left.first.to(now)).norm()) < float((now - left.values.to(now)).norm())


def _comparable(parameter: Tensor) -> bool:
    return parameter.numel() >= FEWEST and parameter.is_floating_point() and is_readable(parameter)


def _values(parameter: Tensor) -> Tensor:
    flat = parameter.detach().reshape(-1)
    return flat[:: -(-flat.numel() // VALUES)]
