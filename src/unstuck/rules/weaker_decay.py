"""The weight decay to try where one is too strong, by its pull on the weights at the start of the training."""

from __future__ import annotations

import numpy as np

from unstuck.record import Run, Table, signals
from unstuck.record.facts import Optimizer
from unstuck.rules.methods import decouples_decay
from unstuck.rules.stable_rate import rounded_down

__all__ = ["weaker_decay"]

PULL = 0.01
"""Decay times weights over gradient, at the start: at 1e-4 to 1e-3, as is usual, it lies about there (our choice)."""

USUAL = 0.01
"""The default of AdamW in PyTorch, whose decay is a rate of shrinking and knows no gradient."""

LESS = 10.0
"""Least factor by which a decay is lowered that was found too strong."""


def weaker_decay(run: Run, decay: float) -> float:
    r"""The decay whose pull on the untrained weights is a hundredth of the gradient of the loss.

    .. math:: \lambda = 0.01 \, \|g_0\| / \|w_0\|

    At the end of a training both forces balance however strong the decay is, so that only the start tells. A decay that
    is decoupled from the gradient gets the usual one. Always a tenth of the present decay at most.

    Args:
        run: The run, for its first gradients and weights.
        decay: The decay that is too strong, above 0.

    Returns:
        The decay to try, one significant digit; a hundredth of the present one where the start was not sampled.
    """
    optimizer = run.fact(Optimizer)
    weight, gradient = _first(run.table(signals.WEIGHT_NORM)), _first(run.table(signals.GRADIENT_NORM))
    if optimizer is not None and decouples_decay(optimizer.type):
        wanted = USUAL
    else:
        wanted = PULL * gradient / weight if weight and gradient else decay / 100
    return rounded_down(min(wanted, decay / LESS))


def _first(table: Table) -> float:
    """Norm over all parameters before the first update; 0 where it was not sampled."""
    started = len(table) and table.steps[0] == 0
    return float(np.sqrt(np.nansum(np.square(table.values[0])))) if started else 0.0
