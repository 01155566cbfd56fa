"""What the evaluations of fresh examples say of a training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unstuck.learning.evaluations import Evaluations
from unstuck.learning.learning import Learning
from unstuck.record import Run

__all__ = ["Validation"]


@dataclass(frozen=True)
class Validation:
    """The last evaluations; None where theirs is not known.

    Attributes:
        loss: Median of the last three losses; None too where they are of another function than that of the training.
        accuracy: Median of the last three accuracies.
        step: Updates made before the last of them.
    """

    loss: float | None
    accuracy: float | None
    step: int

    def lags(self, learning: Learning) -> bool:
        """Whether evaluated examples are told clearly worse than trained ones: a tenth of them, or twice the loss."""
        if self.accuracy is not None and learning.accuracy is not None:
            return self.accuracy < learning.accuracy - 0.1
        left = max(learning.curve.end.value, 0.1 * learning.reference)
        return self.loss is not None and learning.reference > 0 and self.loss > 2.0 * left

    @classmethod
    def of(cls, run: Run) -> Validation:
        """The validation of a run."""
        evaluations = Evaluations.of(run)
        losses, accuracies = evaluations.comparable.finite(), evaluations.accuracies.finite()
        return cls(
            loss=float(np.median(losses.values[-3:])) if len(losses) else None,
            accuracy=float(np.median(accuracies.values[-3:])) if len(accuracies) else None,
            step=max((int(series.steps[-1]) for series in (losses, accuracies) if len(series)), default=0),
        )
