"""Facts about the axes that calls run over: whether they mix examples, or take one axis for another."""

from __future__ import annotations

from dataclasses import dataclass

from unstuck.record.facts.fact import Fact

__all__ = ["BatchMixing", "Contraction", "Normalisation", "Recurrence", "Reinterpretation", "Softmax"]


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
class BatchMixing(Fact):
    """Whether one example's output depends on the other examples of its batch, by an extra backward pass.

    Attributes:
        step: The training step.
        share: Norm of the gradient of the first example's output with respect to the other examples' first activations,
            over that with respect to all.
        where: First module whose output mixes examples; empty where unknown.
        along: That share for each axis of the output that may count examples, the first one first; the least of them
            is ``share``.
        known_by: What tells which axis counts examples: positions, a table of them that is broadcast over it, or
            loader, the size of its batches; empty where nothing does.
        examples: How long that axis is; None where it is not known.
    """

    kind = "batch_mixing"
    step: int
    share: float
    where: str = ""
    along: tuple[float, ...] = ()
    known_by: str = ""
    examples: int | None = None
