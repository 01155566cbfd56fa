"""See what is made of networks' outputs where nothing is learnt: targets that bootstrap are made there."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from torch import nn

from unstuck.observe.collectors.bootstraps import Bootstraps
from unstuck.observe.torch_hooks import forward

__all__ = ["AsideCalls"]

MOST_CALLS = 500
"""Calls of one step that are looked at: an evaluation has more, and makes no targets."""


class AsideCalls:
    """Listen while a sampled step does what looks like an evaluation, as a policy that acts.

    Args:
        bootstraps: Who is shown what is seen.

    Attributes:
        spent: Seconds that looking took so far.
    """

    def __init__(self, bootstraps: Bootstraps) -> None:
        self.spent = 0.0
        self._bootstraps: Bootstraps | None = bootstraps
        self._left = MOST_CALLS
        self._listens = False
        self._own = {function: functools.partial(self._called) for function in bootstraps.functions}
        self.calls: Mapping[Any, Any] = self._own

    def begin(self) -> None:
        """A step begins."""
        self._left = MOST_CALLS

    def look(self, wanted: bool) -> None:
        """Listen, or do not."""
        if wanted and self._bootstraps is not None and self._left > 0:
            self._listens = True
            forward.listen(self)
        elif self._listens:
            self._listens = False
            forward.unlisten(self)

    def claims(self, module: nn.Module) -> bool:
        """It is nobody's."""
        return False

    def module_begins(self, module: nn.Module, inputs: tuple[Any, ...], *, outermost: bool, learning: bool) -> None:
        """A network is about to run; what it computes is not followed."""
        if outermost and self._bootstraps is not None:
            self._bootstraps.network_begins(module, inputs)

    def module_ended(self, module: nn.Module, output: Any, *, outer: nn.Module | None, learning: bool) -> None:
        """A network has run, if no other module called it."""
        if outer is None and self._bootstraps is not None and self._counts():
            self._bootstraps.network(module, output)

    def scalars(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any, **_: Any) -> None:
        """Single numbers are no targets."""

    def function_failed(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """An error is the program's."""

    def failed(self, error: Exception) -> None:
        """Look no more; what was seen is kept."""
        self._bootstraps = None

    def _called(
        self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any, *, learning: bool
    ) -> None:
        if self._bootstraps is not None and not forward.running_modules() and self._counts():
            self._bootstraps.follow(function, args, output)

    def _counts(self) -> bool:
        self._left -= 1
        if self._left == 0:
            forward.unlisten(self)
        return self._left > 0
