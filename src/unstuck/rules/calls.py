"""The calls of loss functions, as rules on models and losses read them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unstuck.learning import Learning, Outcome
from unstuck.record import Run, Where, signals
from unstuck.record.facts import Loss

__all__ = [
    "SYMPTOMS",
    "UNBOUNDED",
    "call_place",
    "called_and_differentiated",
    "loss_calls",
    "outcome_of",
    "shape_in_words",
]

SYMPTOMS = ("I101", "G101", "O201", "O202", "O401", "R101", "N101")
"""What a training shows whose model or loss cannot do the task, whatever its rate and length."""

UNBOUNDED = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
"""Losses of a regression: the output is compared with the target itself."""


def loss_calls(run: Run) -> tuple[Loss, ...]:
    """What is known of each place that calls a loss function, in the order in which they were first seen."""
    latest: dict[tuple[str | None, str | None, int | None], Loss] = {}
    for call in run.facts(Loss):
        if call.function is not None:
            latest[call.function, call.file, call.line] = call
    return tuple(latest.values())


def call_place(call: Loss) -> Where:
    """The line that calls the loss."""
    return Where(file=call.file, line=call.line)


def outcome_of(run: Run) -> Outcome:
    """How learning ended; none where no loss was finite, as in a training that crashes at once."""
    return Learning.of(run).outcome if len(run.series(signals.LOSS).finite()) else "none"


def called_and_differentiated(run: Run) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """What the one call of the loss returned, and what was differentiated, on the steps on which both are finite.

    Returns:
        The steps, the values that were returned, and those that were differentiated.
    """
    called, differentiated = run.series(signals.LOSS_CALL).finite(), run.series(signals.LOSS).finite()
    steps, left, right = np.intersect1d(called.steps, differentiated.steps, return_indices=True)
    return steps, called.values[left], differentiated.values[right]


def shape_in_words(shape: tuple[int, ...]) -> str:
    """``(32, 10)``, and ``(32,)`` as Python writes it."""
    return str(tuple(shape))
