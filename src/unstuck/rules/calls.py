"""The calls of loss functions, as rules on models and losses read them."""

from __future__ import annotations

from unstuck.learning import Learning, Outcome
from unstuck.learning.loss_call import called_and_differentiated, loss_calls
from unstuck.record import Run, Where, signals
from unstuck.record.facts import Loss

__all__ = [
    "UNBOUNDED",
    "call_place",
    "called_and_differentiated",
    "loss_calls",
    "outcome_of",
    "shape_in_words",
]

UNBOUNDED = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
"""Losses of a regression: the output is compared with the target itself."""


def call_place(call: Loss) -> Where:
    """The line that calls the loss."""
    return Where(file=call.file, line=call.line)


def outcome_of(run: Run) -> Outcome:
    """How learning seems to have ended; none where no loss was finite, as in a training that crashes at once."""
    return Learning.of(run).seems if len(run.series(signals.LOSS).finite()) else "none"


def shape_in_words(shape: tuple[int, ...]) -> str:
    """``(32, 10)``, and ``(32,)`` as Python writes it."""
    return str(tuple(shape))
