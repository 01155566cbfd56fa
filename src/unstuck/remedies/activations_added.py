"""Rectifiers between layers that have no activation between them."""

from __future__ import annotations

import weakref
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm  # pyright: ignore[reportPrivateUsage]
from torch.nn.modules.conv import _ConvNd  # pyright: ignore[reportPrivateUsage]
from torch.nn.modules.dropout import _DropoutNd  # pyright: ignore[reportPrivateUsage]

from unstuck.record import Finding, Run, facts
from unstuck.remedies import effects, obstacles
from unstuck.remedies.change import Change
from unstuck.remedies.interventions import Run as Function
from unstuck.remedies.interventions import around_modules
from unstuck.remedies.remedy import Remedy

__all__ = ["ActivationsAdded"]

WEIGHTS = (nn.Linear, _ConvNd)
PASSING = (_BatchNorm, _DropoutNd, nn.LayerNorm, nn.GroupNorm, nn.Identity, nn.Flatten)
"""Layers that put no nonlinearity between two layers with weights."""


class ActivationsAdded(Remedy):
    """Put a rectifier before each layer that is given the outputs of another one as they are.

    Changes: what linear layers and convolutions are given, where it comes from another of them with nothing but norms,
    dropout, views and identities between.

    Applies: where a weight was seen to be multiplied with the products of another one.

    Proves: a network that is one linear map.
    """

    name = "activations-added"
    proves = ("activation-missing",)
    decides = False

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """One."""
        wirings = run.facts(facts.Wiring)
        linear = any(connection.linear for wiring in wirings for connection in wiring.connections)
        return (Change(remedy=self.name),) if linear else ()

    def words(self, change: Change, run: Run) -> str:
        """``"with ReLU between the layers"``."""
        return "with ReLU between the layers"

    def obstacle(self, run: Run) -> str | None:
        """Calls in compiled code are not reached."""
        return obstacles.compiled(run)

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Follow the outputs of layers to the next ones."""
        outputs = _Outputs()

        def layer(module: nn.Module, run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            weighs, given = isinstance(module, WEIGHTS), args[0] if args else None
            direct = outputs.holds(given)
            if weighs and direct and isinstance(given, Tensor):
                effects.happened(self.name)
                args = (torch.relu(given), *args[1:])
            result = run(*args, **kwargs)
            if weighs or (direct and isinstance(module, (*PASSING, nn.Sequential))):
                outputs.add(result)
            return result

        with around_modules(layer):
            yield


class _Outputs:
    """Tensors that layers with weights gave, as long as they live; a view of one is one."""

    def __init__(self) -> None:
        self._known: dict[int, weakref.ref[Tensor]] = {}

    def add(self, tensor: Any) -> None:
        if isinstance(tensor, Tensor):
            key = id(tensor)
            self._known[key] = weakref.ref(tensor, lambda _: self._known.pop(key, None))

    def holds(self, tensor: Any) -> bool:
        if not isinstance(tensor, Tensor):
            return False
        for candidate in (tensor, tensor._base):  # pyright: ignore[reportPrivateUsage]
            known = self._known.get(id(candidate))
            if known is not None and known() is candidate:
                return True
        return False
