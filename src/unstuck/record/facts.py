"""What is known of a training besides its signals: its parts, and what happened to it.

A fact is a frozen dataclass of plain values. A run stores any number of each kind, in the order in which they became
known; a later fact of a kind that is stated once (the model, the optimizer) supersedes the earlier ones. Readers ignore
fields that they do not know and fill missing ones with defaults, so that facts may grow without a new schema.
"""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from typing import Any, ClassVar, Literal, TypeVar

__all__ = [
    "KINDS",
    "Cost",
    "Data",
    "End",
    "Environment",
    "Event",
    "Fact",
    "InitialLoss",
    "Inputs",
    "Layer",
    "Loss",
    "Model",
    "NonFinite",
    "Optimizer",
    "Parameter",
    "ParameterGroup",
    "Recipe",
    "Schedule",
    "Training",
]

Role = Literal["weight", "bias", "norm", "embedding", "other"]


@dataclass(frozen=True, kw_only=True)
class Fact:
    """Base of all facts; ``kind`` is the name under which a run stores them."""

    kind: ClassVar[str]


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
    """

    name: str
    shape: tuple[int, ...]
    role: Role = "other"
    trainable: bool = True
    optimized: bool = True


@dataclass(frozen=True, kw_only=True)
class Model(Fact):
    """The model, as it stood when training began."""

    kind = "model"
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


@dataclass(frozen=True, kw_only=True)
class Optimizer(Fact):
    """The optimizer, as it stood at its first step, and where the user's code constructs it or steps it."""

    kind = "optimizer"
    type: str
    groups: tuple[ParameterGroup, ...] = ()
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class Schedule(Fact):
    """A learning-rate schedule that was seen; ``per`` says how often it is stepped."""

    kind = "schedule"
    type: str
    per: Literal["step", "epoch", "unknown"] = "unknown"


@dataclass(frozen=True, kw_only=True)
class Loss(Fact):
    """A call of the loss function.

    Attributes:
        function: Its name in torch.nn.functional, ``"cross_entropy"``; None where only its value was seen.
        reduction: mean, sum or none.
        output_shape: Shape of its first argument.
        target_shape: Shape of its second argument.
        target_type: ``"class"`` for integer ids, ``"real"`` for floating-point values.
        classes: Number of classes where it is a classification.
        class_counts: How often each class was among the targets seen so far.
        target_mean: Mean of real targets seen so far.
        target_variance: Variance of real targets seen so far.
        file: The user's file that calls it.
        line: The line of that call.
    """

    kind = "loss"
    function: str | None
    reduction: str = "mean"
    output_shape: tuple[int, ...] = ()
    target_shape: tuple[int, ...] = ()
    target_type: Literal["class", "real", "none"] = "none"
    classes: int | None = None
    class_counts: tuple[int, ...] = ()
    target_mean: float | None = None
    target_variance: float | None = None
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
    """

    kind = "inputs"
    shape: tuple[int, ...]
    kind_of: Literal["image", "table", "sequence", "ids", "other"]
    examples: int
    minimum: float
    maximum: float
    feature_means: tuple[float, ...] = ()
    feature_stds: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Data(Fact):
    """A data set that unstuck itself loaded."""

    kind = "data"
    name: str
    task: Literal["classification", "regression"]
    train: int
    validation: int
    test: int
    features: tuple[int, ...] = ()
    classes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Training(Fact):
    """How long training was meant to be, as far as it is known."""

    kind = "training"
    epochs: int | None = None
    steps_per_epoch: int | None = None
    patience: int | None = None


@dataclass(frozen=True, kw_only=True)
class NonFinite(Fact):
    """The first NaN or infinity that was seen.

    Attributes:
        step: The training step.
        what: input, target, activation, loss, gradient or weight.
        where: Module or parameter that produced it first; empty where unknown.
        count: Non-finite values in it.
        examples: Rows of the batch that hold them, at most 16.
    """

    kind = "non_finite"
    step: int
    what: Literal["input", "target", "activation", "loss", "gradient", "weight"]
    where: str = ""
    count: int = 0
    examples: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Event(Fact):
    """Something that happened at a step, in words: ``"the optimizer skipped a step"``."""

    kind = "event"
    step: int
    what: str


@dataclass(frozen=True, kw_only=True)
class End(Fact):
    """How training ended.

    Attributes:
        reason: completed, early stopping, diverged, interrupted (Ctrl-C) or crashed.
        steps: Optimizer updates made.
        message: The error of a crash, in one line.
    """

    kind = "end"
    reason: Literal["completed", "early stopping", "diverged", "interrupted", "crashed"]
    steps: int
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class Cost(Fact):
    """What observing cost."""

    kind = "cost"
    seconds: float
    training_seconds: float
    sampled_steps: int
    steps: int


@dataclass(frozen=True, kw_only=True)
class Environment(Fact):
    """The machine and the releases."""

    kind = "environment"
    unstuck: str
    python: str
    torch: str = ""
    device: str = ""
    platform: str = ""


@dataclass(frozen=True, kw_only=True)
class Recipe(Fact):
    """The recipe of a training, as TOML; empty where a script or the user's own loop was observed."""

    kind = "recipe"
    text: str = field(default="")


FactT = TypeVar("FactT", bound=Fact)

KINDS: dict[str, type[Fact]] = {
    value.kind: value
    for value in list(globals().values())
    if isinstance(value, type) and issubclass(value, Fact) and value is not Fact
}
"""Every fact class by its kind."""


def from_plain(cls: type[FactT], values: dict[str, Any]) -> FactT:
    """Rebuild a fact from the JSON values of :func:`dataclasses.asdict`.

    Args:
        cls: The class of the fact.
        values: Its fields; unknown ones are ignored, missing ones take their default.

    Returns:
        The fact, with lists turned back into tuples and mappings into their dataclasses.
    """
    return _build(cls, values)


@cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _build(cls: Any, values: dict[str, Any]) -> Any:
    hints = _hints(cls)
    return cls(**{f.name: _convert(hints[f.name], values[f.name]) for f in fields(cls) if f.name in values})


def _convert(hint: Any, value: Any) -> Any:
    if isinstance(value, list):
        for option in typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,):
            if typing.get_origin(option) is tuple:
                entry = typing.get_args(option)[0]
                return tuple(_convert(entry, item) for item in value)
    if isinstance(value, dict) and is_dataclass(hint):
        return _build(hint, value)
    return value
