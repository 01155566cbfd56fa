"""Values that were drawn from a distribution in a way that passes no gradient on, and the layers that take them."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unstuck.observe.user_code.frames import user_place
from unstuck.record import facts

__all__ = ["Draws"]

SCORES: frozenset[Any] = frozenset({torch.sub, Tensor.sub, Tensor.__sub__, Tensor.__rsub__})
"""How a log-probability takes a value: a score-function estimator has its gradient from there, and needs no other."""


@dataclass
class _Draw:
    """One tensor of drawn values, and what became of it."""

    values: weakref.ref[Tensor]
    file: str | None
    line: int | None
    taken: str | None = None
    scored: bool = False


class Draws:
    """The draws of one step.

    ``Normal(mean, std).sample()`` draws under ``no_grad``, and ``torch.normal(mean, std)`` has a gradient of zero:
    whatever takes the values sends nothing back to mean and standard deviation, where ``rsample()`` would.
    """

    def __init__(self) -> None:
        self._draws: list[_Draw] = []

    def see(self, function: Callable[..., Any], args: tuple[Any, ...], output: Any) -> None:
        """Take a call: one that draws, or one that computes the log-probability of what was drawn."""
        if function is torch.normal and isinstance(output, Tensor):
            if any(isinstance(value, Tensor) and _learnt(value) for value in args):
                self._draws.append(_Draw(weakref.ref(output), *user_place(2)))
        elif self._draws and function in SCORES and any(isinstance(v, Tensor) and v.requires_grad for v in args):
            for draw in self._among(args):
                draw.scored = True

    def reach(self, inputs: tuple[Any, ...], where: str) -> None:
        """Take what enters a layer."""
        for draw in self._among(inputs) if self._draws else ():
            draw.taken = draw.taken or where

    def finish(self) -> Iterator[facts.NonDifferentiableSample]:
        """The draws of this step that layers took and nothing scored; they are forgotten."""
        draws, self._draws = self._draws, []
        for draw in draws:
            if draw.taken is not None and not draw.scored:
                yield facts.NonDifferentiableSample(where=draw.taken, file=draw.file, line=draw.line)

    def _among(self, values: Iterable[Any]) -> list[_Draw]:
        return [draw for draw in self._draws if any(draw.values() is value for value in values)]


def _learnt(value: Tensor) -> bool:
    """Whether a gradient could reach this; of a view that was taken under no_grad, what it is a view of."""
    base = value._base  # pyright: ignore[reportPrivateUsage]
    return value.requires_grad or (isinstance(base, Tensor) and base.requires_grad)
