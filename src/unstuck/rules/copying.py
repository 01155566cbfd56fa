"""Whether the loss of a training fell because the model passes on what it is given."""

from __future__ import annotations

from unstuck.learning import Learning
from unstuck.record import Run
from unstuck.record.facts import LossTerms, VisibleTarget

__all__ = ["LEFT", "LOOKS", "copying"]

LOOKS = 4
"""Losses in which the target must stand in the input (our choice)."""

LEFT = 0.1
"""Share of the loss of a guess, below which copying was learnt (our choice)."""


def copying(run: Run, learning: Learning, *, looks: int = LOOKS, left: float = LEFT) -> VisibleTarget | None:
    """The target that is the input of a model, which can pass it on whole, and has learnt to; None where there is none.

    Args:
        run: The training.
        learning: What it has learnt.
        looks: Losses in which it must be so.
        left: Share of the loss of a guess, below which copying was learnt.
    """
    for fact in run.facts(VisibleTarget)[::-1]:
        free = fact.wide and not fact.noisy and fact.values > 1 and not run.facts(LossTerms)
        if fact.how == "whole" and free and fact.equal == fact.looked >= looks and learning.remaining < left:
            return fact
    return None
