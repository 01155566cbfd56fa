"""Has it learnt? The loss against its start, its noise, and the loss of the best constant guess."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unstuck.learning.curve import Curve
from unstuck.record import Run, Series, Where, signals
from unstuck.record.facts import InitialLoss, Loss, Optimizer, Passes

__all__ = [
    "IN_A_GAME",
    "Learning",
    "Outcome",
    "constant_guess",
    "in_a_game",
    "optimizer_place",
    "seen_late",
    "single_loss",
    "untrained_loss",
]

Outcome = Literal["good", "partial", "none"]

PRETRAINED = 0.6
"""Start as a share of the constant guess, below which something was known before training."""

LATE = 0.6
"""Share of the training that the last sample must have reached to tell how it ended (our choice)."""

TOLD = 50
"""Examples whose answers tell an accuracy: nine of ten then have a standard error of 4%."""

SQUARED = ("mse_loss",)
CLASSES = ("cross_entropy", "nll_loss")
BINARY = ("binary_cross_entropy", "binary_cross_entropy_with_logits")


def single_loss(run: Run) -> Loss | None:
    """What is known of the loss, where all its calls are of one function; None where several are mixed, or none known.

    A training and an evaluation usually call one loss on two lines; of these the first is the training's. A loss put
    together from several functions (reconstruction and divergence, real and fake), or from several calls of one (a sum
    over time steps, or over all batches), has no constant guess that could be computed from the calls.
    """
    calls, passes = run.facts(Loss), run.fact(Passes)
    if not calls or calls[0].function is None:
        return None
    if passes is not None and passes.used > 1 and not run.has(signals.LOSS_CALL):
        return None  # a step calls it for each of several forward passes
    if len({(call.function, call.reduction) for call in calls}) > 1:
        return None
    same = [call for call in calls if (call.file, call.line) == (calls[0].file, calls[0].line)]
    if len(same) < len(calls) and not run.has(signals.LOSS_CALL):
        return None  # a step calls it on both lines
    return same[-1]


def constant_guess(loss: Loss, *, batch: float) -> float | None:
    """Loss of the best guess that ignores the inputs.

    Cross-entropy: the entropy of the class counts, with the correction of Miller and Madow for their sampling,
    :math:`(K - 1) / 2N`. Binary: the entropy of the mean target. Squared error: the variance of the targets. Absolute
    error: their standard deviation, an upper bound of the mean absolute one.

    Args:
        loss: What is known of the loss; its reduction ``sum`` multiplies the guess by the elements summed over.
        batch: Examples in a batch, for the reduction ``sum``.

    Returns:
        The loss, or None where it is not known: another function, no statistics of the targets, or nothing to guess.
    """
    guess = _guess_of_one(loss)
    if guess is None or not guess > 0 or not math.isfinite(guess):
        return None
    return guess * _elements(loss, batch)


def untrained_loss(loss: Loss, *, batch: float) -> float | None:
    """Loss that a network gives whose outputs are near zero: all classes equally likely, all values zero.

    Cross-entropy over C classes, from logits or from logarithms of probabilities: ln C. Binary: ln 2. Squared error:
    the second moment of the targets.
    """
    value = None
    logarithms = loss.function == "nll_loss" and loss.output.operation == "LogSoftmax"
    classes, target = loss.classes.number or 0, loss.target
    if (loss.function == "cross_entropy" or logarithms) and classes > 1:
        value = math.log(classes)
    elif loss.function in BINARY and not loss.weighted:
        value = math.log(2.0)
    elif loss.function in SQUARED and target.variance is not None and target.mean is not None:
        value = target.variance + target.mean**2
    return value * _elements(loss, batch) if value else None


def _guess_of_one(loss: Loss) -> float | None:
    if loss.weighted:
        return None
    if loss.function in CLASSES and sum(loss.classes.counts) > 0:
        return _entropy(loss.classes.counts)
    mean, variance = loss.target.mean, loss.target.variance
    if loss.function in BINARY and mean is not None and 0.0 < mean < 1.0:
        return _entropy((mean, 1.0 - mean), sampled=False)
    if loss.function in SQUARED:
        return variance
    if loss.function == "l1_loss" and variance is not None:
        return math.sqrt(variance)
    return None


def _entropy(counts: Sequence[float], *, sampled: bool = True) -> float:
    array = np.array([count for count in counts if count > 0], dtype=np.float64)
    total = array.sum()
    shares = array / total
    return float(-(shares * np.log(shares)).sum()) + ((len(array) - 1) / (2 * total) if sampled else 0.0)


def _elements(loss: Loss, batch: float) -> float:
    """Elements that the reduction sums over."""
    if loss.reduction != "sum":
        return 1.0
    shape = loss.output.shape if loss.target.type == "real" else loss.target.shape
    return batch * float(np.prod(shape[1:])) if shape else batch


def seen_late(run: Run, steps: NDArray[np.int64], *, share: float = LATE) -> bool:
    """Whether samples at these steps reach beyond a share of the training; on a loaded machine all may be early."""
    losses = run.series(signals.LOSS).steps
    return len(steps) > 0 and (not len(losses) or bool(steps[-1] >= share * losses[-1]))


IN_A_GAME = "the run holds several trainings, whose losses may depend on each other"
"""Why a rule that compares losses is not evaluated then."""


def in_a_game(run: Run) -> bool:
    """Whether several trainings go on in one run, as in a GAN: then a loss may rise because another one learns."""
    return run.several


def optimizer_place(run: Run) -> Where:
    """Where the user's code constructs the optimizer, as far as it is known."""
    optimizer = run.fact(Optimizer)
    return Where(file=optimizer.file, line=optimizer.line) if optimizer else Where()


