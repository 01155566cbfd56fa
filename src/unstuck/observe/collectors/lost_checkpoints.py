"""Which reentrant checkpoints cut the graph: their outputs have a gradient only where an input asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from unstuck.observe.autograd.graph import GraphWalk
from unstuck.observe.collectors.view import View
from unstuck.observe.torch_hooks.checkpoints import lost
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["LostCheckpoints"]


class LostCheckpoints:
    """Count the checkpoints without a gradient in the forward passes of steps whose graph is walked.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = frozenset[Any]()

    def __init__(self, view: View) -> None:
        self._view = view
        self._new: list[facts.LostCheckpoint] = []
        lost.looking = True  # the first step begins before anybody can say so

    def begin(self) -> None:
        """A sampled step begins."""
        lost.looking, lost.places = True, {}

    def rest(self) -> None:
        """What runs now is another training's."""
        lost.looking = False

    def backward(self, graph: GraphWalk) -> None:
        """Take those of the pass that a graph is of."""
        found, lost.places = lost.places, {}
        for (file, line), calls in found.items():
            self._new.append(facts.LostCheckpoint(step=self._view.updates, calls=calls, file=file, line=line))

    def update(self, optimizer: object) -> None:
        """The step is over."""
        lost.looking, lost.places = False, {}

    def facts(self) -> Iterator[facts.LostCheckpoint]:
        """What is new."""
        new, self._new = self._new, []
        yield from new

    def release(self) -> None:
        """Look no more."""
        lost.looking, lost.places = False, {}
