"""Facts about how a model is wired: what feeds its weights, how its layers read the batch, what was reinterpreted."""

from __future__ import annotations

from dataclasses import dataclass

from unstuck.record.fact import Fact

__all__ = [
    "Connection",
    "Contraction",
    "Detachment",
    "Draw",
    "Normalisation",
    "Recurrence",
    "Reinterpretation",
    "Wiring",
]


@dataclass(frozen=True, kw_only=True)
class Connection:
    """What a weight is multiplied with, past views, sums, dropout and batch norms.

    Attributes:
        parameter: Name of the weight.
        linear: Names of the weights whose products reach it with no other operation between.
        operations: The other operations whose results reach it: ``"Relu"``, ``"MaxPool2DWithIndices"``.
        inputs: Whether the data reach it directly.
    """

    parameter: str
    linear: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    inputs: bool = False


@dataclass(frozen=True, kw_only=True)
class Wiring(Fact):
    """What feeds each weight that multiplies, by the autograd graph of the first loss.

    Attributes:
        connections: One for each weight, in the order nearest the loss first.
        complete: Whether the whole graph was walked.
    """

    kind = "wiring"
    missing = "the loss's graph was not seen as a whole"
    connections: tuple[Connection, ...] = ()
    complete: bool = True


@dataclass(frozen=True, kw_only=True)
class Recurrence(Fact):
    """A recurrent or attention layer and the shape that it was given."""

    kind = "recurrence"
    where: str
    type: str
    batch_first: bool
    shape: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Reinterpretation(Fact):
    """A view or reshape to a permutation of the shape: it renames axes, and leaves every value where it was."""

    kind = "reinterpretation"
    where: str
    before: tuple[int, ...]
    after: tuple[int, ...]
    function: str = ""
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class Normalisation(Fact):
    """A norm or a cosine taken over the first axis of activations."""

    kind = "normalisation"
    where: str
    function: str
    axis: int
    shape: tuple[int, ...]
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class Contraction(Fact):
    """Weights from a softmax that multiply something learnt and are summed over an axis, as those of an attention.

    Attributes:
        axis: The axis that the softmax was taken over.
        contracted: The axis of its result that is summed over.
        shape: Shape of its result.
        among_themselves: Whether the softmax is over products of the elements of one set with as many, each learnt, as
            in self-attention, and the sum is over one of the two.
    """

    kind = "contraction"
    axis: int
    contracted: int
    shape: tuple[int, ...]
    among_themselves: bool = False


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
class Draw(Fact):
    """Values drawn without a gradient from a distribution whose parameters are learnt, which a layer takes."""

    kind = "draw"
    where: str
    file: str | None = None
    line: int | None = None
