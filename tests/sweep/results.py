"""Results without trainings, for whatever shows them."""

from __future__ import annotations

from tests.sweep.formula import formula
from unstuck.sweep import Plan, Result, Space
from unstuck.sweep.chosen import Tried
from unstuck.sweep.course import coarse_to_fine, wanted


def result(space: Space, judge=formula, *, plan: Plan | None = None, finished: bool = True) -> Result:
    """What a course comes to whose outcomes a formula says."""
    known: dict[str, Tried] = {}
    while batch := wanted(coarse_to_fine(space, plan or Plan()), {key: one.outcome for key, one in known.items()}):
        known |= {attempt.key: Tried(attempt, judge(attempt)) for attempt in batch}
    return Result.of(space, known, strategy="by a formula", finished=finished)
