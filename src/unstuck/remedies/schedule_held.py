"""A learning-rate schedule held constant."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from torch.optim import Optimizer

from unstuck.record import Finding, Run, facts, signals
from unstuck.remedies import effects, obstacles
from unstuck.remedies.change import Change
from unstuck.remedies.constants import constants
from unstuck.remedies.interventions import optimizers_made
from unstuck.remedies.remedy import Remedy

__all__ = ["ScheduleHeld"]


class ScheduleHeld(Remedy):
    """Step with the rate that the schedule starts from or leads up to, whatever the schedule makes of it.

    Changes: within each step the rate of a group is its ``max_lr``, else its ``initial_lr``, else what it was made
    with. The schedule itself goes on.

    Applies: where the rate was seen to change, or a schedule was seen.

    Proves: a schedule that decays too soon, is stepped at the wrong moment or never reaches its rate.
    """

    name = "schedule-held"
    proves = ("lr-schedule-wrong",)

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """One, where there is a schedule."""
        rates = run.table(signals.LEARNING_RATE).values
        varies = len(rates) > 1 and bool((np.nanmax(rates, axis=0) > np.nanmin(rates, axis=0)).any())
        return (Change(remedy=self.name),) if varies or run.knows(facts.Schedule) else ()

    def words(self, change: Change, run: Run) -> str:
        """``"with the rate held at 0.1"``."""
        schedule = run.fact(facts.Schedule)
        base = schedule.base_rate if schedule is not None else None
        return f"with the rate held at {base:.3g}" if base else "with the rate held constant"

    def obstacle(self, run: Run) -> str | None:
        """There must be an optimizer."""
        return obstacles.without_optimizer(run)

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Step with the rate before any schedule."""
        made: WeakKeyDictionary[Optimizer, list[Any]] = WeakKeyDictionary()

        def note(optimizer: Optimizer) -> None:
            made[optimizer] = [group.get("lr") for group in optimizer.param_groups]

        def changed(optimizer: Optimizer, group: dict[str, Any]) -> dict[str, Any]:
            position = next(i for i, known in enumerate(optimizer.param_groups) if known is group)
            rates = made.setdefault(optimizer, [])
            while len(rates) <= position:  # of a group that was added later, or an optimizer made before
                rates.append(optimizer.param_groups[len(rates)].get("lr"))
            base = group.get("max_lr", group.get("initial_lr", rates[position]))
            return {} if base is None else {"lr": base}

        with optimizers_made(note), constants(changed, lambda: effects.happened(self.name)):
            yield
