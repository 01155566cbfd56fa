"""Whose fault a wrong gradient is, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import nn

from unstuck.gradcheck.locate import CustomFunction
from unstuck.gradcheck.overhear import Call, first_calls
from unstuck.gradcheck.problem import Problem
from unstuck.gradcheck.result import Culprit, TensorCheck

__all__ = ["Alone", "advice", "culprits", "holder"]

ON_PURPOSE = (
    "if this is on purpose, as with a straight-through estimator, leave these out by exclude=[names or patterns]"
)

Alone = Callable[[Call], tuple[float, str] | None]
"""Checks one call of a function by itself: its largest error and the argument, or None where it is right."""


def culprits(problem: Problem, functions: Sequence[CustomFunction], alone: Alone) -> tuple[Culprit, ...]:
    """Those of the hand-written functions whose backward pass is wrong at the arguments that the model gives them."""
    with first_calls([function.kind for function in functions]) as calls:
        problem.at()
    found: list[Culprit] = []
    for function in functions:
        call = calls.get(function.kind)
        fault = alone(call) if call else None
        if fault is not None:
            found.append(Culprit(function=function, error=fault[0], argument=fault[1]))
    return tuple(found)


def holder(problem: Problem, name: str) -> str:
    """The module that holds a parameter, in words; empty for an input."""
    if name.startswith("input"):
        return ""
    path = name.rpartition(".")[0]
    owner = problem.objective.call
    if isinstance(owner, nn.Module):
        owner = owner.get_submodule(path) if path and not path.startswith("loss") else owner
        return f"{path or 'the model'} ({type(owner).__name__})"
    return path


def advice(
    tensor: TensorCheck, found: Sequence[Culprit], functions: Sequence[CustomFunction], *, unreached: bool
) -> str:
    """What to change, by the shape of the error."""
    if found:
        places = ", ".join(str(c.function) for c in found)
        return f"derive {places} again, or write the forward pass in plain torch operations and delete it"
    a, n = tensor.analytic, tensor.numerical
    if n == 0.0 and a != 0.0:
        return (
            f"a gradient comes back to {tensor.name}, though the loss does not move with it: look for round(), sign() "
            f"or a comparison on the way, bridged by detach() or a hook; {ON_PURPOSE}"
        )
    if unreached or (a == 0.0 and n != 0.0):
        return (
            f"no gradient comes back to {tensor.name}, though the loss depends on it: look for detach(), .data, "
            "no_grad(), item() or a new tensor made from its values on the way"
        )
    ratio = a / n if n else float("inf")
    if abs(ratio + 1.0) < 1e-3:
        return "the gradient has the wrong sign: look for a minus lost in a backward pass or a hook"
    for factor in (2.0, 0.5):
        if abs(ratio / factor - 1.0) < 1e-3:
            return f"the gradient is {factor:g} times the right one: look for a constant lost or counted twice"
    if functions:
        names = ", ".join(map(str, functions))
        return (
            f"these are right by themselves at their first call: {names}; look at later calls, hooks and detached parts"
        )
    return (
        "no hand-written backward pass was found; look for a partly detached branch (detach(), .data, no_grad()), "
        f"for a gradient hook, and for tensors changed in place; {ON_PURPOSE}"
    )
