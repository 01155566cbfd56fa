"""Parameters that no optimizer holds, given to one."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

from torch import Tensor
from torch.optim import Optimizer

from unstuck.observe.autograd.graph import GraphWalk
from unstuck.record import Finding, Run, facts
from unstuck.remedies import effects, obstacles
from unstuck.remedies.change import Change
from unstuck.remedies.interventions import Run as Function
from unstuck.remedies.interventions import after_updates, around_backward, optimizers_made
from unstuck.remedies.remedy import Remedy

__all__ = ["ParametersGiven"]


class ParametersGiven(Remedy):
    """Give the optimizer all that the loss depends on and nobody holds.

    Changes: before each backward pass until a step was made since the last one that found something, the leaves of the
    loss's graph that no optimizer holds join the first group of the optimizer that holds most of the others, or of the
    only one. Leaves that are inputs, which nobody updates, would join too.

    Applies: where tensors were seen that get a gradient and belong to no optimizer.

    Proves: parameters that are not registered, or not those that the optimizer holds.
    """

    name = "parameters-given"
    proves = ("parameters-not-optimized",)

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """One."""
        walks = run.facts(facts.UnoptimizedParameters)
        return (Change(remedy=self.name),) if walks and walks[-1].unchanged else ()

    def words(self, change: Change, run: Run) -> str:
        """``"with the parameters that are missing given to the optimizer"``."""
        return "with the parameters that are missing given to the optimizer"

    def obstacle(self, run: Run) -> str | None:
        """There must be an optimizer."""
        return obstacles.without_optimizer(run)

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Look for them in the graphs of the first losses."""
        optimizers: WeakSet[Optimizer] = WeakSet()
        looks = _Looks()

        def give(run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            roots = args[0] if args else kwargs["tensors"]
            if looks.due() and len(optimizers):
                missing = _missing([roots] if isinstance(roots, Tensor) else list(roots), optimizers)
                if missing:
                    effects.happened(self.name)
            return run(*args, **kwargs)

        with (
            optimizers_made(optimizers.add),
            after_updates(lambda optimizer: looks.stepped()),
            around_backward(give),
        ):
            yield


class _Looks:
    """When a graph is walked: at every pass of the first steps, then at powers of two."""

    def __init__(self) -> None:
        self._steps = 0

    def stepped(self) -> None:
        self._steps += 1

    def due(self) -> bool:
        return not self._steps & (self._steps - 1)


def _missing(roots: Sequence[Tensor], optimizers: WeakSet[Optimizer]) -> int:
    """Give away what is missing, and count it."""
    found: dict[int, Tensor] = {}
    for root in roots:
        for leaf in GraphWalk(root).variables:
            if leaf.is_leaf and leaf.requires_grad:
                found[id(leaf)] = leaf
    held = {id(p) for optimizer in optimizers for group in optimizer.param_groups for p in group["params"]}
    missing = [leaf for key, leaf in found.items() if key not in held]
    if missing:
        receiver = max(optimizers, key=lambda optimizer: _reached(optimizer, found))
        receiver.param_groups[0]["params"].extend(missing)
    return len(missing)


def _reached(optimizer: Optimizer, leaves: dict[int, Tensor]) -> int:
    return sum(id(parameter) in leaves for group in optimizer.param_groups for parameter in group["params"])
