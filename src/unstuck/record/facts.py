"""What is known of a training besides its signals: its parts, and what happened to it.

A fact is a frozen dataclass of plain values. A run stores any number of each kind, in the order in which they became
known; a later fact of a kind that is stated once (the model, the optimizer) supersedes the earlier ones. Readers ignore
fields that they do not know and fill missing ones with defaults, so that facts may grow without a new schema.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

from unstuck.record.course import Cost, Data, End, Environment, Event, Recipe, Training, Unread
from unstuck.record.dropping import Dropping
from unstuck.record.fact import Fact
from unstuck.record.reach import Ran, Stranger, Strangers
from unstuck.record.supply import Association, EvaluatedAssociation, Loader, Shift
from unstuck.record.wiring import (
    Connection,
    Contraction,
    Detachment,
    Draw,
    Normalisation,
    Recurrence,
    Reinterpretation,
    Wiring,
)

__all__ = [
    "KINDS",
    "Association",
    "BatchMixing",
    "Broadcast",
    "Connection",
    "Contraction",
    "Cost",
    "CustomFunction",
    "Data",
    "Detachment",
    "Draw",
    "Dropping",
    "End",
    "Environment",
    "EvaluatedAssociation",
    "Event",
    "Fact",
    "Graph",
    "InitialLoss",
    "Inputs",
    "Layer",
    "Loader",
    "Loss",
    "Model",
    "Modes",
    "NonFinite",
    "Normalisation",
    "Optimizer",
    "Overlap",
    "Parameter",
    "ParameterGroup",
    "Ran",
    "Recipe",
    "Recurrence",
    "Reinterpretation",
    "Schedule",
    "Shift",
    "Softmax",
    "Stranger",
    "Strangers",
    "Training",
    "Unread",
    "Wiring",
]

Role = Literal["weight", "bias", "norm", "embedding", "other"]


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A leaf module of a model.

    Attributes:
        path: Its path, ``"features.3"``.
        type: Its class name, ``"Conv2d"``.
        description: Its ``repr``, shortened.
    """

    path: str
    type: str
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A parameter tensor.

    Attributes:
        name: Its name, ``"features.3.weight"``.
        shape: Its shape.
        role: weight, bias, norm (scale or shift of a normalisation), embedding, or other.
        trainable: Whether it asks for a gradient.
        optimized: Whether an optimizer holds it.
        fresh: Whether its values look as an initialiser draws them, not learnt; None where that cannot be told.
    """

    name: str
    shape: tuple[int, ...]
    role: Role = "other"
    trainable: bool = True
    optimized: bool = True
    fresh: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Model(Fact):
    """The model, as it stood when training began."""

    kind = "model"
    missing = "no model was seen"
    type: str
    layers: tuple[Layer, ...] = ()
    parameters: tuple[Parameter, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ParameterGroup:
    """A parameter group of an optimizer; None where the method has no such constant."""

    parameters: int
    learning_rate: float | None = None
    weight_decay: float | None = None
    momentum: float | None = None
    betas: tuple[float, ...] | None = None
    epsilon: float | None = None
    initial_rate: float | None = None  #: the rate that a schedule starts from or leads up to


@dataclass(frozen=True, kw_only=True)
class Optimizer(Fact):
    """The optimizer, as it stood at its first step, and where the user's code constructs it or steps it."""

    kind = "optimizer"
    missing = "no optimizer was seen"
    type: str
    groups: tuple[ParameterGroup, ...] = ()
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class Schedule(Fact):
    """A learning-rate schedule that was seen.

    Attributes:
        type: Its class name.
        per: How often it is stepped.
        steps: Times that it was stepped so far.
        updates: Optimizer updates made so far.
        before_update: Whether it was stepped before the first update.
        base_rate: The rate that it starts from or leads up to: the highest of the groups' max_lr or initial_lr.
        stale: Of a schedule that waits for a plateau: its latest steps that its metric did not improve in, in its eyes.
        file: Where the user's code steps it.
        line: The line of that call.
    """

    kind = "schedule"
    type: str
    per: Literal["step", "epoch", "unknown"] = "unknown"
    steps: int = 0
    updates: int = 0
    before_update: bool = False
    base_rate: float | None = None
    stale: int = 0
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class Loss(Fact):
    """A call of the loss function.

    Attributes:
        function: Its name in torch.nn.functional, ``"cross_entropy"``, or ``"hinge_loss"`` and
            ``"squared_hinge_loss"``, which users write out; None where only its value was seen.
        reduction: mean, sum or none.
        output_shape: Shape of its first argument.
        target_shape: Shape of its second argument.
        target_type: ``"class"`` for integer ids, ``"real"`` for floating-point values.
        classes: Number of classes where it is a classification.
        class_counts: How often each class was among the targets seen so far.
        class_recalls: Share of each class's examples told rightly in the last part of the training, NaN without any;
            of binary targets, of zeros and of ones.
        class_weights: Examples that each of these shares rests on, fading ones counted in part.
        target_mean: Mean of real targets seen so far.
        target_variance: Variance of real targets seen so far.
        target_minimum: Smallest target seen so far.
        target_maximum: Greatest target seen so far.
        target_distinct: Distinct values among the targets, at most 17, where more than 16 count as 17.
        target_integers: Whether all real targets seen so far are whole numbers.
        target_row_sums: Smallest and greatest sum of a row of real targets of shape (N, C), C > 1.
        output_minimum: Smallest output seen so far.
        output_maximum: Greatest output seen so far.
        output_op: The operation that made the outputs, past reshapes, as autograd names it without "Backward":
            "Addmm", "Softmax", "LogSoftmax", "Sigmoid", "Relu", "Tanh"; empty where unknown.
        output_op_axis: The axis of that softmax, counted from 0.
        output_op_shape: Shape of that softmax's result, which views may have given another one since.
        output_class_axis: The axis of that softmax's result that a loss over classes takes for the classes, past what
            moved it; None where that cannot be told.
        output_transposed: Whether axes were exchanged between that operation and the loss.
        weighted: Whether class weights, positive weights or sample weights were given.
        label_smoothing: Smoothing that was asked for.
        file: The user's file that calls it.
        line: The line of that call.
    """

    kind = "loss"
    missing = "no loss function was recognised"
    function: str | None
    reduction: str = "mean"
    output_shape: tuple[int, ...] = ()
    target_shape: tuple[int, ...] = ()
    target_type: Literal["class", "real", "none"] = "none"
    classes: int | None = None
    class_counts: tuple[int, ...] = ()
    class_recalls: tuple[float, ...] = ()
    class_weights: tuple[float, ...] = ()
    target_mean: float | None = None
    target_variance: float | None = None
    target_minimum: float | None = None
    target_maximum: float | None = None
    target_distinct: int | None = None
    target_integers: bool | None = None
    target_row_sums: tuple[float, ...] | None = None
    output_minimum: float | None = None
    output_maximum: float | None = None
    output_op: str = ""
    output_op_axis: int | None = None
    output_op_shape: tuple[int, ...] = ()
    output_class_axis: int | None = None
    output_transposed: bool = False
    weighted: bool = False
    label_smoothing: float = 0.0
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class CustomFunction:
    """A ``torch.autograd.Function`` of the user, with what a numerical check of its backward pass said.

    Attributes:
        name: Its class name.
        relative_error: |analytic - numerical| / max of both, along a fixed direction; None where it was not checked.
        numerical_zero: Whether the numerical derivative vanishes, as of a step function with a straight-through one.
        identity: Whether its forward pass returns its input, as a gradient reversal does.
        file: Where its backward pass is defined.
        line: The line of that definition.
    """

    name: str
    relative_error: float | None = None
    numerical_zero: bool = False
    identity: bool = False
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class Graph(Fact):
    """The autograd graph of a loss, walked before its backward pass.

    Attributes:
        step: The training step.
        reached: Trainable parameters that the loss depends on.
        unreached: Trainable parameters that it does not.
        operations: Distinct operations from the loss back to the parameters, nearest the loss first, at most 64.
        custom_functions: The user's own autograd functions in it.
        file: The line that called backward: its file.
        line: The line that called backward.
    """

    kind = "graph"
    missing = "no loss's graph was seen"
    step: int
    reached: tuple[str, ...] = ()
    unreached: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    custom_functions: tuple[CustomFunction, ...] = ()
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class Modes(Fact):
    """How many modules that behave differently in training and evaluation are in which mode; stated when it changes.

    Attributes:
        step: Updates made.
        phase: training: a forward pass that a backward pass followed; evaluation: one without gradients.
        norms_training: Batch norms (with running statistics) in training mode.
        norms_evaluating: Batch norms in evaluation mode.
        dropouts_training: Dropouts (p > 0) in training mode.
        dropouts_evaluating: Dropouts in evaluation mode.
        frozen_norms: Batch norms in evaluation mode whose own parameters are frozen too, as in a frozen backbone.
        unmoved_norms: Batch norms in evaluation mode whose running statistics are those they were made with.
        model_training: Whether the model itself is in training mode.
    """

    kind = "modes"
    missing = "the model has neither batch norm nor dropout"
    step: int
    phase: Literal["training", "evaluation"]
    norms_training: int = 0
    norms_evaluating: int = 0
    dropouts_training: int = 0
    dropouts_evaluating: int = 0
    frozen_norms: int = 0
    unmoved_norms: int = 0
    model_training: bool = True


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
class Passes(Fact):
    """Passes that training made before its first updates, 50 at most.

    Attributes:
        updates: Those updates.
        forward: Batches that entered the model, with gradients.
        backward: Backward passes that reached its parameters.
        lost: Backward passes whose gradients were cleared before any update used them.
        used: Forward passes of which a loss was made, the most of any loss that was looked at.
        unmoved: Whether there was no update, and no weight has changed either.
    """

    kind = "passes"
    missing = "the training was cut off"
    updates: int
    forward: int
    backward: int
    lost: int = 0
    used: int = 0
    unmoved: bool = False


