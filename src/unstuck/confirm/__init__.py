"""Prove a diagnosis by experiment: run the training again for a few steps, unchanged and with each remedy, and compare.

A trial is a run like any other, in ``RUN/trials/``; what it shows is read by the same functions, without torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from unstuck.confirm.conclude import with_trials
from unstuck.confirm.figure import figure
from unstuck.confirm.kept import trials_of
from unstuck.confirm.tested import Tested, best_of, results_of
from unstuck.confirm.trial import Trial
from unstuck.lazily import imported_when_asked

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


__getattr__ = imported_when_asked(__name__, dict.fromkeys(("Bounds", "Experiment", "Watcher"), "experiment"))
