"""The loss before training, against what it must be: the cheapest test there is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd  # pyright: ignore[reportPrivateUsage]
from torch.utils import _pytree as pytree

from unstuck.errors import DataError
from unstuck.init.quiet import undisturbed
from unstuck.learning.guess import entropy
from unstuck.preflight.arrangement import LossFunction, called, main_output, size
from unstuck.preflight.families import MATCH, Family, declared_family, recognised
from unstuck.record import facts

__all__ = ["InitialLossCheck", "initial_loss"]

STANDARD_ERRORS = 3.0
"""Standard errors of the sampling that the loss may be off by."""

ENOUGH = 2048
"""Examples after which no more are looked at: the standard error is then 2% of the spread."""

OVERSIZED = 3.0
"""Root mean square of the inputs above which they, not the weights, are blamed for large outputs; scaled it is 1."""

REDUCED = 0.05
"""Relative distance from the expectation, for outputs that are all zero, that is none of rounding or weights."""


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
        fault: What is wrong with the loss function whatever the outputs; empty where nothing is.
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
    fault: str = ""

    @property
    def reduction(self) -> bool:
        """Whether the loss is wrong for outputs that are all zero too: a sum for a mean, or a factor."""
        return math.isfinite(self.uniform) and abs(self.uniform / self.expected - 1.0) > REDUCED

    @property
    def passed(self) -> bool:
        """Whether the loss is as it should be."""
        return not self.fault and abs(self.value - self.expected) <= self.tolerance

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


def initial_loss(
    model: nn.Module, loss: LossFunction, data: Iterable[tuple[Any, Any]], *, declared: object = None
) -> InitialLossCheck | None:
    r"""Measure the loss of an untrained model and compare it with that of a model that knows nothing.

    That is :math:`\ln C` for cross-entropy over C classes, :math:`\ln 2` for binary cross-entropy, the mean square of
    the targets for squared error and :math:`C - 1` for the margin of Weston and Watkins
    (:mod:`~unstuck.preflight.families`). The tolerance is what outputs of the spread measured may add, at most the
    variance of 2 that He's initialisation gives them, and three standard errors of the mean over the examples: outputs
    that hardly spread give the expectation to their own accuracy, and weights of N(0, 1) fail. The prior of the labels
    plays no part, for an untrained model does not know it either. torch's ``multi_margin_loss`` divides by C.

    A loss function of one's own, or one that a model returns, is recognised by its values: for the outputs, and for
    outputs that are all zero; also where it reshapes them, as for the tokens of a language model, or sums over the
    elements of an example.

    The model runs in training mode but for its dropout, as batch normalisation has no statistics yet. Modes, buffers
    and random state are put back.

    Args:
        model: The model, untrained.
        loss: The loss of outputs and targets as training will call it; a sum in place of a mean shows up.
        data: Batches of inputs and targets, of which at most 2,048 examples are used.
        declared: The loss function that ``loss`` calls, where it is not that itself.

    Returns:
        What was found; None where no expectation is known for this loss.

    Raises:
        DataError: There is no batch.

    Examples:
        >>> from torch.nn import functional
        >>> model = nn.Linear(4, 10)
        >>> check = initial_loss(model, functional.cross_entropy, [(torch.randn(64, 4), torch.arange(64) % 10)])
        >>> check.passed, round(check.expected, 4), check.formula
        (True, 2.3026, 'ln C, C = 10')
    """
    with undisturbed(model):
        seen = _measured(model, loss, data)
        return _compared(seen, loss if declared is None else declared)


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What went through the model, batch by batch."""

    outputs: list[Tensor]
    targets: list[Tensor]
    values: list[float]
    zero: list[float]  # the loss of outputs that are all zero
    size: float

    @property
    def counts(self) -> list[int]:
        return [len(target) for target in self.targets]

    def mean(self, values: list[float]) -> float:
        return sum(value * count for value, count in zip(values, self.counts, strict=True)) / sum(self.counts)