@dataclass(frozen=True)
class Learning:
    """How far a training got.

    Attributes:
        curve: The training loss.
        chance: Loss of the best constant guess; None where it is not known, or not what the curve starts from.
        accuracy: Training accuracy over the last tenth; None where there are no classes.
        commonest: Share of the commonest class, which the best constant guess gets right; 0 where there are no classes.
    """

    curve: Curve
    chance: float | None
    accuracy: float | None
    commonest: float = 0.0

    @classmethod
    def of(cls, run: Run) -> Learning:
        """The learning of a run that holds at least one finite loss."""
        return run.once(cls, lambda: cls._of(run))

    @classmethod
    def _of(cls, run: Run) -> Learning:
        curve = Curve.of(run.series(signals.LOSS))
        accuracy = run.series(signals.ACCURACY).finite()
        late = _accuracy(run, accuracy) if seen_late(run, accuracy.steps) else None
        early = float(np.median(accuracy.values[:5])) if len(accuracy) else None
        loss = single_loss(run)
        chance = _chance(run, loss, curve.start, early) if loss else None
        return cls(curve, chance, late, _commonest(loss) if loss else 0.0)

    @cached_property
    def pretrained(self) -> bool:
        """Whether the start lies so far below the constant guess that something was learnt before.

        Also true where the loss was divided by a constant, as for gradient accumulation: in both cases the curve cannot
        be measured against the guess. Three standard errors of the start must not reach up to it, for losses of single
        examples scatter more widely than their mean is large.
        """
        if self.chance is None:
            return False
        doubt = 3.0 * self.curve.start_noise / 5.0**0.5
        return self.curve.start + min(doubt, 0.5 * self.chance) < PRETRAINED * self.chance

    @cached_property
    def reference(self) -> float:
        """What learning is measured from: the constant guess, or the start of the curve where that is not known."""
        if self.chance is None or self.pretrained:
            return self.curve.start
        return self.chance

    @cached_property
    def remaining(self) -> float:
        """The loss at the end as a share of the reference: 1 nothing learnt, 0 all; NaN for losses below zero."""
        if self.reference <= 0 or self.curve.values.min() < -1e-3 * self.curve.scale:
            return float("nan")
        return self.curve.end.value / self.reference

    @cached_property
    def outcome(self) -> Outcome:
        """How learning ended.

        none: the end is not below the constant guess (or the start) by a twentieth and by more than noise explains.
        good: less than a fifth of the reference remains, or nine of ten training examples are classified rightly, and
        half of those that the commonest class alone gets wrong, at a loss that is not above the guess.
        """
        wrong = 1.0 if self.accuracy is None else 1.0 - self.accuracy
        if wrong <= 0.1 and wrong <= 0.5 * (1.0 - self.commonest) and not self.remaining > 1.0:
            return "good"
        margin = self.reference - self.curve.end.value
        certain = margin > 3.0 * self.curve.end.error
        if math.isnan(self.remaining):
            return "partial" if self.curve.falls_surely else "none"
        if not certain or margin < 0.05 * self.reference:
            return "none"
        return "good" if self.remaining < 0.2 else "partial"


