"""The evaluations of a training: when, of how many examples, and what is known of their loss and accuracy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unstuck.record import Run, Series, Signal, signals
from unstuck.record.facts import Fact, Shift

__all__ = ["UNMEASURED", "Evaluations"]

UNMEASURED = "neither their loss nor their accuracy"
"""What is not known of evaluations of which neither is."""


@dataclass(frozen=True)
class Evaluations:
    """Evaluations of other data than the training set, as every rule and report knows them.

    Attributes:
        examples: Examples of each; empty where they were not counted, as in runs of older releases.
        losses: The losses that are known, as recorded.
        accuracies: The accuracies that are known, as recorded.
    """

    examples: Series
    losses: Series
    accuracies: Series

    @classmethod
    def of(cls, run: Run) -> Evaluations:
        """The evaluations of one stream of a run.

        Examples:
            >>> import tempfile
            >>> from pathlib import Path
            >>> from unstuck.testing.rules import record
            >>> with record(Path(tempfile.mkdtemp()), series={signals.EVALUATED: [360.0, 360.0]}) as run:
            ...     evaluations = Evaluations.of(run)
            >>> evaluations.count, evaluations.measured
            (2, False)
        """
        return run.once(
            cls,
            lambda: cls(
                run.series(signals.EVALUATED),
                run.series(signals.VALIDATION_LOSS),
                run.series(signals.VALIDATION_ACCURACY),
            ),
        )

    @property
    def steps(self) -> NDArray[np.int64]:
        """Updates made before them, each number once."""
        return np.unique(np.concatenate([self.examples.steps, self.losses.steps, self.accuracies.steps]))

    @property
    def count(self) -> int:
        """How many were seen; several places may evaluate between two updates."""
        return max(len(self.examples), len(self.steps))

    @property
    def measured(self) -> bool:
        """Whether a loss or an accuracy of any is known."""
        return bool(len(self.losses) or len(self.accuracies))

    def without(self, need: Signal | type[Fact]) -> str:
        """Why a signal or fact of evaluations is missing, where some were seen; empty where that explains nothing."""
        if not self.count:
            return ""
        if need is Shift:
            return "evaluations were seen, but their inputs were not compared with those of training"
        if need in (signals.VALIDATION_LOSS, signals.VALIDATION_ACCURACY):
            what = "their loss" if need is signals.VALIDATION_LOSS else "their accuracy"
            lacking = f"not {what}" if self.measured else UNMEASURED
            return f"evaluations were seen, but {lacking}"
        return ""
