"""The backward pass of one call of a hand-written function, as a function of the gradients that come in."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from unstuck.gradcheck.objective import irregular
from unstuck.gradcheck.overhear import Call
from unstuck.gradcheck.steady import seed_all

__all__ = ["VJP"]

CLOSE = {torch.float64: 1e-6, torch.complex128: 1e-6}
"""Relative difference of what is the same but for rounding, in double precision."""
NARROW_CLOSE = 1e-3
"""The same in any other."""


@dataclass(frozen=True, kw_only=True)
class VJP:
    """A vector-Jacobian product, or what stands in the place of one.

    Attributes:
        call: The call.
        incoming: Gradients of its outputs.
        result: What its backward pass makes of them: gradients of its arguments that require one.
    """

    call: Call
    incoming: tuple[Tensor, ...]
    result: tuple[Tensor, ...]

    @classmethod
    def of(cls, call: Call, incoming: tuple[Tensor | None, ...] | None) -> VJP:
        """Run the backward pass for the gradients that came in; for irregular ones where there were none."""
        outputs, _ = _run(call)
        if incoming:
            given = tuple(
                torch.zeros_like(o) if g is None else g.to(o) for o, g in zip(outputs, incoming, strict=False)
            )
        else:
            given = tuple(irregular(output) for output in outputs)
        return cls(call=call, incoming=given, result=_back(call, given))

    def proportional(self, factor: float) -> bool:
        """Whether the result grows by a factor as the gradients that come in do."""
        again = _back(self.call, tuple(factor * g for g in self.incoming))
        return all(_close(one, factor * other) for one, other in zip(again, self.result, strict=True))

    def factor(self) -> float | None:
        """The number that multiplies the gradient of an argument which is returned as it is; None where none does."""
        outputs, arguments = _run(self.call)
        if len(outputs) != 1:
            return None
        (output,), (given,) = outputs, self.incoming
        for argument, result in zip(arguments, self.result, strict=True):
            if argument.shape == output.shape and torch.equal(argument, output):
                factor = float((result * given.conj()).sum().real / given.abs().square().sum())
                return factor if _close(result, factor * given) else None
        return None


def _run(call: Call) -> tuple[tuple[Tensor, ...], list[Tensor]]:
    """Outputs and the arguments that require a gradient, of a call on copies."""
    seed_all(0)
    arguments = Call.copied(call.kind, call.arguments).arguments
    leaves = [leaf for leaf in pytree.tree_leaves(arguments) if isinstance(leaf, Tensor) and leaf.requires_grad]
    outputs = call.kind.apply(*pytree.tree_map(lambda v: v.view_as(v) if isinstance(v, Tensor) else v, arguments))
    found = pytree.tree_leaves(outputs)
    return tuple(output for output in found if isinstance(output, Tensor)), leaves


def _back(call: Call, incoming: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    outputs, leaves = _run(call)
    pairs = [(o, g) for o, g in zip(outputs, incoming, strict=True) if o.requires_grad]
    ends, gradients = [o for o, _ in pairs], [g for _, g in pairs]
    found = torch.autograd.grad(ends, leaves, gradients, allow_unused=True, materialize_grads=True)
    return tuple(g.to_dense() if g.is_sparse else g for g in found)


def _close(one: Tensor, other: Tensor) -> bool:
    size = max(float(one.norm()), float(other.norm()))
    return float((one - other).norm()) <= CLOSE.get(one.dtype, NARROW_CLOSE) * size
