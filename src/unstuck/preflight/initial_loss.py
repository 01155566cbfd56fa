"""The loss before training, against what it must be: the cheapest test there is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.dropout import _DropoutNd  # pyright: ignore[reportPrivateUsage]
from torch.utils import _pytree as pytree

from unstuck.errors import DataError
from unstuck.init.quiet import undisturbed
from unstuck.learning.guess import entropy
from unstuck.preflight.subject import called
from unstuck.record import facts

__all__ = ["InitialLossCheck", "initial_loss"]

STANDARD_ERRORS = 3.0
"""Standard errors of the sampling that the loss may be off by."""

OUTPUT_VARIANCE = 2.0
"""Variance of the outputs that a properly initialised last layer may give to inputs of unit second moment: He's."""

ENOUGH = 2048
"""Examples after which no more are looked at: the standard error is then 2% of the spread."""

OVERSIZED = 3.0
"""Root mean square of the inputs above which they, not the weights, are blamed for large outputs; scaled it is 1."""

REDUCED = 0.05
"""Relative distance from the expectation, for outputs that are all zero, that is none of rounding or weights."""

MATCH = 1e-3
"""The same for recognising a loss function by that value."""

LossFunction = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class InitialLossCheck:
    """What the check found.

    Attributes:
        value: The loss measured.
        expected: The loss of a model that knows nothing.
        tolerance: By how much the two may differ.
        formula: Where the expectation comes from, ``"ln C, C = 10"``.
        examples: Examples that it was measured on.
        advice: What to do; empty where the loss is as it should be.
        uniform: The loss of outputs that are all zero: where it is not ``expected``, the reduction is at fault, and
            where it is, the outputs are.
        prior: What a model reaches that knows how often each target occurs, and nothing of the inputs: the entropy of
            the labels, the variance of real targets. NaN where it is not known.
    """

    value: float
    expected: float
    tolerance: float
    formula: str
    examples: int
    advice: str = ""
    uniform: float = math.nan
    prior: float = math.nan

    @property
    def reduction(self) -> bool:
        """Whether the loss is wrong for outputs that are all zero too: a sum for a mean, or a factor."""
        return math.isfinite(self.uniform) and abs(self.uniform / self.expected - 1.0) > REDUCED

    @property
    def passed(self) -> bool:
        """Whether the loss is as it should be."""
        return abs(self.value - self.expected) <= self.tolerance

    def fact(self) -> facts.InitialLoss:
        """What a run records of it."""
        return facts.InitialLoss(
            value=self.value,
            expected=self.expected,
            tolerance=self.tolerance,
            formula=self.formula,
            examples=self.examples,
        )

    def __str__(self) -> str:
        """The check in one line."""
        head = f"initial loss {self.value:.4g}, expected {self.expected:.4g} +/- {self.tolerance:.2g} ({self.formula})"
        return f"{head}: as it should be" if self.passed else f"{head}: {self.advice}"


def initial_loss(model: nn.Module, loss: LossFunction, data: Iterable[tuple[Any, Tensor]]) -> InitialLossCheck | None:
    r"""Measure the loss of an untrained model and compare it with that of a model that knows nothing.

    =====================================  ==================  =====================================
    Loss                                   Expected            The last layer's own variance adds
    =====================================  ==================  =====================================
    cross-entropy over C classes           :math:`\ln C`       at most :math:`(1 - 1/C)\, s^2 / 2`
    binary cross-entropy of logits         :math:`\ln 2`       about :math:`s^2 / 8`
    squared error                          mean of :math:`y^2`  :math:`s^2` of it
    margin of Weston and Watkins           :math:`C - 1`       about :math:`s (C - 1)`
    =====================================  ==================  =====================================

    with :math:`s^2 = 2`, the output variance of He's initialisation; weights of N(0, 1) give the fan-in times
    as much. The tolerance is that and three standard errors of the mean over the examples. The prior of the labels
    plays no part, for an untrained model does not know it either. torch's ``multi_margin_loss`` divides by C. A loss
    function of one's own is recognised by its value for outputs that are all zero, a sum for a mean among them.

    The model runs in training mode but for its dropout, as batch normalisation has no statistics yet. Modes, buffers
    and random state are put back.

    Args:
        model: The model, untrained.
        loss: The loss of outputs and targets as training will call it; a sum in place of a mean shows up.
        data: Batches of inputs and targets, of which at most 2,048 examples are used.

    Returns:
        What was found; None where no expectation is known for this loss.

    Raises:
        DataError: There is no batch.

    Examples:
        >>> model = nn.Linear(4, 10)
        >>> check = initial_loss(model, functional.cross_entropy, [(torch.randn(64, 4), torch.arange(64) % 10)])
        >>> check.passed, round(check.expected, 4), check.formula
        (True, 2.3026, 'ln C, C = 10')
    """
    values: list[tuple[float, int]] = []
    outputs: list[Tensor] = []
    targets: list[Tensor] = []
    sizes: list[float] = []
    with undisturbed(model):
        model.train()
        for module in model.modules():
            if isinstance(module, _DropoutNd):
                module.eval()
        for batch, target in data:
            output = called(model, batch)
            values.append((float(loss(output, target)), len(target)))
            sizes.append(_size(batch))
            outputs.append(output)
            targets.append(target)
            if sum(count for _, count in values) >= ENOUGH:
                break
    if not values:
        raise DataError("data: there is no batch in it; give at least one example")
    try:
        every, wanted = torch.cat(outputs), torch.cat(targets)
    except (TypeError, RuntimeError):  # outputs are no tensors, or of several shapes
        return None
    with undisturbed(model):
        zero = [_uniform(loss, output, target) for output, target in zip(outputs, targets, strict=True)]
        family = _family(loss) or _recognised(outputs[0], targets[0], zero[0])
        counts = [count for _, count in values]
        uniform = sum(value * count for value, count in zip(zero, counts, strict=True)) / sum(counts)
        if family is None:
            return None
        return _compare(family, values, every, wanted, size=max(sizes), uniform=uniform)


