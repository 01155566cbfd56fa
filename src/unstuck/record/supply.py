"""Facts about where the examples come from: their loaders, and whether evaluations get the same kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from unstuck.record.fact import Fact

__all__ = ["Association", "Loader", "Shift"]


@dataclass(frozen=True, kw_only=True)
class Loader(Fact):
    """A ``torch.utils.data.DataLoader`` that was iterated over during training; stated anew as it goes on.

    Attributes:
        number: Tells loaders of one run apart.
        begun: Iterators made.
        updates: Optimizer updates made while one of them was the newest iterator of all.
        batches: Batches of one iterator; None where it has no length.
        examples: Examples of its data set; None where that has no length.
        order: sequential: always the same order; random: a new order each time; other: a sampler of the user's.
    """

    kind = "loader"
    missing = "no DataLoader was used"
    number: int
    begun: int
    updates: int
    batches: int | None = None
    examples: int | None = None
    order: Literal["sequential", "random", "other"] = "other"


@dataclass(frozen=True, kw_only=True)
class Shift(Fact):
    r"""How far the inputs of training batches lie from those of evaluations, value by value of an example.

    Attributes:
        trained: Training examples that it rests on.
        evaluated: Evaluated examples that it rests on, without evaluations of the training set itself.
        distance: Root of :math:`\sum_f (\bar x_f - \bar y_f)^2 / \sum_f \sigma_f^2`, :math:`\sigma_f^2` the mean
            variance of both, less what sampling gives; 0 where they agree.
        spread: Root of the sum of variances in training, over that in evaluations; 1 where they agree.
    """

    kind = "shift"
    missing = "no evaluation of other examples was seen"
    trained: int
    evaluated: int
    distance: float
    spread: float


@dataclass(frozen=True, kw_only=True)
class Association(Fact):
    """Whether targets have to do with their inputs, by pairs of them from training batches.

    Attributes:
        met: Pairs gathered.
        examples: Distinct ones among them.
        neighbours: How far the targets of nearest neighbours agree, in standard deviations of what chance gives.
        linear: How much of the targets a line explains, in the same unit.
        explained: Share of the targets' variance that the mean of an example's nearest neighbours explains.
        told: Share of examples whose class most of their neighbours have; None where there are no classes.
    """

    kind = "association"
    missing = "too few examples were seen with their targets"
    met: int
    examples: int
    neighbours: float
    linear: float
    explained: float = float("nan")
    told: float | None = None


@dataclass(frozen=True, kw_only=True)
class EvaluatedAssociation(Association):
    """The same by pairs from evaluations of other examples than those of the training set."""

    kind = "evaluated_association"
