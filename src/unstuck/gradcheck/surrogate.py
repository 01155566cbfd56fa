"""Gradients that are meant to be another thing than the derivative: straight-through estimators and reversals."""

from __future__ import annotations

from collections.abc import Sequence

from unstuck.gradcheck.problem import Problem
from unstuck.gradcheck.result import Culprit, TensorCheck
from unstuck.gradcheck.steady import seed_all

__all__ = ["offered", "surrogate"]

STEPS = frozenset(
    ("round", "sign", "floor", "ceil", "trunc", "argmax", "argmin", "gt", "lt", "ge", "le", "bernoulli", "multinomial")
)
"""Operations whose results are constant in pieces."""
WHAT = {
    "straight-through": "passes a gradient through a step, whose derivative is zero: a straight-through estimator",
    "reversal": "changes nothing forward, and turns or scales the gradient backward, as a gradient reversal does",
}


def surrogate(problem: Problem, wrong: Sequence[TensorCheck], guilty: Sequence[Culprit]) -> str:
    """In a sentence, why all that differs is meant to; empty where some of it is not.

    A function is meant to where its forward pass is constant in pieces or returns what it gets, and every tensor that
    differs has its gradient through one. Without a function it takes differences that are all zero behind a step,
    or a factor of exactly -1.
    """
    if guilty:
        behind = frozenset[str]().union(*(c.function.behind for c in guilty))
        if any(c.kind == "wrong" for c in guilty) or any(tensor.name not in behind for tensor in wrong):
            return ""
        return "; ".join(f"{c.function} {WHAT[c.kind]}" for c in guilty)
    patterns = {tensor.pattern for tensor in wrong}
    names = ", ".join(tensor.name for tensor in wrong[:3])
    if patterns == {"reversal"}:
        return f"the gradient of {names} is exactly -1 times the derivative, as behind a gradient reversal"
    step = _step(problem)
    if patterns == {"straight-through"} and step:
        return (
            f"a gradient comes back to {names} through {step}(), whose derivative is zero: a straight-through estimator"
        )
    return ""


def offered(names: Sequence[str], worst: TensorCheck) -> str:
    """What to do: leave out on purpose, or mend."""
    otherwise = (
        "if not, it has the wrong sign: look for a minus lost"
        if worst.pattern == "reversal"
        else "if not, the loss does not move with it: look for the step or the hook, and take it away"
    )
    return f"if this is on purpose, leave these out by exclude={list(names)}; {otherwise}"


def _step(problem: Problem) -> str:
    """The first operation of the forward pass that is constant in pieces; empty where there is none."""
    seed_all(problem.seed)
    _, recorder = problem.value({}, choices=True)
    return next((name for name in recorder.names if name in STEPS), "")