def _accuracy(run: Run, accuracy: Series) -> float | None:
    """Accuracy at the end, over enough examples to be no chance; None where late samples hold fewer."""
    curve, sizes = Curve.of(accuracy), run.series(signals.BATCH_SIZE).finite().values
    each = float(np.median(sizes)) if len(sizes) else math.inf
    tail = max(len(curve.within(0.9, 1.0)), 5)
    if tail * each >= TOLD:
        return curve.end.value
    late = curve.values[curve.share >= LATE][-math.ceil(TOLD / each) :]
    return float(late.mean()) if len(late) * each >= TOLD else None


def _commonest(loss: Loss) -> float:
    """Share of the commonest class, or of the commoner one of zeros and ones."""
    counts, target = loss.classes.counts, loss.target
    if sum(counts):
        return max(counts) / sum(counts)
    if loss.function in BINARY and target.distinct == 2 and target.mean is not None:
        return max(target.mean, 1.0 - target.mean)
    return 0.0


def _chance(run: Run, loss: Loss, start: float, accuracy: float | None) -> float | None:
    """The constant guess in the unit of the recorded loss, as far as that can be told.

    What is differentiated may be the loss times a constant. A start near the guess times the batch size tells of a sum;
    a start far below the guess, with no more examples right than the commonest class has, of an unknown constant, so
    that the untrained start itself is the guess.
    """
    batch = batch_size(run, loss)
    chance = constant_guess(loss, batch=batch)
    if chance is None:
        return None
    if loss.reduction != "sum" and batch >= 4 and abs(start / (chance * batch) - 1.0) < 0.25:
        return chance * batch
    commonest = _commonest(loss)
    if start < PRETRAINED * chance and accuracy is not None and accuracy < commonest + 0.5 * (1.0 - commonest):
        return start
    return chance


def batch_size(run: Run, loss: Loss | None = None) -> float:
    """Examples in a typical batch; 1 where it is not known."""
    sizes = run.series(signals.BATCH_SIZE).finite()
    if len(sizes):
        return float(np.median(sizes.values))
    return float(loss.target.shape[0]) if loss and loss.target.shape else 1.0


def expected_start(run: Run) -> tuple[float, float, str] | None:
    """The loss expected before training, three standard errors of its measurement, and the formula; None if unknown."""
    known = run.fact(InitialLoss)
    if known is not None:
        return known.expected, known.tolerance, known.formula
    loss = single_loss(run)
    if loss is None or loss.reduction == "none":  # what the program makes of the elements is its own affair
        return None
    batch = batch_size(run, loss)
    value = untrained_loss(loss, batch=batch)
    if value is None:
        return None
    # One batch: the loss of single examples scatters about as widely as its own size.
    formula = {"mse_loss": "mean square of the targets", **dict.fromkeys(CLASSES, f"ln C, C = {loss.classes.number}")}
    return value, 3.0 * value / math.sqrt(max(batch, 1.0)), formula.get(loss.function or "", "ln 2")
