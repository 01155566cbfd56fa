"""The learning rate that was used, and the one to try next, in the user's own terms."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unstuck.record import Run, signals
from unstuck.record.facts import Optimizer
from unstuck.rules.stable_rate import rounded_down, stable_rate

__all__ = [
    "AnotherRate",
    "another_rate",
    "derived_higher_rate",
    "is_range_test",
    "learning_rate",
    "lower_rate",
    "placed",
    "raise_rate",
    "rate_fell_below",
    "rate_in_words",
]

RISES = 5
"""Changes of the rate from which it can be said to be raised over and over."""

RAISED = 100.0
"""Last rate over the first one of a range test, at least (our choice; usual are four to six decades)."""

APART = 2.0
"""Factor between the present rate and another one below which a change is not worth advising."""


@dataclass(frozen=True)
class AnotherRate:
    """A learning rate to try in place of the present one.

    Attributes:
        rate: The rate of the group whose rate is highest.
        factor: By what the rate of each group is multiplied.
        several: Whether there are groups of different rates, for which advice gives the factor.
        why: Where it comes from.
    """

    rate: float
    factor: float
    several: bool
    why: str


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
    if len(rates) < RISES or not np.isfinite(rates).all() or not rates[0] > 0 or (np.diff(rates) < 0).any():
        return False
    steps = run.table(signals.LEARNING_RATE).steps
    middle = float(np.interp((steps[0] + steps[-1]) / 2, steps, rates))
    return bool(rates[-1] >= RAISED * rates[0] and middle <= 2 * np.sqrt(rates[0] * rates[-1]))


def placed(run: Run, constant: str) -> str:
    """A constant of the optimizer, and where the script gives it.

    Returns:
        For example ``"lr=0.1 at train.py:8"``; ``"lr=0.1 in SGD"`` where the line is not known.
    """
    optimizer = run.fact(Optimizer)
    if optimizer is None:
        return constant
    if optimizer.file and optimizer.line:
        return f"{constant} at {Path(optimizer.file).name}:{optimizer.line}"
    return f"{constant} in {optimizer.type}"


def rate_in_words(run: Run) -> str:
    """`` (lr=0.1 at train.py:8)``; empty where the rate is not known."""
    rate = learning_rate(run)
    return "" if rate is None else f" ({placed(run, f'lr={rate:.3g}')})"


def lower_rate(run: Run) -> str:
    """What to do about a rate that is too high: a number where one can be derived, else how to find it.

    Returns:
        For example ``"Lower the learning rate (lr=10 at train.py:8): try lr=0.4, a fifth of the inverse of ..."``.
    """
    found = _another(run, higher=False) or "divide it by three until the loss falls from the first steps on"
    return f"Lower the learning rate{rate_in_words(run)}: {found}."


def raise_rate(run: Run) -> str:
    """What to do about a rate that is too low: a number where one can be derived, else how to find it."""
    how = "multiply it by ten until the loss rises, then take a third of the last rate at which it fell"
    return derived_higher_rate(run) or f"Raise the learning rate{rate_in_words(run)}: {how}."


def derived_higher_rate(run: Run) -> str | None:
    """The same, only where a number can be derived that lies above the present rate; None elsewhere."""
    higher = _another(run, higher=True)
    return None if higher is None else f"Raise the learning rate{rate_in_words(run)}: {higher}."


def another_rate(run: Run, *, higher: bool) -> AnotherRate | None:
    """The rate that advice names, if one can be derived that lies on the right side of the present one.

    Args:
        run: One stream of a run.
        higher: Whether the present rate is too low.
    """
    present, stable = learning_rate(run), stable_rate(run)
    if present is None or stable is None:
        return None
    rate = rounded_down(stable.rate)
    if (rate / present if higher else present / rate) < APART:
        return None
    optimizer = run.fact(Optimizer)
    several = optimizer is not None and len({group.learning_rate for group in optimizer.groups}) > 1
    return AnotherRate(rate, float(f"{rate / present:.1g}") if several else rate / present, several, stable.why)


def _another(run: Run, *, higher: bool) -> str | None:
    found = another_rate(run, higher=higher)
    if found is None:
        return None
    if found.several:
        return f"multiply that of each parameter group by {found.factor:g}"
    return f"try lr={found.rate:g} ({found.why})"
