"""Values that were drawn from a distribution in a way that passes no gradient on, and the layers that take them."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from unstuck.observe.collectors.view import View
from unstuck.observe.user_code.frames import user_place
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["SampledValues"]

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


class SampledValues:
    """The draws of one step.

    ``Normal(mean, std).sample()`` draws under ``no_grad``, and ``torch.normal(mean, std)`` has a gradient of zero:
    whatever takes the values sends nothing back to mean and standard deviation, where ``rsample()`` would.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = frozenset({torch.normal}) | SCORES

    def __init__(self, view: View) -> None:
        self._view = view
        self._draws: list[_Draw] = []

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Take a call: one that draws, or one that computes the log-probability of what was drawn."""
        if function is torch.normal and isinstance(output, Tensor):
            if any(isinstance(value, Tensor) and _learnt(value) for value in args):
                self._draws.append(_Draw(weakref.ref(output), *user_place(2)))
        elif self._draws and any(isinstance(v, Tensor) and v.requires_grad for v in args):
            for draw in self._among(args):
                draw.scored = True

    def module(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        """Take what enters a layer with weights."""
        if self._draws and self._view.weighted:
            for draw in self._among(inputs):
                draw.taken = draw.taken or self._view.where

    def update(self, optimizer: object) -> None:
        """Note the draws of this step that layers took and nothing scored; they are forgotten."""
        draws, self._draws = self._draws, []
        for draw in draws:
            if draw.taken is not None and not draw.scored:
                self._view.notice(facts.NonDifferentiableSample(where=draw.taken, file=draw.file, line=draw.line))

    def _among(self, values: Iterable[Any]) -> list[_Draw]:
        return [draw for draw in self._draws if any(draw.values() is value for value in values)]


def _learnt(value: Tensor) -> bool:
    """Whether a gradient could reach this; of a view that was taken under no_grad, what it is a view of."""
    base = value._base  # pyright: ignore[reportPrivateUsage]
    return value.requires_grad or (isinstance(base, Tensor) and base.requires_grad)
