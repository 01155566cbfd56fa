"""Were weights loaded for a part of the model only, though the file holds the others under another name?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from unstuck.observe.collectors.view import View
from unstuck.observe.torch_hooks.state_loading import loaded
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["WeightsLeftOut"]

NAMED = 64
"""Parameters that a fact names."""


class WeightsLeftOut:
    """State of each module of the model what its load left out, at the end.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = frozenset[Any]()

    def __init__(self, view: View) -> None:
        self._view = view

    def finish(self) -> Iterator[facts.WeightsLeftOut]:
        """What is known."""
        names = {id(parameter): name for name, parameter in self._view.named.items()}
        for module in self._view.roots.modules():
            known = loaded.get(module)
            if known is None:
                continue
            own = dict(module.named_parameters())
            left = [(names.get(id(own.get(name)), name), other) for name, other in known.names]
            yield facts.WeightsLeftOut(
                parameters=tuple(name for name, _ in left[:NAMED]),
                keys=tuple(key for _, key in left[:NAMED]),
                file=known.place[0],
                line=known.place[1],
            )