def _size(batch: Any) -> float:
    """The largest root mean square of the tensors of real numbers among the inputs."""
    leaves = [leaf for leaf in pytree.tree_leaves(batch) if isinstance(leaf, Tensor) and leaf.is_floating_point()]
    return max((float(leaf.square().mean().sqrt()) for leaf in leaves), default=0.0)


@dataclass(frozen=True)
class _Expectation:
    expected: float
    formula: str
    allowance: float
    each: Tensor  # loss of each example


Family = Callable[[Tensor, Tensor], _Expectation]


def _compare(
    family: Family,
    values: list[tuple[float, int]],
    outputs: Tensor,
    targets: Tensor,
    *,
    size: float,
    uniform: float,
) -> InitialLossCheck:
    expectation = family(outputs, targets)
    examples = sum(count for _, count in values)
    value = sum(value * count for value, count in values) / examples
    each = expectation.each.reshape(len(targets), -1).double().mean(dim=1)
    error = float(each.std()) / math.sqrt(examples) if examples > 1 else 0.0
    # An example of huge loss spreads the sample too; the tolerance must not grow with the fault that it is to show.
    error = min(error, expectation.expected / math.sqrt(examples))
    tolerance = STANDARD_ERRORS * error + expectation.allowance
    return InitialLossCheck(
        value=value,
        expected=expectation.expected,
        tolerance=tolerance,
        formula=expectation.formula,
        examples=examples,
        advice=_advice(
            value, expectation.expected, tolerance, batch=values[0][1], outputs=outputs, size=size, uniform=uniform
        ),
        uniform=uniform,
        prior=_prior(targets),
    )


def _prior(targets: Tensor) -> float:
    """Entropy of class ids, variance of real targets."""
    if targets.is_floating_point():
        return float(targets.double().var(dim=0, correction=0).mean())
    return entropy(targets.unique(return_counts=True)[1].tolist())


def _uniform(loss: LossFunction, outputs: Tensor, targets: Tensor) -> float:
    """The loss of outputs that are all zero; NaN where it does not take them."""
    try:
        return float(loss(torch.zeros_like(outputs), targets))
    except (RuntimeError, ValueError, IndexError, TypeError):
        return math.nan


def _recognised(outputs: Tensor, targets: Tensor, uniform: float) -> Family | None:
    """Know a loss function of one's own by its value where all outputs are zero, also if a sum stands for a mean."""
    examples = len(targets)
    classes = outputs.shape[1] if outputs.ndim > 1 else 1
    known: list[tuple[float, Family]] = []
    if not targets.is_floating_point() and targets.ndim == 1 and classes > 1:
        known = [
            (math.log(classes), _cross_entropy),
            (classes - 1.0, _margin(f"C - 1, C = {classes}", classes - 1.0)),
            ((classes - 1.0) / classes, _margin(f"(C - 1) / C, C = {classes}", (classes - 1.0) / classes)),
        ]
    elif not targets.is_floating_point() and targets.ndim == 1 and outputs.numel() == targets.numel():
        known = [(math.log(2.0), _binary)]
    elif targets.is_floating_point() and targets.shape == outputs.shape:
        known = [(float(targets.double().square().mean()), _squared_error)]
        if bool(((targets >= 0.0) & (targets <= 1.0)).all()):
            known.append((math.log(2.0), _binary))
    for value, family in known:
        for factor in (1.0, float(examples), float(targets.numel())):
            if value > 0.0 and abs(uniform / (value * factor) - 1.0) < MATCH:
                return family
    return None


