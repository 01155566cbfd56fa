"""Which loss a training calls, in what unit, and which trainings have a loss that can be judged by itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unstuck.record import Run, Where, signals
from unstuck.record.facts import Loss, Optimizer, Passes

__all__ = [
    "batch_size",
    "called_and_differentiated",
    "elements",
    "loss_calls",
    "optimizer_place",
    "single_loss",
    "weighs_examples",
]


def loss_calls(run: Run) -> tuple[Loss, ...]:
    """What is known of each place that calls a loss function, in the order in which they were first seen."""
    latest: dict[tuple[object, ...], Loss] = {}
    for call in run.facts(Loss):
        if call.function is not None:
            latest[call.function, call.file, call.line, call.column] = call
    return tuple(latest.values())


def single_loss(run: Run) -> Loss | None:
    """What is known of the loss, where all its calls are of one function; None where several are mixed, or none known.

    A training and an evaluation usually call one loss on two lines; of these the first is the training's. A loss put
    together from several functions (reconstruction and divergence, real and fake), or from several calls of one (a sum
    over time steps, or over all batches), has no constant guess that could be computed from the calls.
    """
    calls, passes = run.facts(Loss), run.fact(Passes)
    if not calls or calls[0].function is None:
        return None
    if passes is not None and passes.used > 1 and not run.has(signals.LOSS_CALL):
        return None  # a step calls it for each of several forward passes
    if len({(call.function, call.reduction) for call in calls}) > 1:
        return None
    first = calls[0]
    same = [call for call in calls if (call.file, call.line, call.column) == (first.file, first.line, first.column)]
    if len(same) < len(calls) and not run.has(signals.LOSS_CALL):
        return None  # a step calls it in both places
    return same[-1]


def called_and_differentiated(run: Run) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """What the one call of the loss returned, and what was differentiated, on the steps on which both are finite.

    Returns:
        The steps, the values that were returned, and those that were differentiated.
    """
    called, differentiated = run.series(signals.LOSS_CALL).finite(), run.series(signals.LOSS).finite()
    steps, left, right = np.intersect1d(called.steps, differentiated.steps, return_indices=True)
    return steps, called.values[left], differentiated.values[right]


def weighs_examples(run: Run) -> bool:
    """Whether the program takes the loss of each example, and makes something else of them than their mean or sum."""
    if any(call.reduction != "none" for call in loss_calls(run)):
        return False
    _, called, differentiated = called_and_differentiated(run)
    return not len(called) or bool(np.median(np.abs(differentiated - called)) > 0.01 * np.median(np.abs(called)))


def batch_size(run: Run, loss: Loss | None = None) -> float:
    """Examples in a typical batch; 1 where it is not known, or where a damaged run holds less."""
    sizes = run.series(signals.BATCH_SIZE).finite()
    if len(sizes):
        return max(float(np.median(sizes.values)), 1.0)
    return float(loss.target.shape[0]) if loss and loss.target.shape else 1.0


def elements(loss: Loss, batch: float) -> float:
    """Elements that the reduction sums over, each of which a guess is the loss of: 1 for a mean.

    Args:
        loss: The call. Of ``kl_div`` an element is one distribution, whatever its mean is taken over. What it is given
            may have the positions of all sequences in one row.
        batch: Examples in a batch.
    """
    shape = loss.output.shape if loss.target.type == "real" else loss.target.shape
    if loss.function in DISTRIBUTIONS and loss.target.type == "real" and len(shape) > 1:
        classes, places = shape[1], float(np.prod(shape[2:]))
        of_mean = 1.0 / classes if loss.function == "kl_div" else 1.0
        return {"sum": batch * places, "batchmean": places}.get(loss.reduction, of_mean)
    if loss.reduction != "sum":
        return 1.0
    return max(batch * float(np.prod(shape[1:])), float(np.prod(shape))) if shape else batch


DISTRIBUTIONS = ("cross_entropy", "kl_div")
"""Losses that may compare distributions over classes, along axis 1."""


def optimizer_place(run: Run) -> Where:
    """Where the user's code constructs the optimizer, as far as it is known."""
    optimizer = run.fact(Optimizer)
    return Where(file=optimizer.file, line=optimizer.line) if optimizer else Where()
