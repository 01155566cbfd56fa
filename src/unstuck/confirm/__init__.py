"""Prove a diagnosis by experiment: run the training again for a few steps, unchanged and with each remedy, and compare.

A trial is a run like any other, in ``RUN/trials/``; what it shows is read by the same functions, without torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from unstuck.confirm.conclude import with_trials
from unstuck.confirm.figure import figure
from unstuck.confirm.kept import trials_of
from unstuck.confirm.tested import Tested, best_of, results_of
from unstuck.confirm.trial import Trial

if TYPE_CHECKING:
    from unstuck.confirm.experiment import Bounds, Experiment, Watcher

__all__ = [
    "Bounds",
    "Experiment",
    "Tested",
    "Trial",
    "Watcher",
    "best_of",
    "figure",
    "results_of",
    "trials_of",
    "with_trials",
]


def __getattr__(name: str) -> object:
    """Import what makes trials, and torch with it, only for those who make them: most read them."""
    if name in ("Bounds", "Experiment", "Watcher"):
        return getattr(import_module("unstuck.confirm.experiment"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