def _margin(formula: str, expected: float) -> Family:
    """The sum over the wrong classes of max(0, 1 + their score - the right one's): 1 for each at equal scores."""

    def family(outputs: Tensor, targets: Tensor) -> _Expectation:
        # Per example; only their spread is used, so that the factor of a reduction does not matter.
        right = outputs.gather(1, targets[:, None])
        each = ((outputs - right + 1.0).clamp(min=0.0).sum(dim=1) - 1.0) * expected / max(outputs.shape[1] - 1, 1)
        return _Expectation(expected, formula, expected * math.sqrt(OUTPUT_VARIANCE), each)

    return family


def _advice(
    value: float, expected: float, tolerance: float, *, batch: int, outputs: Tensor, size: float, uniform: float
) -> str:
    if not math.isfinite(value):
        return "not finite before the first step; look for NaN in the data, and for log or division by zero in the loss"
    if abs(value - expected) <= tolerance:
        return ""
    summed = uniform if math.isfinite(uniform) else value
    if batch > 1 and abs(summed / (batch * expected) - 1.0) < 0.15:
        return f"{batch} times too high, which is the batch size: take the mean over the batch in place of the sum"
    if math.isfinite(uniform) and abs(uniform / expected - 1.0) > REDUCED:
        return (
            f"outputs that are all zero give {uniform:.4g}, {uniform / expected:.3g} times the expectation: the "
            "reduction of the loss is at fault, not the weights; take the mean once"
        )
    if value < expected:
        return "the model knows something already: pre-trained weights, targets among the inputs, or a scaled loss"
    if size > OVERSIZED:
        return f"the inputs have a root mean square of {size:.3g}; scale them to zero mean and unit variance"
    spread = float(outputs.float().std()) if outputs.numel() > 1 else 0.0
    return (
        f"outputs spread by {spread:.3g} before training; start from smaller weights "
        "(He's or Glorot's), those of the last layer first"
    )


def _cross_entropy(outputs: Tensor, targets: Tensor) -> _Expectation:
    classes = outputs.shape[1]
    each = functional.cross_entropy(outputs, targets, reduction="none")
    allowance = (1.0 - 1.0 / classes) * OUTPUT_VARIANCE / 2.0
    return _Expectation(math.log(classes), f"ln C, C = {classes}", allowance, each)


def _binary(outputs: Tensor, targets: Tensor) -> _Expectation:
    wanted = targets.reshape(outputs.shape).to(outputs.dtype)  # class ids 0 and 1, in a loss of one's own
    each = functional.binary_cross_entropy_with_logits(outputs, wanted, reduction="none")
    return _Expectation(math.log(2.0), "ln 2", OUTPUT_VARIANCE / 8.0, each)


def _squared_error(outputs: Tensor, targets: Tensor) -> _Expectation:
    square = float(targets.double().square().mean())
    each = functional.mse_loss(outputs, targets, reduction="none")
    return _Expectation(square, "mean square of the targets", OUTPUT_VARIANCE * square, each)


def _torch_margin(outputs: Tensor, targets: Tensor) -> _Expectation:
    classes = outputs.shape[1]
    share = (classes - 1.0) / classes
    return _margin(f"(C - 1) / C, C = {classes}", share)(outputs, targets)


def _family(loss: LossFunction) -> Family | None:
    """What is expected of a loss function or module of torch."""
    known: tuple[tuple[object, type[nn.Module], Family], ...] = (
        (functional.cross_entropy, nn.CrossEntropyLoss, _cross_entropy),
        (functional.binary_cross_entropy_with_logits, nn.BCEWithLogitsLoss, _binary),
        (functional.mse_loss, nn.MSELoss, _squared_error),
    )
    if loss is functional.multi_margin_loss or (isinstance(loss, nn.MultiMarginLoss) and loss.p == loss.margin == 1):
        return _torch_margin
    for function, module, family in known:
        if loss is function or type(loss) is module:
            return family
    return None
