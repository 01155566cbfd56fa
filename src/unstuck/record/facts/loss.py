"""Facts about the loss: the function that is called, what it is given, and its value before training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from unstuck.record.facts.fact import Fact

__all__ = [
    "OFFSETS",
    "Broadcast",
    "InitialLoss",
    "LateLoss",
    "Loss",
    "LossClasses",
    "LossOutput",
    "LossTarget",
    "LossTerm",
    "LossTerms",
    "OutputReach",
    "OutputSoftmax",
    "SummedExamples",
    "TargetOffset",
    "TargetOutputs",
]


@dataclass(frozen=True, kw_only=True)
class OutputSoftmax:
    """The softmax or log-softmax that made the outputs.

    Attributes:
        axis: The axis that it was taken over, counted from 0.
        shape: Shape of its result, which views may have given another one since.
        class_axis: The axis of its result that a loss over classes takes for the classes, past what moved it; None if
            that is not known.
    """

    axis: int
    shape: tuple[int, ...]
    class_axis: int | None = None


@dataclass(frozen=True, kw_only=True)
class OutputReach:
    """What the activation that made the outputs can give, past the constants that multiply it.

    Attributes:
        operation: The activation, as autograd names it without "Backward".
        lowest: Nothing below it is given; None where that has no bound.
        highest: Nothing above it is given; None where that has no bound.
        slope: Of a leaky rectifier its slope below ``lowest``, where values are squeezed and not cut off.
    """

    operation: str
    lowest: float | None = None
    highest: float | None = None
    slope: float | None = None


@dataclass(frozen=True, kw_only=True)
class LossOutput:
    """What a loss is given first: the outputs of the model.

    Attributes:
        shape: Their shape.
        minimum: Smallest one seen so far.
        maximum: Greatest one seen so far.
        operation: The operation that made them, past reshapes, as autograd names it without "Backward": "Addmm",
            "Softmax", "LogSoftmax", "Sigmoid", "Relu", "Tanh"; empty where unknown.
        softmax: Axes and shape, where that operation is a softmax or a log-softmax; None where they are not known.
        transposed: Whether axes were exchanged between that operation and the loss.
        reach: What they can be, whatever the weights are; None where that has no bound, or is not known.
        layer: The layer, or the parameter, whose weights are nearest to them: their head; empty where unknown.
        clamped_off: Where they are clamped, or a logarithm of what is clamped: the largest share of the values before
            the clamp that was seen outside of 0 to 1. None where nothing is clamped.
    """

    shape: tuple[int, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    operation: str = ""
    softmax: OutputSoftmax | None = None
    transposed: bool = False
    reach: OutputReach | None = None
    layer: str = ""
    clamped_off: float | None = None


@dataclass(frozen=True, kw_only=True)
class TargetOutputs:
    r"""Real targets output by output, over the examples seen, late ones weighing more.

    An output is one number of an example's target, such as a pixel; of a distribution over classes, all of it.

    Attributes:
        outputs: Numbers of one target, of which at most 1,024 are looked at.
        examples: Examples that each output's mean rests on, weighted.
        variance: Mean over outputs of the variance over examples: the squared error of the best constants.
        deviation: Error of the best constants where the loss is ``l1_loss``, or ``huber_loss`` and ``smooth_l1_loss``
            (half a square up to their width, then linear); None for other losses.
        mean_entropy: Entropy of each output's mean target, in nats, the mean over outputs: the cross-entropy of the
            best constants. None where targets are no probabilities.
        entropy: Mean entropy of the targets themselves, below which no cross-entropy falls; None where they are none.
    """

    outputs: int
    examples: float
    variance: float
    deviation: float | None = None
    mean_entropy: float | None = None
    entropy: float | None = None


@dataclass(frozen=True, kw_only=True)
class LateLoss:
    """What the calls of a loss returned late in the training: a mean in which the n-th sampled call weighs as n cubed.

    Attributes:
        value: The mean of the finite ones, each the mean over what a call returned.
        error: Its standard error.
        samples: Calls that it rests on, weighted.
    """

    value: float
    error: float
    samples: float


@dataclass(frozen=True, kw_only=True)
class LossTarget:
    """What a loss is given second: the targets.

    Attributes:
        shape: Their shape.
        type: ``"class"`` for integer ids, ``"real"`` for floating-point values.
        mean: Mean of real targets seen so far.
        variance: Variance of real targets seen so far.
        minimum: Smallest target seen so far.
        maximum: Greatest target seen so far.
        distinct: Distinct values among the targets, at most 17, where more than 16 count as 17.
        integers: Whether all real targets seen so far are whole numbers.
        row_sums: Smallest and greatest sum of a row of real targets of shape (N, C), C > 1.
        each: Real targets output by output; None where outputs differ from batch to batch in number.
    """

    shape: tuple[int, ...] = ()
    type: Literal["class", "real", "none"] = "none"
    mean: float | None = None
    variance: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    distinct: int | None = None
    integers: bool | None = None
    row_sums: tuple[float, ...] | None = None
    each: TargetOutputs | None = None


@dataclass(frozen=True, kw_only=True)
class LossClasses:
    """The classes of a classification, and how well each is told from the others.

    Attributes:
        number: How many classes there are; None where it is no classification by ids.
        counts: How often each class was among the targets seen so far.
        recalls: Share of each class's examples that were classified rightly in the last part of the training, NaN
            without any; of binary targets, of zeros and of ones.
        recall_examples: Examples that each of these shares rests on, fading ones counted in part.
        weights: Weight of each class in the loss; empty where all weigh the same.
    """

    number: int | None = None
    counts: tuple[int, ...] = ()
    recalls: tuple[float, ...] = ()
    recall_examples: tuple[float, ...] = ()
    weights: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Loss(Fact):
    """A call of the loss function.

    Attributes:
        function: Its name in torch.nn.functional, ``"cross_entropy"``, or ``"hinge_loss"`` and
            ``"squared_hinge_loss"``, which users write out; None where only its value was seen.
        reduction: mean, sum or none.
        weighted: Whether class weights, positive weights or sample weights were given.
        label_smoothing: Smoothing that was asked for.
        output: What it is given first.
        target: What it is given second.
        classes: Of a classification, its classes.
        late: What it returned late in the training; None where that was not seen.
        file: The user's file that calls it.
        line: The line of that call.
        column: The column at which it begins, which tells two calls on one line apart; None where that is not known.
    """

    kind = "loss"
    missing = "no loss function was recognised"
    function: str | None
    reduction: str = "mean"
    weighted: bool = False
    label_smoothing: float = 0.0
    output: LossOutput = LossOutput()
    target: LossTarget = LossTarget()
    classes: LossClasses = LossClasses()
    late: LateLoss | None = None
    file: str | None = None
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, kw_only=True)
class Broadcast(Fact):
    """Two tensors of different shape that met in the loss and broadcast to a larger one."""

    kind = "broadcast"
    step: int
    first: tuple[int, ...]
    second: tuple[int, ...]
    result: tuple[int, ...]
    function: str = ""
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class InitialLoss(Fact):
    """The loss before the first update, against what it should be.

    Attributes:
        value: The loss measured.
        expected: What an untrained network of the right scale gives: ln C, the entropy of the labels, the variance.
        tolerance: Standard error of the measurement from sampling, times the number of standard errors allowed.
        formula: Where the expectation comes from, ``"ln C, C = 10"``.
        examples: Examples that it was measured on.
    """

    kind = "initial_loss"
    value: float
    expected: float
    tolerance: float
    formula: str
    examples: int


@dataclass(frozen=True, kw_only=True)
class LossTerm:
    """A term of a sum that is differentiated; of several that one call gives, their sum.

    Attributes:
        value: Its value before constants multiply it.
        weighted: Its value as it is added.
        function: The loss that it is, or the sum or mean of the elements of, ``"mse_loss"``; empty where it is no loss
            that is known.
        operation: The call that gave it, ``"sum"``.
        shape: Shape of what sums and means have made one number of; empty where none have, or it is not known.
        summed: How many of its elements one entry of what is averaged adds up: 8 in a sum over 8 entries of each
            example, with the mean over examples; 1 in a mean over all, all in a sum.
        share: What each of these elements is multiplied by: 1 in a sum, one over their number in a mean; None where
            that is not known.
        file: The user's file that calls the loss, or that makes this call.
        line: The line of that call.
        column: The column at which it begins; None where that is not known.
    """

    value: float
    weighted: float
    function: str = ""
    operation: str = ""
    shape: tuple[int, ...] = ()
    summed: int = 1
    share: float | None = None
    file: str | None = None
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, kw_only=True)
class LossTerms(Fact):
    """The terms that the loss of a step adds up, two at least."""

    kind = "loss_terms"
    missing = "the loss is no sum of several terms"
    step: int
    terms: tuple[LossTerm, ...]


@dataclass(frozen=True, kw_only=True)
class SummedExamples(Fact):
    """A sum over all examples of a batch, which is added to the loss of each before their mean is taken.

    Attributes:
        step: Updates made.
        examples: Examples of the batch.
        weight: What it weighs in that mean, over a sum for each example.
        file: The user's file that takes the sum.
        line: The line of that.
    """

    kind = "summed_examples"
    missing = "no sum over a batch was added to the losses of its examples"
    special = True
    step: int
    examples: int
    weight: float
    file: str | None = None
    line: int | None = None


OFFSETS = (-1, 0, 1, 2, 3, 4)
"""Offsets at which targets are compared with the inputs of a sequence."""


@dataclass(frozen=True, kw_only=True)
class TargetOffset(Fact):
    """Where in its own input the target of a position stands, by one loss of a model of sequences of ids.

    Attributes:
        shares: At each of :data:`OFFSETS`, the share of positions whose target is the input so many positions later.
        positions: Positions that were compared at the offset with the greatest share.
        dropped: Positions of each sequence of outputs that were left out of the loss.
        file: The user's file that calls the loss.
        line: The line of that call.
    """

    kind = "target_offset"
    missing = "no loss asks for a class at each position of a sequence of ids"
    shares: tuple[float, ...]
    positions: int
    dropped: int = 0
    file: str | None = None
    line: int | None = None

    def asks(self, *, within: float) -> tuple[int, ...]:
        """The offsets at which all targets but a share stand in the input.

        Examples:
            >>> TargetOffset(shares=(0.1, 0.1, 1.0, 0.1, 0.2, 0.1), positions=900).asks(within=0.02)
            (1,)
        """
        return tuple(at for at, share in zip(OFFSETS, self.shares, strict=True) if share >= 1.0 - within)
