"""Trainings of a program that are stages of one: a warm-up and what follows it, a head first and then all."""

from __future__ import annotations

from collections.abc import Sequence

from unstuck.learning.game import meet
from unstuck.record import Run
from unstuck.record.facts import Optimizer
from unstuck.record.signals import LOSS

__all__ = ["goes_on"]


def goes_on(run: Run) -> bool:
    """Whether a later training goes on with the weights that this one left."""
    return run.number in run.together(goes_on, _stages)


def _stages(trainings: Sequence[Run]) -> frozenset[int]:
    """The numbers of the trainings that another one, which ran after them, goes on with."""
    made = [(run, fact) for run in trainings if run.has(LOSS) for fact in run.facts(Optimizer)[-1:]]
    return frozenset(
        run.number for run, own in made for later, its in made if own.number in its.after and not meet(run, later)
    )
