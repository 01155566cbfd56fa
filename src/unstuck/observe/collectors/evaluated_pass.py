"""What one pass over the examples of an evaluation gives: its loss and its accuracy, over all batches."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from unstuck.observe.collectors.losses import weighs
from unstuck.observe.collectors.predictions import PredictionProbe
from unstuck.observe.tensors.readable import is_readable
from unstuck.record import facts

__all__ = ["PassOverExamples", "Result"]

NOTHING: Mapping[str, Any] = MappingProxyType({})


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
    """The losses of one function, and what its first call was given."""

    shape: tuple[int, ...]
    reduction: str
    weighted: bool
    smoothing: float
    variances: tuple[Tensor, Tensor] | None
    values: list[Tensor] = field(default_factory=list[Tensor])
    weights: list[int] = field(default_factory=list[int])

    def fact(self, function: str) -> facts.EvaluatedLoss:
        """What is stated of it."""
        spread = [] if self.variances is None else [float(variance) for variance in self.variances]
        known = bool(spread) and all(map(math.isfinite, spread))
        return facts.EvaluatedLoss(
            function=function,
            shape=self.shape,
            reduction=self.reduction,
            weighted=self.weighted,
            label_smoothing=self.smoothing,
            variance=spread[0] if known else None,
            output_variance=spread[1] if known else None,
        )


@dataclass
class PassOverExamples:
    """Sums over the batches that one place evaluated.

    Examples:
        >>> counted = PassOverExamples(examples=3)
        >>> counted.take_loss("mse_loss", torch.tensor(6.0), (torch.ones(3), torch.zeros(3)), "sum")
        >>> counted.result(preferred=(), trained_on=False).loss
        2.0
    """

    losses: dict[str, Measure] = field(default_factory=dict[str, Measure])
    correct: list[Tensor] = field(default_factory=list[Tensor])
    compared: int = 0
    examples: int = 0
    predictions: PredictionProbe = field(default_factory=PredictionProbe)

    def take_loss(
        self,
        name: str,
        loss: Tensor,
        pair: tuple[Tensor, Tensor],
        reduction: str,
        arguments: Mapping[str, Any] = NOTHING,
    ) -> None:
        """Take the loss of a batch.

        Args:
            name: Its function.
            loss: What that has returned.
            pair: The outputs and targets of the batch.
            reduction: How the losses of its elements were joined: mean, sum or none.
            arguments: The function's further arguments by name.
        """
        target = pair[1]
        examples = target.shape[0] if target.dim() else 1
        value = loss.float()
        if reduction == "sum":
            value = value / max(1, examples)
        measure = self.losses.get(name)
        if measure is None:
            measure = self.losses[name] = Measure(
                tuple(target.shape),
                reduction,
                weighs(arguments.get("weight"), arguments.get("pos_weight")),
                float(arguments.get("label_smoothing", 0.0)),
                (_variance(target), _variance(pair[0])) if _varies(target) and _varies(pair[0]) else None,
            )
        measure.values.append(value.mean())
        measure.weights.append(examples)

    def result(self, *, preferred: Container[str], trained_on: bool) -> Result:
        """The means over all batches.

        Args:
            preferred: Functions of the training's losses, one of which is taken where it is called.
            trained_on: Whether the examples are the training set.
        """
        name = next((name for name in self.losses if name in preferred), next(iter(self.losses), None))
        measure = None if name is None else self.losses[name]
        return Result(
            loss=None if measure is None else _mean(measure.values, measure.weights),
            accuracy=int(torch.stack(self.correct).sum()) / self.compared if self.compared else None,
            examples=self.examples,
            trained_on=trained_on,
            measure=None if name is None or measure is None else measure.fact(name),
        )


def _varies(values: Tensor) -> bool:
    return is_readable(values) and values.is_floating_point() and values.numel() > 1


def _variance(values: Tensor) -> Tensor:
    return values.detach().float().var(correction=0)


def _mean(losses: list[Tensor], weights: list[int]) -> float:
    values: list[float] = torch.stack(losses).tolist()
    total = sum(weights)
    return sum(v * w for v, w in zip(values, weights, strict=True)) / total if total else math.nan
