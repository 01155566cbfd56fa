"""Layers that are fed their own earlier output without its graph: a recurrence whose gradient is cut at every step."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from torch import Tensor, nn

from unstuck.observe.autograd.graph import walk
from unstuck.observe.collectors.view import View
from unstuck.observe.user_code.frames import user_place
from unstuck.observe.user_code.module_tree import parameters
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["Detachments"]

DETACHING: frozenset[Any] = frozenset({Tensor.detach, Tensor.data.__get__})  # pyright: ignore

MOST_CUTS = 64
"""Cuts of one step that are kept: enough to see a rule in them."""

MOST_NODES = 500
"""Nodes behind a cut that are looked at; what one call of a layer adds to a graph is nearest."""


@dataclass
class _Cut:
    """A tensor without the graph that its values have, and the parameters in that graph."""

    values: weakref.ref[Tensor]
    leaves: frozenset[int]
    file: str | None
    line: int | None


class Detachments:
    """The cuts of one step, and the layers that take what was cut off.

    A layer that is called again and again, and is given each time what was made of its own last output by ``detach()``
    or ``.data``, is a recurrence that learns nothing from before its last step.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = DETACHING

    def __init__(self, view: View) -> None:
        self._view = view
        self._cuts: list[_Cut] = []
        self._calls: Counter[str] = Counter()
        self._fed: Counter[str] = Counter()
        self._places: dict[str, _Cut] = {}

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Take a call, if it cuts a graph."""
        if not self._view.learning or not isinstance(output, Tensor) or len(self._cuts) >= MOST_CUTS:
            return
        source = args[0]
        if source.grad_fn is None:
            return
        variables = (getattr(node, "variable", None) for node in islice(walk(source), MOST_NODES))
        leaves = frozenset(id(variable) for variable in variables if variable is not None)
        self._cuts.append(_Cut(weakref.ref(output), leaves, *user_place(2)))

    def module(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        """Take what enters a module."""
        where = self._view.where
        self._calls[where] += 1
        for cut in self._cuts:
            if any(cut.values() is value for value in _flat(inputs)):
                if any(id(parameter) in cut.leaves for parameter in parameters(module)):
                    self._fed[where] += 1
                    self._places.setdefault(where, cut)
                return

    def update(self, optimizer: object) -> None:
        """Note the modules of this step that took their own detached output; all is forgotten."""
        for where, count in self._fed.items():
            place = self._places[where]
            self._view.notice(
                facts.Detachment(where=where, calls=self._calls[where], cut=count, file=place.file, line=place.line)
            )
        self._cuts.clear()
        self._calls.clear()
        self._fed.clear()
        self._places.clear()


def _flat(inputs: Iterable[Any]) -> Iterator[Any]:
    """Tensors that are given directly, or as a state of several."""
    for value in inputs:
        if isinstance(value, tuple | list):
            yield from value
        else:
            yield value
