"""The learning rate that was used, and the one to try next, in the user's own terms."""

from __future__ import annotations

import math

import numpy as np

from unstuck.record import Run, signals
from unstuck.record.facts import Optimizer
from unstuck.rules.step_size import GOOD_RATIO

__all__ = ["is_range_test", "learning_rate", "rate_fell_below", "rate_in_words", "suggested_rate"]

RISES = 5
"""Changes of the rate from which it can be said to be raised over and over."""

RAISED = 100.0
"""Last rate over the first one of a range test, at least (our choice; usual are four to six decades)."""


def learning_rate(run: Run) -> float | None:
    """The highest rate that any parameter group used, or was constructed with; None where it is not known."""
    table = run.table(signals.LEARNING_RATE)
    rates = table.values[np.isfinite(table.values)]
    if len(rates):
        return float(rates.max())
    optimizer = run.fact(Optimizer)
    known = [group.learning_rate for group in optimizer.groups if group.learning_rate] if optimizer else []
    return max(known) if known else None


def rate_fell_below(run: Run, share: float) -> bool:
    """Whether the last rate lies below a share of the highest one; False where rates are not known."""
    table = run.table(signals.LEARNING_RATE)
    rates = table.values[np.isfinite(table.values).all(axis=1)] if len(table) else table.values
    return len(rates) > 0 and bool(rates[-1].max() < share * rates.max())


def is_range_test(run: Run) -> bool:
    """Whether the rate is raised exponentially over the whole training, to find the one at which it diverges.

    A hundredfold at least, most of it in the second half; a warm-up rises by equal steps, and ends.
    Source: Smith, "Cyclical learning rates for training neural networks", 2017, section 3.3, LR range test.
    """
    rates = np.nanmax(run.table(signals.LEARNING_RATE).values, axis=1, initial=0.0)
    if len(rates) < RISES or not rates[0] > 0 or (np.diff(rates) < 0).any():
        return False
    steps = run.table(signals.LEARNING_RATE).steps
    middle = float(np.interp((steps[0] + steps[-1]) / 2, steps, rates))
    return bool(rates[-1] >= RAISED * rates[0] and middle <= 2 * np.sqrt(rates[0] * rates[-1]))


def rate_in_words(run: Run) -> str:
    """`` (lr=0.1 in SGD)``; empty where the rate is not known."""
    rate, optimizer = learning_rate(run), run.fact(Optimizer)
    if rate is None:
        return ""
    return f" (lr={rate:.3g}{f' in {optimizer.type}' if optimizer else ''})"


def suggested_rate(run: Run, ratio: float | None, *, least: float = 0.0, most: float = float("inf")) -> str:
    """What to try: the rate times the power of ten that brings the update ratio to about 1e-3.

    Args:
        run: The run, for its rate.
        ratio: The update ratio seen; None or 0 where it is not known.
        least: The smallest factor to suggest, for a rate that is to be raised.
        most: The largest factor to suggest, for a rate that is to be lowered.

    Returns:
        For example ``"try lr=0.001"``, or ``"try a tenth of it"`` where the rate is not known.
    """
    wanted = GOOD_RATIO / ratio if ratio else 1.0
    factor = 10.0 ** round(math.log10(min(max(wanted, 1e-4), 1e4)))
    factor = min(max(factor, least), most)
    rate = learning_rate(run)
    if rate is None:
        return f"try {factor:g} times it"
    return f"try lr={rate * factor:.3g} ({factor:g} times the present one)"
