"""Which schedules of the learning rate are stepped, and how often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

from torch import Tensor
from torch.optim.lr_scheduler import LRScheduler

from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.readable import values_here
from unstuck.observe.user_code.frames import user_place
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["Schedules"]

FEWEST_UPDATES = 4
"""Updates from which it is known whether a schedule is stepped once for each."""


class Schedules:
    """Count the steps of each schedule.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = frozenset[Any]()

    def __init__(self, view: View) -> None:
        self._view = view
        self._known: dict[int, facts.Schedule] = {}
        self._bests: dict[int, Any] = {}
        self._again: Counter[int] = Counter()

    def counts(self, schedule: object) -> bool:
        """Count a step of which nothing else is to be seen; whether it is that of a known schedule, without a best."""
        key = id(schedule)
        if key not in self._known or self._bests[key] is not None:
            return False
        self._again[key] += 1
        return True

    def schedule_stepped(self, schedule: LRScheduler) -> None:
        """Count a step."""
        step = self._view.updates
        known = self._known.get(id(schedule))
        if known is None:
            file, line = user_place(2)
            groups = schedule.optimizer.param_groups
            base = max((float(g.get("max_lr", g.get("initial_lr", g["lr"]))) for g in groups), default=None)
            name = type(schedule).__name__
            known = facts.Schedule(type=name, before_update=step == 0, base_rate=base, file=file, line=line)
        best = getattr(schedule, "best", None)
        best = values_here(best) if isinstance(best, Tensor) else best
        stale = 0 if best != self._bests.get(id(schedule)) else known.stale + 1
        self._bests[id(schedule)] = best
        self._known[id(schedule)] = replace(known, steps=known.steps + 1, updates=step, stale=stale)

    def facts(self) -> Iterator[facts.Schedule]:
        """All schedules with their present counts."""
        updates = self._view.updates
        for key, schedule in self._known.items():
            steps, stale = schedule.steps + self._again[key], schedule.stale + self._again[key]
            per: Literal["step", "epoch", "unknown"] = "unknown"
            if updates >= FEWEST_UPDATES:
                per = "step" if steps > 0.5 * updates else "epoch"
            yield replace(schedule, steps=steps, stale=stale, per=per, updates=updates)