def _measured(model: nn.Module, loss: LossFunction, data: Iterable[tuple[Any, Any]]) -> _Seen | None:
    """The outputs and losses of the examples; None where no tensor of them stands for the outputs."""
    model.train()
    for module in model.modules():
        if isinstance(module, _DropoutNd):
            module.eval()
    outputs: list[Any] = []
    targets: list[Any] = []
    values: list[float] = []
    largest = 0.0
    for batch, target in data:
        output = called(model, batch)
        outputs.append(output)
        targets.append(target)
        values.append(float(loss(output, target)))
        largest = max(largest, _size(batch))
        if sum(map(size, targets)) >= ENOUGH:
            break
    if not values:
        raise DataError("data: there is no batch in it; give at least one example")
    mains = [main_output(output) for output in outputs]
    if not all(isinstance(t, Tensor) and t.ndim for t in targets) or any(m is None or not m.ndim for m in mains):
        return None
    zero = [_uniform(loss, output, target) for output, target in zip(outputs, targets, strict=True)]
    return _Seen(outputs=[m for m in mains if m is not None], targets=targets, values=values, zero=zero, size=largest)


def _compared(seen: _Seen | None, declared: object) -> InitialLossCheck | None:
    if seen is None:
        return None
    try:
        outputs, targets = torch.cat(seen.outputs), torch.cat(seen.targets)
    except RuntimeError:  # of several shapes
        return None
    value, uniform = seen.mean(seen.values), seen.mean(seen.zero)
    family, scale = declared_family(declared, outputs, targets), 1.0
    if family is None:
        found = recognised(seen.outputs[0], seen.targets[0], seen.values[0], seen.zero[0])
        again = recognised(outputs, targets, value, uniform) if len(seen.values) > 1 else found
        # A sum over a batch is recognised in one batch only; its mean over all is no longer one.
        known = again or found
        if known is None:
            return None
        family, factor = known
        elements = family.each.numel() / (len(outputs) if again else len(seen.outputs[0]))
        scale = factor if factor == elements else 1.0
    expected, tolerance = family.expected * scale, scale * _tolerance(family, len(outputs))
    uniform = uniform if family.scores else math.nan
    if family.fault:  # it is known by its value alone, and no spread of the outputs makes it less of one
        expected, tolerance = family.right * scale, MATCH * family.right * scale
    advice = family.fault or _advice(
        value, expected, tolerance, batch=seen.counts[0], outputs=outputs, size=seen.size, uniform=uniform
    )
    formula = family.formula if scale == 1.0 else f"{scale:g} times {family.formula}"
    if family.fault:
        formula = f"what the same outputs cost without it; {formula}, at equal scores"
    return InitialLossCheck(
        value=value,
        expected=expected,
        tolerance=tolerance,
        formula=formula,
        examples=len(outputs),
        advice=advice,
        uniform=uniform,
        prior=_prior(targets),
        fault=family.fault,
    )


def _tolerance(family: Family, examples: int) -> float:
    """What the spread of the outputs may add, and three standard errors of the mean."""
    rows = min(examples, len(family.each))
    whole = family.each.numel() // max(rows, 1) * rows
    each = family.each.reshape(-1)[:whole].reshape(rows, -1).double().mean(dim=1)
    error = float(each.std()) / math.sqrt(rows) if rows > 1 else 0.0
    # An example of huge loss spreads the sample too; the tolerance must not grow with the fault that it is to show.
    return STANDARD_ERRORS * min(error, family.expected / math.sqrt(rows)) + family.allowance


def _size(batch: Any) -> float:
    """The largest root mean square of the tensors of real numbers among the inputs."""
    leaves = [leaf for leaf in pytree.tree_leaves(batch) if isinstance(leaf, Tensor) and leaf.is_floating_point()]
    return max((float(leaf.square().mean().sqrt()) for leaf in leaves), default=0.0)


def _prior(targets: Tensor) -> float:
    """Entropy of class ids, variance of real targets."""
    if targets.is_floating_point():
        return float(targets.double().var(dim=0, correction=0).mean())
    return entropy(targets.unique(return_counts=True)[1].tolist())


def _uniform(loss: LossFunction, outputs: Any, targets: Tensor) -> float:
    """The loss of outputs that are all zero; NaN where it does not take them, or does not look at them."""
    if not isinstance(outputs, Tensor):
        return math.nan
    try:
        return float(loss(torch.zeros_like(outputs), targets))
    except (RuntimeError, ValueError, IndexError, TypeError):
        return math.nan


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
