"""What the evaluations of fresh examples say of the end of a training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unstuck.learning.evaluated_loss import OwnUnit, own_unit
from unstuck.learning.evaluations import Evaluations
from unstuck.learning.learning import Learning
from unstuck.learning.loss_call import called_and_differentiated, loss_calls
from unstuck.record import Run, Series

__all__ = ["Validation"]

LEFT = 0.1
"""Share of what there is to learn that may be left of evaluated examples by chance (our choice)."""

UNDIVIDED = 0.95
"""Share of what the loss returned from which on what is differentiated is that, or that and more (our choice)."""


@dataclass(frozen=True)
class Validation:
    """The last evaluations, as far as they lie near the end of the training; None where theirs is not known.

    Attributes:
        accuracy: Their accuracy.
        own: Their loss in its own unit.
        unit: What that is compared with.
        factor: What takes their loss to the unit of what is measured of the training's; None where that is not known.
        step: Updates made before the last of them.
    """

    accuracy: float | None = None
    own: float | None = None
    unit: OwnUnit | None = None
    factor: float | None = None
    step: int = 0

    @property
    def loss(self) -> float | None:
        """Their loss in the unit of what is measured of the training's; None where one of both is not known."""
        return None if self.own is None or self.factor is None else self.own * self.factor

    @property
    def left(self) -> float | None:
        """Share of what there is to learn that their loss leaves; None where that is not known."""
        return None if self.own is None or self.unit is None else self.unit.left(self.own)

    def lags(self, learning: Learning) -> bool:
        """Whether evaluated examples are told clearly worse than trained ones: a tenth of them, or twice the loss."""
        if self.accuracy is not None and learning.accuracy is not None:
            return self.accuracy < learning.accuracy - 0.1
        if (
            self.left is not None
            and learning.floor is not None
            and learning.guess is not None
            and not learning.pretrained
        ):
            trained = (learning.measured.curve.end.value - learning.floor) / (learning.guess - learning.floor)
            return self.left > 2.0 * max(trained, LEFT)
        trained = max(learning.measured.curve.end.value, LEFT * learning.reference)
        return self.loss is not None and learning.reference > 0 and self.loss > 2.0 * trained

    @classmethod
    def of(cls, run: Run) -> Validation:
        """The validation of a run."""
        return run.once(cls, lambda: cls._of(run))

    @classmethod
    def _of(cls, run: Run) -> Validation:
        evaluations, learning = Evaluations.of(run), Learning.of(run)
        losses, accuracies = (evaluations.of_end(s.finite()) for s in (evaluations.losses, evaluations.accuracies))
        unit = own_unit(evaluations, learning.measured.loss)
        return cls(
            accuracy=_level(accuracies),
            own=_level(losses),
            unit=unit,
            factor=_factor(run, evaluations, learning, unit),
            step=max((int(series.steps[-1]) for series in (losses, accuracies) if len(series)), default=0),
        )

    @classmethod
    def losses(cls, run: Run) -> Series:
        """All losses of evaluations in the unit of the training's; none where that is not known."""
        series, factor = Evaluations.of(run).losses.finite(), cls.of(run).factor
        return series.between(0, -1) if factor is None else Series(series.steps, series.values * factor)


def _level(series: Series) -> float | None:
    return float(np.median(series.values)) if len(series) else None


def _factor(run: Run, evaluations: Evaluations, learning: Learning, unit: OwnUnit | None) -> float | None:
    """What takes the losses of evaluations to the unit of the training's; None where that is not known."""
    if learning.guess is not None:
        return learning.guess / unit.guess.value if unit is not None and unit.same else None
    if evaluations.foreign or (unit is not None and not unit.same):
        return None
    calls, measures = loss_calls(run), evaluations.measures
    if any(call.reduction == "sum" for call in calls) or any(measure.reduction == "sum" for measure in measures):
        return None
    if learning.measured.curve is not learning.curve:
        return 1.0  # what the loss function returned is measured
    _, called, differentiated = called_and_differentiated(run)
    divided = len(called) > 0 and float(np.median(differentiated - called * UNDIVIDED)) < 0.0
    return None if divided else 1.0
