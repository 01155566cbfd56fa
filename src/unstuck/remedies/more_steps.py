"""A longer training."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager

from unstuck.record import Finding, Run, signals
from unstuck.remedies import effects
from unstuck.remedies.change import Change
from unstuck.remedies.remedy import Remedy

__all__ = ["MoreSteps"]


class MoreSteps(Remedy):
    """Let the trial make more steps than the control.

    Changes: nothing of the training; whoever runs the trial reads ``factor``, by which its bound is multiplied. A
    script that ends before its bound is not made longer.

    Applies: to every run.

    Proves: a training that ends while the loss is still falling.
    """

    name = "more-steps"
    proves = ("too-few-steps",)
    decides = False

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """Twice as many."""
        return (Change(remedy=self.name, settings={"factor": 2.0}),) if run.has(signals.LOSS) else ()

    def words(self, change: Change, run: Run) -> str:
        """``"with 2 times the steps"``."""
        return f"with {change.number('factor'):.3g} times the steps"

    def obstacle(self, run: Run) -> str | None:
        """None is known."""
        return None

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """The bound is set by whoever runs the trial."""
        effects.happened(self.name)
        yield
