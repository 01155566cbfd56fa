"""Gradients cleared before each step's first backward pass."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

from torch import Tensor
from torch.optim import Optimizer

from unstuck.observe.torch_hooks.aside import Aside
from unstuck.observe.updates import OwnUpdates, learnable
from unstuck.record import Finding, Run, signals
from unstuck.remedies import effects
from unstuck.remedies.arguments import argument
from unstuck.remedies.change import Change
from unstuck.remedies.interventions import Run as Function
from unstuck.remedies.interventions import after_updates, around_backward, optimizers_made
from unstuck.remedies.remedy import Remedy

__all__ = ["GradientsCleared"]


class GradientsCleared(Remedy):
    """Clear the gradients of an optimizer before the first backward pass after each of its steps.

    Changes: ``.grad`` of its parameters is None when the pass begins, as after ``optimizer.zero_grad()``. In a script
    without an optimizer a step is made where the weights have changed since the last pass.

    Applies: where gradients were seen to be carried from step to step.

    Proves: gradients that are not cleared.
    """

    name = "gradients-cleared"
    proves = ("gradients-not-cleared",)

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """One change, where something was carried over or is said to be."""
        carried = run.series(signals.GRADIENT_CARRIED).finite().values
        named = finding is not None and finding.cause in self.proves
        return (Change(remedy=self.name),) if named or (len(carried) and float(carried.max()) > 0.0) else ()

    def words(self, change: Change, run: Run) -> str:
        """``"with the gradients cleared at each step"``."""
        return "with the gradients cleared at each step"

    def obstacle(self, run: Run) -> str | None:
        """None is known."""
        return None

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Clear what earlier steps have left."""
        stepped: WeakSet[Optimizer] = WeakSet()
        made: list[int] = []
        by_hand = _ByHand()

        def backward(run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            parameters = [p for optimizer in stepped for group in optimizer.param_groups for p in group["params"]]
            stepped.clear()
            if not made:
                parameters += by_hand.stepped()
            for parameter in parameters:
                if parameter.grad is not None:
                    effects.happened(self.name)
                    parameter.grad = None
            if not made:
                by_hand.expect(argument(args, kwargs, 0, "tensors"))
            return run(*args, **kwargs)

        with (
            optimizers_made(lambda optimizer: made.append(id(optimizer))),
            after_updates(stepped.add),
            around_backward(backward),
        ):
            yield


class _ByHand:
    """The weights of a script without an optimizer, and whether it has changed them since the last backward pass."""

    def __init__(self) -> None:
        self._updates: OwnUpdates | None = None

    def stepped(self) -> list[Tensor]:
        """The weights, if they were changed."""
        if self._updates is None or not self._updates.made():
            return []
        return list(self._updates.parameters)

    def expect(self, roots: Any) -> None:
        """A backward pass is about to run: an update is to come."""
        with Aside():
            if self._updates is None:
                root = roots if isinstance(roots, Tensor) else next(iter(roots))
                self._updates = OwnUpdates(learnable(root))
            self._updates.expect()
