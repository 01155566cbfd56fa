"""Facts about what a program does to gradients between the backward pass and the update."""

from __future__ import annotations

from dataclasses import dataclass

from unstuck.record.facts.fact import Fact

__all__ = ["ConstantGradient", "GradientCall", "GradientChange"]


@dataclass(frozen=True, kw_only=True)
class GradientCall:
    """A call that changed gradients.

    Attributes:
        name: What the user has called: ``"clip_grad_norm_"``, ``"mul_"``, ``"zero_grad"``, ``"unscale_"``.
        file: The user's file that calls it.
        line: The line of that call.
    """

    name: str
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class GradientChange(Fact):
    """The gradient as the last backward pass of a step left it, and as the optimizer got it.

    Attributes:
        step: Updates made before it.
        before: Norm of the whole gradient after the backward pass.
        after: Its norm when the update began.
        cosine: Cosine between the two; 0 where one of them is zero.
        scale: What a ``GradScaler`` had multiplied the loss by; 1 without one.
        calls: The calls that changed gradients between, in their order.
        late: Those that did so after the update before, when nothing reads them any more.
    """

    kind = "gradient_change"
    missing = "no gradient was compared before and after"
    step: int
    before: float
    after: float
    cosine: float
    scale: float = 1.0
    calls: tuple[GradientCall, ...] = ()
    late: tuple[GradientCall, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ConstantGradient(Fact):
    """A term of a loss that is made of a gradient which was returned without a graph, and leads to no weights.

    Attributes:
        step: Updates made.
        file: The user's file that takes the gradient.
        line: The line of that.
    """

    kind = "constant_gradient"
    missing = "no gradient without a graph was a term of the loss"
    special = True
    step: int
    file: str | None = None
    line: int | None = None
