"""A rate that rises in the first steps."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from torch.optim import Optimizer

from unstuck.record import Finding, Run, signals
from unstuck.remedies import effects, obstacles
from unstuck.remedies.change import Change
from unstuck.remedies.constants import constants
from unstuck.remedies.interventions import after_updates
from unstuck.remedies.remedy import Remedy

__all__ = ["WarmUp"]

SHARE = 0.05
"""Share of the training's steps over which advice lets the rate rise: 5 to 10%."""

FEWEST, MOST = 10, 100
"""Steps of a warm-up, of which a bounded trial shows the end too."""

WORTH_A_TRY = ("lr-too-high", "lr-schedule-wrong")


class WarmUp(Remedy):
    r"""Let the rate rise by equal steps to what the script gives.

    Changes: within step t, counted from 0, the rate of every group is multiplied by

    .. math:: \min(1, (t + 1) / T)

    Applies: where the rate is said to be too high, or its schedule wrong, or nothing was learnt.

    Proves: a schedule that lacks a warm-up, and a rate that is too high for the start alone.

    Source: Goyal et al., "Accurate, large minibatch SGD", 2017, section 2.2.
    """

    name = "warm-up"
    proves = ("lr-schedule-wrong", "lr-too-high")
    decides = False

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """One: over a twentieth of the steps."""
        last = run.last_step(signals.LOSS)
        if last is None or not len(run.table(signals.LEARNING_RATE)):
            return ()
        if finding is not None and finding.cause not in WORTH_A_TRY:
            return ()
        steps = min(max(round(SHARE * (last + 1)), FEWEST), MOST)
        return (Change(remedy=self.name, settings={"steps": steps}),)

    def words(self, change: Change, run: Run) -> str:
        """``"with a warm-up of 20 steps"``."""
        return f"with a warm-up of {change.number('steps'):.0f} steps"

    def obstacle(self, run: Run) -> str | None:
        """There must be an optimizer."""
        return obstacles.without_optimizer(run)

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Count the steps of each optimizer, and step with a part of the rate."""
        length = change.number("steps") or FEWEST
        made: WeakKeyDictionary[Optimizer, int] = WeakKeyDictionary()

        def count(optimizer: Optimizer) -> None:
            made[optimizer] = made.get(optimizer, 0) + 1

        def changed(optimizer: Optimizer, group: dict[str, Any]) -> dict[str, Any]:
            step = made.get(optimizer, 0)
            return {"lr": group["lr"] * (step + 1) / length} if "lr" in group and step + 1 < length else {}

        with constants(changed, lambda: effects.happened(self.name)), after_updates(count):
            yield
