"""Gradients cleared before each step's first backward pass."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from weakref import WeakSet

from torch.optim import Optimizer

from unstuck.record import Finding, Run, signals
from unstuck.remedies import effects, obstacles
from unstuck.remedies.change import Change
from unstuck.remedies.interventions import after_updates, before_backward
from unstuck.remedies.remedy import Remedy

__all__ = ["GradientsCleared"]


class GradientsCleared(Remedy):
    """Clear the gradients of an optimizer before the first backward pass after each of its steps.

    Changes: ``.grad`` of its parameters is None when the pass begins, as after ``optimizer.zero_grad()``.

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
        """Only an optimizer tells where one step ends."""
        return obstacles.without_optimizer(run)

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Clear what earlier steps have left."""
        stepped: WeakSet[Optimizer] = WeakSet()

        def clear() -> None:
            for optimizer in tuple(stepped):
                for group in optimizer.param_groups:
                    for parameter in group["params"]:
                        if parameter.grad is not None:
                            effects.happened(self.name)
                            parameter.grad = None
            stepped.clear()

        with after_updates(stepped.add), before_backward(clear):
            yield
