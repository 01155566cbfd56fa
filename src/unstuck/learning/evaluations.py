"""The evaluations of a training: when, of how many examples, and what is known of their loss and accuracy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unstuck.learning.guess import alike
from unstuck.learning.loss_call import loss_calls
from unstuck.learning.measured import LATE
from unstuck.record import Run, Series, Signal, signals
from unstuck.record.facts import EvaluatedLoss, Fact, Shift

__all__ = ["UNMEASURED", "Evaluations"]

ENDING = 0.2
"""Share of the training whose evaluations tell of its end together (our choice)."""

FEW = 3
"""Evaluations whose median is the last one's level: one bad one of them does not count."""

UNMEASURED = "neither their loss nor their accuracy"
"""What is not known of evaluations of which neither is."""


@dataclass(frozen=True)
class Evaluations:
    """Evaluations of other data than the training set, as every rule and report knows them.

    Attributes:
        examples: Examples of each; empty where they were not counted, as in runs of older releases.
        losses: The losses that are known, as recorded.
        accuracies: The accuracies that are known, as recorded.
        measures: The functions that these losses are of, as far as they were seen.
        trained: The functions that the training's loss calls.
        last: Updates of the training before its last loss.
    """

    examples: Series
    losses: Series
    accuracies: Series
    measures: tuple[EvaluatedLoss, ...] = ()
    trained: frozenset[str] = frozenset()
    last: int = 0

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
                run.facts(EvaluatedLoss),
                frozenset(call.function for call in loss_calls(run) if call.function),
                run.last_step(signals.LOSS) or 0,
            ),
        )

    @property
    def foreign(self) -> bool:
        """Whether the losses are of another function than that of the training, so that they have another unit.

        Examples:
            >>> none = Series(np.empty(0, np.int64), np.empty(0))
            >>> squares = (EvaluatedLoss(function="mse_loss"),)
            >>> Evaluations(none, none, none, squares, frozenset({"cross_entropy"})).foreign
            True
        """
        if not self.measures or not self.trained:
            return False
        return not any(alike(measure.function, known) for measure in self.measures for known in self.trained)

    def of_end(self, series: Series) -> Series:
        """The samples of a series that tell of the end of the training: at most the last three.

        Those from its last fifth; where there are none, the last one, if it lies behind most of the training.

        Examples:
            >>> none = Series(np.empty(0, np.int64), np.empty(0))
            >>> accuracies = Series(np.array([0, 50, 100]), np.array([0.1, 0.7, 0.9]))
            >>> Evaluations(none, none, accuracies, last=99).of_end(accuracies).values.tolist()
            [0.9]
        """
        if not len(series):
            return series
        final = int(series.steps[-1])
        first = self.last * (1.0 - ENDING) if final >= self.last * (1.0 - ENDING) else max(LATE * self.last, final)
        keep = series.steps >= first
        return Series(series.steps[keep][-FEW:], series.values[keep][-FEW:])

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
