"""Facts about evaluations: which examples they are given, and whether dropout is switched off in them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from unstuck.record.facts.data import Association
from unstuck.record.facts.fact import Fact

__all__ = [
    "Continued",
    "EvaluatedAssociation",
    "EvaluatedLoss",
    "FunctionalDropout",
    "Overlap",
    "Predictions",
    "PromptEnds",
    "Shift",
    "WindowsShared",
]


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
class Shift(Fact):
    r"""How far the inputs of training batches lie from those of evaluations, value by value of an example.

    Attributes:
        trained: Training examples that it rests on.
        evaluated: Evaluated examples that it rests on, without evaluations of the training set itself.
        distance: Root of :math:`\sum_f (\bar x_f - \bar y_f)^2 / \sum_f \sigma_f^2`, :math:`\sigma_f^2` the mean
            variance of both, less what sampling gives; 0 where they agree.
        spread: Root of the sum of variances in training, over that in evaluations; 1 where they agree.
        whole: Share of the training values that are whole numbers.
        whole_evaluated: The same of those of evaluations.
        cut: The distance where what stands behind the point of the evaluated values is cut off, over the root of their
            sum of variances.
    """

    kind = "shift"
    missing = "no evaluation of other examples was seen"
    trained: int
    evaluated: int
    distance: float
    spread: float
    whole: float = 0.0
    whole_evaluated: float = 0.0
    cut: float = math.inf


@dataclass(frozen=True, kw_only=True)
class EvaluatedAssociation(Association):
    """The same by pairs from evaluations of other examples than those of the training set."""

    kind = "evaluated_association"


@dataclass(frozen=True, kw_only=True)
class EvaluatedLoss(Fact):
    """The loss function that evaluations of other examples call.

    Attributes:
        function: Its name in torch.nn.functional.
        shape: Shape of one batch of its targets.
        reduction: Its argument of that name, by which a sum is recorded as that of one example, and all else as the
            mean over elements; empty in runs of older releases.
        weighted: Whether classes weigh differently.
        label_smoothing: Its argument of that name.
        variance: Variance of one batch of real targets; None of others, or of one alone.
        output_variance: That of the outputs that they were compared with.
    """

    kind = "evaluated_loss"
    missing = "no loss of an evaluation was seen"
    function: str
    shape: tuple[int, ...] = ()
    reduction: str = ""
    weighted: bool = False
    label_smoothing: float = 0.0
    variance: float | None = None
    output_variance: float | None = None


@dataclass(frozen=True, kw_only=True)
class Predictions(Fact):
    """Examples that one place of the program evaluated after its latest update, and what was predicted of them.

    Attributes:
        step: Updates made before.
        examples: Examples that entered the model, each as often as it did.
        distinct: How many different ones they were: sampling over dropout gives the same ones many times.
        trained: How many of these training has met.
        predicted: Classes that were picked as the most likely of the outputs.
        compared: How many of them were compared with a label.
        explained: Share of these in which class and label are each the commonest partner of the other.
        renamed: Share of these in which class and label are so, and not the same number.
    """

    kind = "predictions"
    missing = "no prediction was seen"
    step: int
    examples: int
    distinct: int
    trained: int
    predicted: int
    compared: int = 0
    explained: float = 0.0
    renamed: float = 0.0


@dataclass(frozen=True, kw_only=True)
class WindowsShared(Fact):
    """How many validation windows of a text or a series lie between two overlapping windows of the training.

    Attributes:
        evaluated: Windows that were compared.
        inside: Those whose parts of half their length begin one window of the training, and end another one.
        trained: Windows of the training.
        branching: Share of the beginnings of these that go on in several ways: what repeats by chance does.
        length: Positions of a window.
        purpose: What the user's names call the evaluation: training, validation, or nothing.
        file: The user's file that evaluates.
        line: The line of that call.
    """

    kind = "windows_shared"
    missing = "no windows of a sequence were evaluated"
    special = True
    evaluated: int
    inside: int
    trained: int
    branching: float
    length: int
    purpose: str = ""
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class Continued(Fact):
    """How long sequences of ids have become that a model has continued without gradients, by one id a pass.

    Attributes:
        lengths: Positions that the model was given last, the shortest first.
        sequences: How many batches of sequences ended at each.
    """

    kind = "continued"
    missing = "no sequences of ids were continued without gradients"
    special = True
    lengths: tuple[int, ...]
    sequences: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class PromptEnds(Fact):
    """In which ids the sequences end that a model is given without gradients, as where it generates what follows.

    Attributes:
        ids: The ids, the commonest first.
        passes: In how many passes all sequences of the batch ended in each.
    """

    kind = "prompt_ends"
    missing = "no sequences of ids were evaluated that end in one id"
    special = True
    ids: tuple[int, ...]
    passes: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class FunctionalDropout(Fact):
    """A dropout that no registered module is, in evaluations so far: a function, or a module made on the spot.

    Attributes:
        where: Path of the module that calls it.
        function: Its name, ``"dropout"``.
        at_work_in_evaluation: Calls in which it dropped values although that module was in evaluation mode.
        at_work_in_training: Calls in which it dropped values while that module was in training mode.
        idle: Calls in which it dropped nothing.
        told: Whether the user's code says at the call that it shall drop: ``training=True``.
        file: The user's file that calls it.
        line: The line of that call.
    """

    kind = "functional_dropout"
    missing = "no dropout was seen to run in an evaluation"
    where: str
    function: str
    at_work_in_evaluation: int = 0
    at_work_in_training: int = 0
    idle: int = 0
    told: bool = False
    file: str | None = None
    line: int | None = None
