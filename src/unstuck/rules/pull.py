"""How strongly regularisation pulls at the weights, beside what else moves them: weight decay, or a stated penalty."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unstuck.record import Run, Table, signals
from unstuck.record.facts import Model, Optimizer, Training
from unstuck.rules.methods import decouples_decay
from unstuck.rules.rate import learning_rate

__all__ = ["DecayPull", "late_norm", "norms", "penalty_pull"]

EARLY = 8
"""Samples at the start whose gradients are those of the loss, before the weights have moved far."""


@dataclass(frozen=True, kw_only=True, eq=False)
class DecayPull:
    r"""The pull of a weight decay.

    .. math::
        \frac{\lambda \lVert w \rVert}{\lVert g \rVert}, \qquad
        \frac{\eta \lambda \lVert w \rVert}{\lVert \Delta w \rVert} \text{ where it is decoupled from the gradient}

    Attributes:
        decay: The largest of all groups of parameters.
        decoupled: Whether it acts on the weights beside the gradient rather than through it.
        weights: Norm of all weights, by sample.
        settled: The same, at the median over the second half of the training; 0 where it was not sampled.
        early: The pull in the first samples; None where it was not sampled.
        late: The pull over the second half; 0 where it was not sampled, or nothing else moves the weights.
    """

    decay: float
    decoupled: bool
    weights: NDArray[np.float64]
    settled: float
    early: float | None
    late: float

    @classmethod
    def of(cls, run: Run) -> DecayPull | None:
        """Measure it; None where there is no weight decay."""
        optimizer = run.fact(Optimizer)
        decay = max((group.weight_decay or 0.0 for group in optimizer.groups), default=0.0) if optimizer else 0.0
        if optimizer is None or not decay:
            return None
        decoupled = decouples_decay(optimizer.type)
        factor = (learning_rate(run) or 0.0) * decay if decoupled else decay
        others = run.table(signals.UPDATE_NORM if decoupled else signals.GRADIENT_NORM)
        weights, settled = norms(run.table(signals.WEIGHT_NORM)), late_norm(run.table(signals.WEIGHT_NORM))
        moving = late_norm(run.table(signals.GRADIENT_NORM)) and late_norm(others)
        return cls(
            decay=decay,
            decoupled=decoupled,
            weights=weights,
            settled=settled,
            early=_early(factor, weights, norms(others)),
            late=factor * settled / moving if moving else 0.0,
        )

    def elasticity(self, loss: float) -> float:
        r"""Share of a loss that is saved for each share by which the weights grow, where decay and gradient balance.

        .. math::
            -\frac{\partial \ln L}{\partial \ln \lVert w \rVert} = \frac{\lambda \lVert w \rVert^2}{L}
        """
        return self.decay * self.settled**2 / max(abs(loss), 1e-300)

    @property
    def kept(self) -> float:
        """Share of their first norm that the weights end with; NaN of fewer than two samples."""
        return float(self.weights[-1] / self.weights[0]) if len(self.weights) > 1 and self.weights[0] else math.nan


def penalty_pull(run: Run) -> float:
    r"""Norm of the gradient of the penalty that the training's plan states; 0 where there is none.

    .. math:: \lambda_2 \lVert w \rVert + \lambda_1 \sqrt{n}
    """
    plan, model = run.fact(Training), run.fact(Model)
    if plan is None or model is None:
        return 0.0
    entries = sum(math.prod(parameter.shape) for parameter in model.parameters if len(parameter.shape) > 1)
    return plan.l2 * late_norm(run.table(signals.WEIGHT_NORM)) + plan.l1 * math.sqrt(entries)


def norms(table: Table) -> NDArray[np.float64]:
    """Norm over all parameters, by sample."""
    return np.sqrt(np.nansum(np.square(table.values), axis=1))


def late_norm(table: Table) -> float:
    """Norm over all parameters, at the median over the second half of the training; 0 of an empty table."""
    if not len(table):
        return 0.0
    middle = (table.steps[0] + table.steps[-1]) / 2
    return float(np.median(norms(table)[table.steps >= middle]))


def _early(factor: float, weights: NDArray[np.float64], others: NDArray[np.float64]) -> float | None:
    count = min(len(weights), len(others), EARLY)
    if not count:
        return None
    return factor * float(np.median(weights[:count])) / max(float(np.median(others[:count])), 1e-300)
