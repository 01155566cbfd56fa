"""Facts from the autograd graph: what the loss reaches, what feeds each weight, and where gradients stop."""

from __future__ import annotations

from dataclasses import dataclass

from unstuck.record.facts.fact import Fact

__all__ = [
    "Connection",
    "CriticalPoint",
    "CustomFunction",
    "Detachment",
    "Graph",
    "LostBranch",
    "LostCheckpoint",
    "NonDifferentiableSample",
    "Wiring",
]


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
        through_others: Whether the loss leads through weights of this training, and through some that another
            optimizer holds; None where that was not recorded.
        through: Numbers of these other optimizers; empty where they were not recorded.
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
    through_others: bool | None = None
    through: tuple[int, ...] = ()
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class Connection:
    """What a weight is multiplied with, past views, sums, dropout and batch norms.

    Attributes:
        parameter: Name of the weight.
        linear: Names of the weights whose products reach it with no other operation between.
        before: Names of the weights that come before it on any way from the data, whatever lies between.
        operations: The other operations whose results reach it: ``"Relu"``, ``"MaxPool2DWithIndices"``.
        inputs: Whether the data reach it directly.
    """

    parameter: str
    linear: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    inputs: bool = False


@dataclass(frozen=True, kw_only=True)
class Wiring(Fact):
    """What feeds each weight that multiplies, by the autograd graph of the first loss.

    Attributes:
        connections: One for each weight, in the order nearest the loss first.
        complete: Whether the whole graph was walked: it is not too large, and no compiled function stands in it.
    """

    kind = "wiring"
    missing = "the loss's graph was not seen as a whole"
    connections: tuple[Connection, ...] = ()
    complete: bool = True


@dataclass(frozen=True, kw_only=True)
class Detachment(Fact):
    """A module that is given its own earlier output within one forward pass, without its graph.

    Attributes:
        calls: How often the module was called in the step.
        cut: How often with what was detached from its own output.
        file: The user's file that detaches.
        line: Its line.
    """

    kind = "detachment"
    where: str
    calls: int
    cut: int
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class LostBranch(Fact):
    """What becomes of the results of a layer that runs, and that the loss does not reach.

    Attributes:
        cut_by: The function that passes no gradient on; empty where there is none, and nobody uses what was made.
        returned: Whether the model returns it.
        given_to: The module that it was given to last, and that has done nothing with it.
        part: The module that it is, or is a part of, and that the user's own code calls; empty where all is called by a
            library's code.
        file: The user's file that cuts, or that made the last of it.
        line: The line of that.
    """

    kind = "lost_branch"
    missing = "all layers that ran were reached by the loss"
    where: str
    cut_by: str = ""
    returned: bool = False
    given_to: str = ""
    part: str | None = None
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class NonDifferentiableSample(Fact):
    """Values drawn without a gradient from a distribution whose parameters are learnt, which a layer takes."""

    kind = "non_differentiable_sample"
    where: str
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class CriticalPoint(Fact):
    """The loss about weights at which its gradient was next to nothing, by an extra backward pass.

    Attributes:
        step: The training step.
        loss: The loss there.
        gradient: Norm of its gradient in all parameters; 0 if every derivative is exactly zero.
        least: The smallest curvature found, an upper bound of the least eigenvalue of the Hessian.
        greatest: The greatest curvature found, a lower bound of the greatest eigenvalue.
        dimensions: Weights that the gradient is taken by.
    """

    kind = "critical_point"
    missing = "the gradient was never next to nothing, or could not be differentiated once more"
    step: int
    loss: float
    gradient: float
    least: float
    greatest: float
    dimensions: int


@dataclass(frozen=True, kw_only=True)
class LostCheckpoint(Fact):
    """Reentrant checkpoints of one forward pass that were given no tensor with a gradient, so that none passes them.

    Attributes:
        step: Updates made before it.
        calls: How many ran at this place.
        file: The user's file that calls them.
        line: The line of that call.
    """

    kind = "lost_checkpoint"
    step: int
    calls: int
    file: str | None = None
    line: int | None = None
