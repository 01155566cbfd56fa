"""Facts about who updates the weights: the optimizer, its learning-rate schedule, the curvature that bounds both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from unstuck.record.facts.fact import Fact

__all__ = [
    "FirstCurvature",
    "MisplacedOptimizer",
    "Optimizer",
    "ParameterGroup",
    "Schedule",
    "UnoptimizedParameter",
    "UnoptimizedParameters",
]


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
    """The optimizer, as it stood at its first step, and where the user's code constructs it or steps it.

    Attributes:
        type: Its class name.
        groups: Its parameter groups.
        number: Which of the program's optimizers it is, as :class:`.Graph` names them; None where that is not known.
        after: The numbers of those whose weights, or most of them, it goes on with as they left them.
        file: The user's file that constructs or steps it.
        line: The line of that call.
    """

    kind = "optimizer"
    missing = "no optimizer was seen"
    type: str
    groups: tuple[ParameterGroup, ...] = ()
    number: int | None = None
    after: tuple[int, ...] = ()
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class FirstCurvature(Fact):
    """How curved the loss of the first batch was, by a Hessian-vector product.

    Attributes:
        along_gradient: Norm of the Hessian times the gradient, over that of the gradient, in units of the loss over
            those of squared weights.
    """

    kind = "first_curvature"
    missing = "no second derivative of the loss was taken"
    along_gradient: float


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
        stale: Of a schedule that waits for a plateau: its latest steps in which its metric did not improve, by its own
            threshold.
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
class UnoptimizedParameter:
    """A tensor that asks for a gradient and gets one, and that no optimizer holds.

    Attributes:
        name: Its name in the model, or that of the user's variable; empty where neither is known.
        shape: Its shape.
        fresh: Whether its values look as an initialiser draws them, and not learnt; None where that cannot be told.
    """

    name: str
    shape: tuple[int, ...]
    fresh: bool | None = None


@dataclass(frozen=True, kw_only=True)
class UnoptimizedParameters(Fact):
    """Parameters that the loss leads to, that no optimizer holds, and that nobody has changed; stated anew each time.

    Attributes:
        step: Updates made.
        since: Updates that had been made when they were first compared.
        unchanged: The tensors.
        reached: How many tensors the loss leads to in all.
        held: How many of them the training's own optimizer holds.
        unused: Where there are such tensors: shapes of those that the optimizer holds, that no module of the model has,
            and that no loss has led to since the first of these was met.
        compared: Whether they are of a network that makes targets of the loss too, as one whose features are compared.
    """

    kind = "unoptimized_parameters"
    step: int
    since: int
    unchanged: tuple[UnoptimizedParameter, ...] = ()
    reached: int = 0
    held: int = 0
    unused: tuple[tuple[int, ...], ...] = ()
    compared: bool = False


@dataclass(frozen=True, kw_only=True)
class MisplacedOptimizer(Fact):
    """An optimizer steps behind a loss that leads to parameters of no optimizer, and holds only those of another one.

    Attributes:
        step: Updates made.
        since: Updates that had been made when these parameters were first compared.
        unchanged: Those of the loss that no optimizer holds, and that nobody has changed.
        others: The numbers of the other optimizers that hold what it holds.
    """

    kind = "misplaced_optimizer"
    missing = "no optimizer holds the parameters of another one"
    special = True
    step: int
    since: int
    unchanged: tuple[UnoptimizedParameter, ...]
    others: tuple[int, ...] = ()
