"""The loss that a training should begin with."""

from __future__ import annotations

import math

from unstuck.learning.guess import CLASSES, untrained_loss
from unstuck.learning.loss_call import batch_size, single_loss
from unstuck.record import Run
from unstuck.record.facts import InitialLoss

__all__ = ["expected_start"]


def expected_start(run: Run) -> tuple[float, float, str] | None:
    """The loss expected before training, three standard errors of its measurement, and the formula; None if unknown."""
    known = run.fact(InitialLoss)
    if known is not None:
        return known.expected, known.tolerance, known.formula
    loss = single_loss(run)
    if loss is None or loss.reduction == "none":  # what the program makes of the elements is its own affair
        return None
    batch = batch_size(run, loss)
    value = untrained_loss(loss, batch=batch)
    if value is None:
        return None
    # One batch: the loss of single examples scatters about as widely as its own size.
    formula = {"mse_loss": "mean square of the targets", **dict.fromkeys(CLASSES, f"ln C, C = {loss.classes.number}")}
    return value, 3.0 * value / math.sqrt(max(batch, 1.0)), formula.get(loss.function or "", "ln 2")
