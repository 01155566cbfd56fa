"""The loss as a mean where it is a sum, or multiplied by a constant."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager

from unstuck.learning import single_loss
from unstuck.record import Finding, Run
from unstuck.remedies import effects
from unstuck.remedies.change import Change
from unstuck.remedies.remedy import Remedy
from unstuck.remedies.scaled_gradients import scaled_gradients
from unstuck.rules.loss.loss_reduction_wrong import LossReductionWrong

__all__ = ["LossScaled"]

APART = 2.0
"""Factor on the loss from which undoing it is worth a trial."""


class LossScaled(Remedy):
    """Differentiate the mean of the loss over its elements, and record the loss as the script has it.

    Changes: the gradients of every backward pass are divided by what the loss is multiplied by against that mean.

    Applies: where one loss is called and what is differentiated is a constant multiple of its mean.

    Proves: a sum where a mean is meant, or a factor that scales every gradient.
    """

    name = "loss-scaled"
    proves = ("loss-reduction-wrong",)

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """One, by the factor that was measured."""
        call = single_loss(run)
        factor = None if call is None else LossReductionWrong().factor_of(run, call)
        if not factor or 1.0 / APART < factor < APART:
            return ()
        return (Change(remedy=self.name, settings={"factor": float(f"{1.0 / factor:.4g}")}),)

    def words(self, change: Change, run: Run) -> str:
        """``"with the mean of the loss in place of the sum"``."""
        factor = change.number("factor") or 1.0
        if factor < 1.0:
            return f"with the loss divided by {1.0 / factor:.3g}, which makes it a mean"
        return f"with the loss times {factor:.3g}, which makes it a mean"

    def obstacle(self, run: Run) -> str | None:
        """None is known."""
        return None

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Multiply the gradients."""

        def factor() -> float:
            effects.happened(self.name)
            return change.number("factor") or 1.0

        with scaled_gradients(factor):
            yield
