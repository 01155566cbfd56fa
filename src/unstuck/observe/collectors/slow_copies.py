"""Networks beside the one that is trained, of its shapes, whose outputs targets are made of: do they ever move?"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from unstuck.observe.collectors.made_values import Made
from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.user_code.module_tree import parameters
from unstuck.record import facts

__all__ = ["SlowCopies"]

MOST_COPIES = 8

OFTEN = 50
"""Updates between two statements on whether a copy has moved; later a quarter of those made, where that is more."""

MOST_TENSORS = 64
MOST_VALUES = 16
"""Values of each tensor by which a movement is seen."""


@dataclass
class _Copy:
    """One network."""

    module: weakref.ref[nn.Module]
    began_equal: bool
    first: Tensor
    since: int
    until: int = 0
    told: int = 0
    moved: bool = False
    site: tuple[str | None, int | None] | None = None


class SlowCopies:
    """Look at such a network whenever it is called, and compare it with what it was at first.

    Args:
        view: What is known of the step.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self._known: dict[int, _Copy | None] = {}
        self._early: dict[int, weakref.ref[nn.Module]] = {}
        self._new = False

    def passed(self, module: nn.Module) -> None:
        """A network has run."""
        key = id(module)
        if not len(self._view.roots):
            if len(self._early) < MOST_COPIES:  # the network that it may be like has not run yet
                self._early[key] = weakref.ref(module)
            return
        if key not in self._known and len(self._known) < MOST_COPIES:
            self._known[key] = self._met(module)
        copy = self._known.get(key)
        if copy is None or copy.module() is not module:
            return
        copy.until = self._view.updates
        if copy.site is not None and copy.until - copy.told >= max(OFTEN, copy.told / 4):
            self._new = True
        if not copy.moved:
            values = _values(list(parameters(module)))
            copy.moved = values is not None and not torch.equal(values, copy.first)

    def _met(self, module: nn.Module) -> _Copy | None:
        """What it is like when it is met; None for one that is trained, or is like none that is."""
        held, weights = self._view.roots.held, list(parameters(module))
        if not weights or any(id(weight) in held for weight in weights):
            return None
        shapes = [weight.shape for weight in weights]
        like = [own for own in self._view.roots if [p.shape for p in parameters(own)] == shapes]
        first = _values(weights)
        if not like or first is None:
            return None
        equal = any((own := _values(list(parameters(root)))) is not None and torch.equal(own, first) for root in like)
        return _Copy(weakref.ref(module), equal, first, self._view.updates)

    def asked(self, sources: frozenset[int], made: Made) -> None:
        """A loss has a target that some networks went into."""
        for key in sources:
            early = self._early.pop(key, None)
            if early is not None and (module := early()) is not None:
                self.passed(module)
            copy = self._known.get(key)
            if copy is not None:
                copy.site, self._new = (made.file, made.line), True

    def facts(self) -> Iterator[facts.TargetNetwork]:
        """What is known now."""
        new, self._new = self._new, False
        for copy in self._known.values() if new else ():
            if copy is not None and copy.site is not None:
                copy.told = copy.until
                yield facts.TargetNetwork(
                    since=copy.since,
                    until=copy.until,
                    moved=copy.moved,
                    began_equal=copy.began_equal,
                    file=copy.site[0],
                    line=copy.site[1],
                )

    def release(self) -> None:
        """Let go of them."""
        self._known.clear()
        self._early.clear()


def _values(weights: list[Tensor]) -> Tensor | None:
    """Some values of each; None where they cannot be read."""
    chosen = weights[:MOST_TENSORS]
    if not all(map(is_readable, chosen)) or len({weight.device for weight in chosen}) != 1:
        return None
    return torch.cat([weight.detach().reshape(-1)[:MOST_VALUES].double() for weight in chosen])
