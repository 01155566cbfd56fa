"""Gradients that are meant to be another thing than the derivative: straight-through estimators and reversals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from torch import Tensor

from unstuck.gradcheck.estimators import by_detach
from unstuck.gradcheck.problem import Problem
from unstuck.gradcheck.result import Culprit, TensorCheck
from unstuck.gradcheck.steady import seed_all

__all__ = ["offered", "surrogate"]

STEPS = frozenset(
    ("round", "sign", "floor", "ceil", "trunc", "argmax", "argmin", "gt", "lt", "ge", "le", "bernoulli", "multinomial")
)
"""Operations whose results are constant in pieces."""
ENOUGH = 3
"""Coordinates that a factor other than -1 has to be the same for, to be none by chance."""
SAME = 1e-5
"""Relative difference of two factors that are the same."""
WHAT = {
    "straight-through": "passes a gradient through a step, whose derivative is zero: a straight-through estimator",
    "reversal": "changes nothing forward, and turns the gradient backward: a gradient reversal",
}


def surrogate(
    problem: Problem, gradients: Mapping[str, Tensor], wrong: Sequence[TensorCheck], guilty: Sequence[Culprit], h: float
) -> str:
    """In a sentence, why all that differs is meant to; empty where some of it is not.

    A function is meant to where its forward pass is constant in pieces, or returns what it gets while the gradient
    is turned by a negative factor; what has its gradient through one is excused. So is what an estimator by ``detach``
    explains. Without either it takes differences that are all zero behind a step, or one negative factor for all.
    """
    if any(c.kind == "wrong" for c in guilty) or any(tensor.name not in gradients for tensor in wrong):
        return ""
    through = frozenset[str]().union(*(c.function.behind for c in guilty))
    left = [tensor for tensor in wrong if tensor.name not in through]
    said = [f"{c.function} {WHAT[c.kind]}" for c in guilty]
    if not left:
        return "; ".join(said)
    if not guilty and (words := _alike(problem, wrong)):
        return words
    found = by_detach(problem, gradients, left, h)
    stepped = found.step or any(c.kind == "straight-through" for c in guilty)
    if not stepped or any(tensor.name not in found.explained for tensor in left):
        return ""
    names = ", ".join(tensor.name for tensor in left[:3])
    what = (
        f"behind {found.step}(), a sum stands still that moves without its detached part: a straight-through estimator"
    )
    exact = f"the gradient of {names} is the derivative with all that is detached held constant"
    return "; ".join([*said, *([what] if found.step else []), exact])


def _alike(problem: Problem, wrong: Sequence[TensorCheck]) -> str:
    patterns = {tensor.pattern for tensor in wrong}
    names = ", ".join(tensor.name for tensor in wrong[:3])
    if patterns == {"reversal"} and (factor := _common(wrong)):
        return f"the gradient of {names} is {factor:.4g} times the derivative, as behind a gradient reversal"
    step = _step(problem) if patterns == {"straight-through"} else ""
    if step:
        return (
            f"a gradient comes back to {names} through {step}(), whose derivative is zero: a straight-through estimator"
        )
    return ""


def _common(wrong: Sequence[TensorCheck]) -> float:
    """The factor that all tensors share; 0 where they do not, or where it may be one by chance."""
    factors = [tensor.factor for tensor in wrong]
    same = all(math.isclose(factor, factors[0], rel_tol=SAME) for factor in factors)
    sure = math.isclose(factors[0], -1.0, rel_tol=SAME) or sum(tensor.checked for tensor in wrong) >= ENOUGH
    return round(factors[0], 6) if same and sure else 0.0


def offered(names: Sequence[str], worst: TensorCheck, guilty: Sequence[Culprit]) -> str:
    """What to do: leave out on purpose, or mend."""
    turned = all(c.kind == "reversal" for c in guilty) if guilty else worst.pattern == "reversal"
    otherwise = (
        "if not, it has the wrong sign: look for a minus lost"
        if turned
        else "if not, the loss does not move with it: look for the step or the hook, and take it away"
    )
    return f"if this is on purpose, leave these out by exclude={list(names)}; {otherwise}"


def _step(problem: Problem) -> str:
    """The first operation of the forward pass that is constant in pieces; empty where there is none."""
    seed_all(problem.seed)
    _, recorder = problem.value({}, choices=True)
    return next((name for name in recorder.names if name in STEPS), "")
