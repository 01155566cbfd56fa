"""Were weights loaded for a part of the model only, though the program has the others under another name?"""

from __future__ import annotations

from typing import Any

from torch import nn

from unstuck.observe.autograd.graph import GraphWalk
from unstuck.observe.collectors.view import View
from unstuck.observe.torch_hooks.state_loading import Loaded, loaded
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["WeightsLeftOut"]

NAMED = 64
"""Parameters that a fact names."""


class WeightsLeftOut:
    """State of each module of the model what its load left out.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = frozenset[Any]()

    def __init__(self, view: View) -> None:
        self._view = view
        self._told = False

    def backward(self, graph: GraphWalk) -> None:
        """State it at the first backward pass, when all modules of the model are known."""
        del graph
        if self._told:
            return
        self._told = True
        names = {id(parameter): name for name, parameter in self._view.named.items()}
        for module in self._view.roots.modules():
            known = loaded.get(module)
            if known is not None:
                self._view.noticed.append(self._fact(known, dict(module.named_parameters()), names))

    def _fact(self, known: Loaded, own: dict[str, nn.Parameter], names: dict[int, str]) -> facts.WeightsLeftOut:
        left = [(names.get(id(own.get(name)), name), key) for name, key in known.names[:NAMED]]
        return facts.WeightsLeftOut(
            parameters=tuple(name for name, _ in left),
            keys=tuple(key for _, key in left),
            own=known.own,
            file=known.place[0],
            line=known.place[1],
        )
