"""Check one call of a hand-written function by itself, and say what its backward pass does in place of a derivative."""

from __future__ import annotations

from dataclasses import replace

from unstuck.errors import ArgumentError
from unstuck.gradcheck.blame import Fault, Incoming
from unstuck.gradcheck.compare import checked
from unstuck.gradcheck.objective import Weighted
from unstuck.gradcheck.overhear import Call
from unstuck.gradcheck.point import Request
from unstuck.gradcheck.sampling import SAMPLE
from unstuck.gradcheck.vjp import VJP

__all__ = ["alone"]

SIZES = (2.0, 1e-3)
"""Factors of the incoming gradient that a derivative passes on; the small one takes a clip away."""


def alone(call: Call, incoming: Incoming | None) -> Fault | None:
    """Check a call at its own arguments, for the gradients that came back to it; None where it is right."""
    request = Request(
        model=call.kind.apply,
        loss=Weighted(incoming) if incoming else None,
        inputs=call.arguments,
        targets=None,
        penalty=None,
        examples=2**62,
        seed=0,
        warm_up=0,
        with_inputs=True,
    )
    try:
        result = checked(request, SAMPLE * 8, alone=None)
    except ArgumentError:
        return None
    fault = Fault(kind="wrong", error=result.max_relative_error, argument=str(result.worst))
    if result.verdict == "wrong":
        # A step in one argument excuses the others: quantisers with a learnt scale bend both gradients.
        step = any(tensor.pattern == "straight-through" for tensor in result.tensors)
        return _explained(fault, VJP.of(call, incoming), step=step)
    slight = result.verdict == "right" and any(tensor.remarkable for tensor in result.tensors)
    return replace(fault, kind="slight") if slight else None


def _explained(fault: Fault, vjp: VJP, *, step: bool) -> Fault:
    """What kind of fault it is.

    A backward pass that is not proportional to the incoming gradient is no derivative of anything. One that is may be
    meant to differ: where the forward pass is constant in pieces, as a straight-through estimator, and where it
    returns its argument, by a negative factor, as a reversal.
    """
    if not all(vjp.proportional(size) for size in SIZES):
        return replace(fault, why="depends on the size of the incoming gradient, as no derivative does")
    factor = vjp.factor()
    if factor is not None and factor < 0.0:
        return replace(fault, kind="reversal")
    if factor is not None:
        return replace(fault, why=f"multiplies by {factor:.4g} the gradient of what its forward pass returns as it is")
    if step:
        return replace(fault, kind="straight-through")
    if not vjp.proportional(-1.0):
        return replace(fault, why="depends on the sign of the incoming gradient, as no derivative does")
    return fault
