"""More momentum, or less."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from torch.optim import Optimizer

from unstuck.record import Finding, Run, facts
from unstuck.remedies import effects, obstacles
from unstuck.remedies.change import Change
from unstuck.remedies.constants import constants
from unstuck.remedies.remedy import Remedy

__all__ = ["Momentum"]

USUAL = 0.9


class Momentum(Remedy):
    """Step with a momentum of 0.9, or with none.

    Changes: ``momentum`` of every group within each step; of methods that have betas the first of them. The rate stays
    what it is, so that steps become ten times longer where momentum 0.9 comes to plain descent.

    Applies: where the method has a momentum.

    Proves: a momentum that does not fit, and steps that bounce in a narrow valley.

    Source: Goh, "Why momentum really works", Distill 2017.
    """

    name = "momentum"
    proves = ("optimizer-unsuited", "ill-conditioned")
    decides = False

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """0.9 where it is more or none, then none."""
        optimizer = run.fact(facts.Optimizer)
        known = [_momentum(group) for group in optimizer.groups] if optimizer else []
        present = max((momentum for momentum in known if momentum is not None), default=None)
        if present is None:
            return ()
        values = [value for value in (USUAL, 0.0) if abs(value - present) > 0.02]
        return [Change(remedy=self.name, settings={"momentum": value}) for value in values]

    def words(self, change: Change, run: Run) -> str:
        """``"with a momentum of 0.9"``."""
        value = change.number("momentum")
        return f"with a momentum of {value:.3g}" if value else "without momentum"

    def obstacle(self, run: Run) -> str | None:
        """There must be an optimizer."""
        return obstacles.without_optimizer(run)

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Step with that momentum."""
        value = change.number("momentum") or 0.0

        def changed(optimizer: Optimizer, group: dict[str, Any]) -> dict[str, Any]:
            betas = group.get("betas")
            other: dict[str, Any] = {} if betas is None else {"betas": (value, *betas[1:])}
            nesterov = {"nesterov": False} if group.get("nesterov") and not value else {}
            return {"momentum": value, **nesterov} if "momentum" in group else other

        with constants(changed, lambda: effects.happened(self.name)):
            yield


def _momentum(group: facts.ParameterGroup) -> float | None:
    return group.momentum if group.momentum is not None else group.betas[0] if group.betas else None
