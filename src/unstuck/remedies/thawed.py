"""Frozen parameters thawed."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

import torch
from torch import nn
from torch.optim import Optimizer

from unstuck.record import Finding, Run, facts
from unstuck.remedies import effects, obstacles
from unstuck.remedies.change import Change
from unstuck.remedies.interventions import Run as Function
from unstuck.remedies.interventions import around_modules, optimizers_made, outermost
from unstuck.remedies.remedy import Remedy

__all__ = ["Thawed"]


class Thawed(Remedy):
    """Let frozen parameters learn.

    Changes: as an outermost module is called with gradients on, ``requires_grad`` of its frozen floating-point
    parameters becomes True, and those that no optimizer holds join the first group of the one that was made last.

    Applies: where the model was seen with frozen parameters.

    Proves: parameters that are frozen although nothing was learnt in them.
    """

    name = "thawed"
    proves = ("parameters-not-optimized",)
    decides = False

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """One, where something is frozen."""
        model = run.fact(facts.Model)
        frozen = [parameter for parameter in model.parameters if not parameter.trainable] if model else []
        return (Change(remedy=self.name),) if frozen else ()

    def words(self, change: Change, run: Run) -> str:
        """``"with the frozen parameters learning too"``."""
        return "with the frozen parameters learning too"

    def obstacle(self, run: Run) -> str | None:
        """There must be an optimizer."""
        return obstacles.without_optimizer(run)

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Thaw what an outermost module holds."""
        optimizers: WeakSet[Optimizer] = WeakSet()
        latest: list[Optimizer] = []

        def made(optimizer: Optimizer) -> None:
            optimizers.add(optimizer)
            latest[:] = [optimizer]

        def thaw(module: nn.Module, run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if outermost(module) and torch.is_grad_enabled() and latest:
                frozen = [p for p in module.parameters() if not p.requires_grad and p.is_floating_point()]
                if frozen:
                    _thaw(frozen, optimizers, latest[0])
                    effects.happened(self.name)
            return run(*args, **kwargs)

        with optimizers_made(made), around_modules(thaw):
            yield


def _thaw(frozen: list[nn.Parameter], optimizers: WeakSet[Optimizer], latest: Optimizer) -> None:
    held = {id(p) for optimizer in optimizers for group in optimizer.param_groups for p in group["params"]}
    for parameter in frozen:
        parameter.requires_grad_(True)
        if id(parameter) not in held:
            latest.param_groups[0]["params"].append(parameter)
