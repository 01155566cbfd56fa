"""What one pass over the examples of an evaluation gives: its loss and its accuracy, over all batches."""

from __future__ import annotations

import math
from collections.abc import Container
from dataclasses import dataclass, field

import torch
from torch import Tensor

from unstuck.observe.collectors.predictions import PredictionProbe
from unstuck.record import facts

__all__ = ["PassOverExamples", "Result"]


@dataclass(frozen=True, kw_only=True)
class Result:
    """Means of one pass over an evaluation's examples; None where they could not be seen.

    Attributes:
        loss: Of the training's loss function where it is called, else of the first that is.
        accuracy: Share of the examples that are classified rightly.
        examples: How many there are.
        trained_on: Whether they are the training set.
        measure: The function that the loss is of.
    """

    loss: float | None
    accuracy: float | None
    examples: int
    trained_on: bool
    measure: facts.EvaluatedLoss | None = None


@dataclass
class Measure:
    """The losses of one function."""

    shape: tuple[int, ...] = ()
    values: list[Tensor] = field(default_factory=list[Tensor])
    weights: list[int] = field(default_factory=list[int])


@dataclass
class PassOverExamples:
    """Sums over the batches that one place evaluated.

    Examples:
        >>> counted = PassOverExamples(examples=3)
        >>> counted.take_loss("mse_loss", torch.tensor(6.0), torch.zeros(3), "sum")
        >>> counted.result(preferred=(), trained_on=False).loss
        2.0
    """

    losses: dict[str, Measure] = field(default_factory=dict[str, Measure])
    correct: list[Tensor] = field(default_factory=list[Tensor])
    compared: int = 0
    examples: int = 0
    predictions: PredictionProbe = field(default_factory=PredictionProbe)

    def take_loss(self, name: str, loss: Tensor, target: Tensor, reduction: str) -> None:
        """Take the loss of a batch.

        Args:
            name: Its function.
            loss: What that has returned.
            target: The targets of the batch.
            reduction: How the losses of its elements were joined: mean, sum or none.
        """
        examples = target.shape[0] if target.dim() else 1
        value = loss.float()
        if reduction == "sum":
            value = value / max(1, examples)
        measure = self.losses.setdefault(name, Measure())
        measure.shape = measure.shape or tuple(target.shape)
        measure.values.append(value.mean())
        measure.weights.append(examples)

    def result(self, *, preferred: Container[str], trained_on: bool) -> Result:
        """The means over all batches.

        Args:
            preferred: Functions of the training's losses, one of which is taken where it is called.
            trained_on: Whether the examples are the training set.
        """
        name = next((name for name in self.losses if name in preferred), next(iter(self.losses), None))
        measure = Measure() if name is None else self.losses[name]
        return Result(
            loss=_mean(measure.values, measure.weights),
            accuracy=int(torch.stack(self.correct).sum()) / self.compared if self.compared else None,
            examples=self.examples,
            trained_on=trained_on,
            measure=None if name is None else facts.EvaluatedLoss(function=name, shape=measure.shape),
        )


def _mean(losses: list[Tensor], weights: list[int]) -> float | None:
    if not losses:
        return None
    values: list[float] = torch.stack(losses).tolist()
    total = sum(weights)
    return sum(v * w for v, w in zip(values, weights, strict=True)) / total if total else math.nan
