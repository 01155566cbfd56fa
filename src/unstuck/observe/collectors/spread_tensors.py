"""Say it where what a model computes is spread over several processes, of which one is watched."""

from __future__ import annotations

from typing import Any

from torch import Tensor, distributed, nn

from unstuck.observe.blind_spots import PARTS
from unstuck.observe.collectors.inputs import any_tensor
from unstuck.observe.collectors.losses import LOSS_FUNCTIONS
from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.distributed import is_distributed
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["SpreadTensors"]


class SpreadTensors:
    """Notice inputs, activations and arguments of losses that several processes hold together.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = frozenset(LOSS_FUNCTIONS)

    @property
    def kinds(self) -> tuple[type[nn.Module], ...]:
        """All modules; none in a program of one process, where a call for each module of a model would be for nothing.

        A tensor can be spread only over processes that have begun.
        """
        return (nn.Module,) if distributed.is_available() and distributed.is_initialized() else ()

    def __init__(self, view: View) -> None:
        self._view = view

    def module(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        """Look at what enters a module."""
        if len(inputs) != 1 or type(inputs[0]) is not Tensor:  # a call for each module of a model
            self._look(any_tensor(inputs))

    def output(self, module: nn.Module, output: Any) -> None:
        """Look at what it gives."""
        if type(output) is not Tensor:
            self._look(any_tensor(output))

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Look at what a loss is given."""
        if isinstance(output, Tensor) and output.requires_grad:
            self._look(*args, *kwargs.values())

    def _look(self, *values: Any) -> None:
        for value in values:
            if type(value) is not Tensor and isinstance(value, Tensor) and is_distributed(value):
                self._view.notice(facts.Event(step=self._view.step, what=PARTS, blinds=True))
                return
