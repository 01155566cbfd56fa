"""The learning rate that the start of a training bears, by what was measured there before any step could do harm.

After an explosion the size of the steps says nothing of the right one. What the first batch shows does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unstuck.learning import single_loss
from unstuck.record import Run, signals
from unstuck.record.facts import FirstCurvature, Inputs, Model, Optimizer, Parameter, Passes
from unstuck.rules.methods import moves_by_rate, usual_rate
from unstuck.rules.step_size import Steps

__all__ = ["StableRate", "rounded_down", "stable_rate", "stable_rate_of", "too_high_for"]

GROWTH = 5.0
"""By how much the curvature typically grows while a network begins to learn (Jastrzebski et al., "The break-even point
on optimization trajectories", ICLR 2020): rates above a fifth of the inverse at the start will overshoot then."""

SQUARED_GROWTH = 2.0
"""The same of squared errors, whose second derivative does not change with the outputs."""

FIRST_RATIO = 0.02
"""||dw|| / ||w|| of a first step where the curvature is not known: twenty times the 1e-3 of CS231n, which later steps
come down to as gradients shrink (our choice)."""

BEYOND = 10.0
"""Factor above a rate that is advised as safe, from which on a rate is too high whatever else is amiss (our choice)."""

SQUARED = frozenset({"mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"})


@dataclass(frozen=True)
class StableRate:
    """A learning rate, and where it comes from in words.

    Attributes:
        rate: The rate.
        why: Where it comes from.
        measured: Whether it was measured in the first batch, with its inputs as they are.
    """

    rate: float
    why: str
    measured: bool = False


def stable_rate(run: Run) -> StableRate | None:
    r"""The rate that the training bears at its start; None where its method, or the start, is not known well enough.

    Plain descent, with momentum :math:`\mu` or without, by the curvature :math:`\kappa = \|H g\| / \|g\|` of the first
    batch:

    .. math:: \eta = (1 - \mu) / (G \kappa)

    with the growth G that is expected of the curvature: :data:`GROWTH`, or :data:`SQUARED_GROWTH`, or 1 where
    normalisations keep activations at full size from the start. On a quadratic the best rate along one direction is
    :math:`1 / \kappa`, and descent diverges above :math:`2 / \kappa`. Where no second derivative was taken, the rate at
    which the first step moves a weight matrix by :data:`FIRST_RATIO`.

    Adam and its kin move every weight by the rate at the first step, and all weights of a unit so that their effects on
    one batch add up. With n inputs of the unit that has most:

    .. math:: \eta = 1 / n

    so that a step moves no unit by more than its inputs are large (Yang et al., "Tensor programs V", 2022, table 3).
    Weights that are learnt already bear less, and get no number. Methods with a scale of their own, such as Muon, Lion
    and Prodigy, get the rate that is usual for them.
    """
    optimizer = run.fact(Optimizer)
    if optimizer is None:
        return None
    method = optimizer.type.lower()
    usual = usual_rate(method)
    if usual is not None:
        return StableRate(usual.rate, f"usual for {optimizer.type}: {usual.source}")
    if moves_by_rate(method):
        return _by_inputs(run)
    if any(word in method for word in ("sgd", "momentum", "nesterov")):
        momentum = max((group.momentum or 0.0 for group in optimizer.groups), default=0.0)
        return _by_curvature(run, momentum) or _by_first_step(run, momentum)
    return None


def stable_rate_of(run: Run, method: Literal["descent", "adaptive"], *, momentum: float = 0.0) -> StableRate | None:
    """The rate that the training would bear under another method than its own; None where that is not known.

    Args:
        run: One stream of a run.
        method: Descent, whose rate follows from the curvature of the first batch, or a method such as Adam, whose rate
            follows from the inputs of its units.
        momentum: That of descent.
    """
    return _by_inputs(run) if method == "adaptive" else _by_curvature(run, momentum)


def too_high_for(run: Run) -> Literal["nothing", "these inputs", "any inputs"]:
    r"""What the rate that was used is too high for, by a factor of ten where that is any inputs.

    The curvature along the weights of a layer grows with the square of the size s of what they multiply, so that plain
    descent would bear :math:`s^2` times the rate that it bears now if the inputs had size one. A step of Adam moves a
    unit by the rate times the sum of its inputs; what it bears is told for inputs of size one. Nothing, where the rate
    or what is bearable is not known.
    """
    stable, rates = stable_rate(run), _rates(run)
    features = [fact for fact in run.facts(Inputs) if fact.kind_of != "ids" and fact.feature_stds]
    if stable is None or not len(rates) or not features:
        return "nothing"
    largest = max(float(np.nanmax(np.hypot(fact.feature_means, fact.feature_stds))) for fact in features)
    used, bearable = float(rates.max()), stable.rate * (max(1.0, largest) ** 2 if stable.measured else 1.0)
    if used > BEYOND * bearable:
        return "any inputs"
    return "these inputs" if stable.measured and used > stable.rate else "nothing"


def rounded_down(rate: float) -> float:
    """One significant digit, never above the rate.

    Examples:
        >>> rounded_down(0.0156), rounded_down(0.68), rounded_down(0.2)
        (0.01, 0.6, 0.2)
    """
    unit = 10.0 ** math.floor(math.log10(rate) + 1e-9)
    return float(f"{math.floor(rate / unit + 1e-9) * unit:.1g}")


def _by_curvature(run: Run, momentum: float) -> StableRate | None:
    curvature = run.fact(FirstCurvature)
    if curvature is None:
        return None
    passes, growth = run.fact(Passes), _growth(run)
    parts = passes.backward / passes.updates if passes is not None and passes.updates else 1.0
    rate = (1.0 - momentum) / (growth * curvature.along_gradient * max(parts, 1.0))
    share = "the inverse" if growth == 1.0 else f"one part in {growth:g} of the inverse"
    return StableRate(rate, f"{share} of the curvature of the first batch{_times(momentum)}", measured=True)


def _by_first_step(run: Run, momentum: float) -> StableRate | None:
    steps, rates = Steps.of(run), _rates(run)
    if not len(steps) or not len(rates) or steps.typical.steps[0] > 0:
        return None
    ratio = float(steps.typical.values[0])
    if not ratio > 0.0 or not rates[0] > 0.0:
        return None
    rate = (1.0 - momentum) * float(rates[0]) * FIRST_RATIO / ratio
    return StableRate(
        rate, f"which moves the weights by {FIRST_RATIO:.0%} at the first step{_times(momentum)}", measured=True
    )


def _by_inputs(run: Run) -> StableRate | None:
    model = run.fact(Model)
    matrices = [parameter for parameter in model.parameters if _is_matrix(parameter)] if model else []
    if not matrices or sum(parameter.fresh is False for parameter in matrices) > len(matrices) / 2:
        return None
    inputs = max(math.prod(parameter.shape[1:]) for parameter in matrices)
    return StableRate(
        1.0 / inputs, f"one over the {inputs} inputs of the largest unit, each of whose weights moves by lr a step"
    )


def _is_matrix(parameter: Parameter) -> bool:
    trained = parameter.trainable and parameter.optimized
    return trained and parameter.role in ("weight", "other") and len(parameter.shape) > 1


def _growth(run: Run) -> float:
    model, loss = run.fact(Model), single_loss(run)
    if model is not None and any(parameter.role == "norm" for parameter in model.parameters):
        return 1.0
    return SQUARED_GROWTH if loss is not None and loss.function in SQUARED else GROWTH


def _rates(run: Run) -> NDArray[np.float64]:
    table = run.table(signals.LEARNING_RATE)
    return np.nanmax(table.values, axis=1) if len(table) else np.empty(0)


def _times(momentum: float) -> str:
    return f", times {1.0 - momentum:.2g} for the momentum" if momentum else ""
