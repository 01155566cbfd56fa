"""The loss that a training should begin with."""

from __future__ import annotations

import math

from unstuck.learning.guess import CLASSES, SQUARED, untrained_loss
from unstuck.learning.loss_call import batch_size, elements, single_loss
from unstuck.record import Run
from unstuck.record.facts import InitialLoss, Loss

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
    value, formula = _of_sigmoid(loss, batch), "mean square of the targets less 0.5, which a sigmoid begins with"
    if value is None:
        value = untrained_loss(loss, batch=batch)
        formula = _formula(loss)
    if value is None:
        return None
    # One batch: the loss of single examples scatters about as widely as its own size.
    return value, 3.0 * value / math.sqrt(max(batch, 1.0)), formula


def _formula(loss: Loss) -> str:
    known = {"mse_loss": "mean square of the targets", **dict.fromkeys(CLASSES, f"ln C, C = {loss.classes.number}")}
    return known.get(loss.function or "", "ln 2")


def _of_sigmoid(loss: Loss, batch: float) -> float | None:
    """Squared error of outputs that a sigmoid makes of what is near zero; None of others."""
    mean, variance = loss.target.mean, loss.target.variance
    if loss.function not in SQUARED or loss.output.operation != "Sigmoid" or mean is None or variance is None:
        return None
    return (variance + (mean - 0.5) ** 2) * elements(loss, batch)