@dataclass(frozen=True, kw_only=True)
class Overlap(Fact):
    """Examples of evaluations that were also met in training, among the batches that were sampled of both.

    Attributes:
        evaluated: Distinct examples of evaluations, without those that evaluate the training set itself.
        seen_in_training: How many of them training had.
        trained: Distinct examples of training.
        purpose: What the user's names say that the evaluation is for: training, validation, or empty.
        file: The line that says it, or that evaluates: its file.
        line: The line that says it, or that evaluates.
    """

    kind = "overlap"
    missing = "no evaluation was seen whose examples could be recognised"
    evaluated: int
    seen_in_training: int
    trained: int
    purpose: Literal["training", "validation", ""] = ""
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class Softmax(Fact):
    """A softmax in the forward pass: its axis, its shape, and whether it is over the output of the model."""

    kind = "softmax"
    where: str
    axis: int
    shape: tuple[int, ...]
    of_output: bool = False
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class BatchMixing(Fact):
    """Whether one example's output depends on the other examples of its batch, by an extra backward pass.

    Attributes:
        step: The training step.
        share: Norm of the gradient of the first example's output with respect to the other examples' first activations,
            over that with respect to all.
        where: First module whose output mixes examples; empty where unknown.
    """

    kind = "batch_mixing"
    step: int
    share: float
    where: str = ""


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
class Inputs(Fact):
    """What the model takes in, by feature over the batches seen so far (channels for images, columns for tables).

    Attributes:
        shape: Shape of one batch.
        kind_of: image (N, C, H, W), table (N, F), sequence (N, T, F), or ids for integers.
        examples: Examples seen.
        minimum: Smallest value.
        maximum: Largest value.
        feature_means: Mean of each feature (at most 4,096 of them).
        feature_stds: Standard deviation of each feature.
        first_layer: Root mean square of what reaches the first layer with weights, where it is as many values as the
            batch, changed on the way or not; None where that was not seen.
        levels: Distinct values of the feature that has most of them, among the first thousand of a batch.
        correlated: Greatest eigenvalue of the correlations between the features over the median one: 1 for independent
            features; of tables of 3 to 128 features alone.
    """

    kind = "inputs"
    missing = "no batch was seen to enter the model"
    shape: tuple[int, ...]
    kind_of: Literal["image", "table", "sequence", "ids", "other"]
    examples: int
    minimum: float
    maximum: float
    feature_means: tuple[float, ...] = ()
    feature_stds: tuple[float, ...] = ()
    first_layer: float | None = None
    levels: int | None = None
    correlated: float | None = None


@dataclass(frozen=True, kw_only=True)
class NonFinite(Fact):
    """The first NaN or infinity that was seen.

    Attributes:
        step: The training step.
        what: input, target, activation, loss, gradient or weight.
        where: Module, parameter or function that produced it first; empty where unknown.
        count: Non-finite values in it.
        examples: Rows of the batch that hold them, at most 16.
        suspects: Functions in the loss whose slope is infinite at the edge of their range, where a backward pass made
            weights of a finite loss non-finite.
        file: The line that calls the function, or the first suspect: its file.
        line: That line.
    """

    kind = "non_finite"
    step: int
    what: Literal["input", "target", "activation", "loss", "gradient", "weight"]
    where: str = ""
    count: int = 0
    examples: tuple[int, ...] = ()
    suspects: tuple[str, ...] = ()
    file: str | None = None
    line: int | None = None


FactT = TypeVar("FactT", bound=Fact)

KINDS: dict[str, type[Fact]] = {
    value.kind: value
    for value in list(globals().values())
    if isinstance(value, type) and issubclass(value, Fact) and value is not Fact
}
"""Every fact class by its kind."""
