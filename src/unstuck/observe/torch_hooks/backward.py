"""Which backward passes reach the parameters of one training, and whether gradients were cleared between them.

Programs with several optimizers call backward for each of them, and every observer hears all the calls. Whose loss it
was shows in ``.grad``: a backward pass that reaches a parameter adds to it, in place or with a new tensor. A few
parameters are looked at; that takes some microseconds, and where nobody else trains it is soon left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

from unstuck.observe.tensors.distributed import values_here

__all__ = ["Reaching"]

LOOKED_AT = 3

SURE_AFTER = 32
"""Backward passes that all reached, after which the next is taken to reach too, unless somebody else trains."""


class Reaching:
    """Look at a few parameters before and after each backward pass.

    Examples:
        >>> import torch
        >>> weight, other = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
        >>> reaching = Reaching()
        >>> reaching.watch([weight])
        >>> reaching.begins()
        >>> other.sum().backward()
        >>> reaching.ended()
        False
    """

    def __init__(self) -> None:
        self._watched: list[Tensor] = []
        self._before: list[tuple[int, int] | None] = []
        self._reached: tuple[Tensor, tuple[int, int] | None] | None = None
        self._looking = True
        self._hits: float = 0

    def watch(self, parameters: Sequence[Tensor]) -> None:
        """Look at some of these parameters from now on."""
        trainable = [parameter for parameter in parameters if parameter.requires_grad]
        last = len(trainable) - 1
        positions = {round(i * last / (LOOKED_AT - 1)) for i in range(LOOKED_AT)} if trainable else set[int]()
        self._watched = [trainable[position] for position in sorted(positions)]
        self._reached = None

    @property
    def sure(self) -> bool:
        """Whether the next backward pass is taken to reach, if there is no other training."""
        return self._hits >= SURE_AFTER

    def begins(self, *, alone: bool = False) -> None:
        """A backward pass is about to run; ``alone`` if there is no other training whose pass it could be."""
        self._looking = not (alone and self.sure)
        if self._looking:
            self._before = [_mark(parameter) for parameter in self._watched]

    def ended(self) -> bool:
        """It has run: whether it reached one of the parameters."""
        if not self._looking:
            return True
        for parameter, before in zip(self._watched, self._before, strict=True):
            after = _mark(parameter)
            if after != before:
                self._reached = (parameter, after)
                self._hits += 1
                return True
        self._hits = -math.inf  # some passes are not for these parameters: never be sure
        return False

    def cleared(self) -> bool:
        """Whether gradients were cleared since the latest backward pass that reached; call between the passes.

        What changes gradients otherwise, clipping or unscaling, leaves values behind.
        """
        if self._reached is None:
            return False
        parameter, mark = self._reached
        return _mark(parameter) != mark and (parameter.grad is None or not _any(parameter.grad))


def _mark(parameter: Tensor) -> tuple[int, int] | None:
    """What tells one state of a gradient from the next."""
    gradient = parameter.grad
    if gradient is None:
        return None
    if type(gradient) is not Tensor:  # the wrapper of a distributed tensor counts no changes
        gradient = getattr(gradient, "_local_tensor", gradient)
    return id(gradient), gradient._version


def _any(gradient: Tensor) -> bool:
    """Whether any value is not zero, of those that can be read here."""
    here = values_here(gradient)
    if here is None:
        return True
    return bool(here._nnz()) if here.is_sparse else bool(here.any())
