"""Whose fault a wrong gradient is, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.autograd import Function

from unstuck.gradcheck.analytic import Gradients, backward
from unstuck.gradcheck.locate import CustomFunction, function_of, nodes
from unstuck.gradcheck.overhear import Call, first_calls
from unstuck.gradcheck.problem import Problem
from unstuck.gradcheck.reentrant import opened
from unstuck.gradcheck.result import Culprit, TensorCheck
from unstuck.gradcheck.steady import seed_all

__all__ = ["Alone", "Fault", "Incoming", "advice", "culprits", "faults", "holder"]

ON_PURPOSE = (
    "if this is on purpose, as with a straight-through estimator, leave these out by exclude=[names or patterns]"
)

Incoming = tuple[Tensor | None, ...]
"""The gradients that come back to the outputs of one call."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What a function does by itself that is not the derivative.

    Attributes:
        kind: As that of a :class:`~unstuck.gradcheck.result.Culprit`; slight: right, by less than float64 leaves.
        error: Its largest relative error.
        argument: The argument whose gradient differs.
        why: What its backward pass does in place of a derivative, as the end of a sentence; empty where unknown.
    """

    kind: Literal["wrong", "straight-through", "reversal", "slight"]
    error: float
    argument: str
    why: str = ""


Alone = Callable[[Call, Incoming | None], Fault | None]
"""Checks one call of a function by itself, for the gradients that came back to it; None where it is right."""


def culprits(faults: Sequence[tuple[CustomFunction, Fault]]) -> tuple[Culprit, ...]:
    """The functions at fault; those that are slightly off only where nothing else is wrong."""
    grave = [(function, fault) for function, fault in faults if fault.kind != "slight"]
    return tuple(
        Culprit(
            function=function,
            error=fault.error,
            argument=fault.argument,
            kind="wrong" if fault.kind == "slight" else fault.kind,
            why=fault.why,
        )
        for function, fault in grave or faults
    )


def faults(
    problem: Problem, functions: Sequence[CustomFunction], alone: Alone
) -> tuple[tuple[CustomFunction, Fault], ...]:
    """Those of the hand-written functions whose backward pass is no derivative, for what the model gives them.

    That is the arguments of the first call and the gradients that come back to it: a backward pass that clips is right
    for small ones.
    """
    leaves = {name: x.clone().requires_grad_() for name, x in problem.tensors.items()}
    incoming: dict[type[Function], Incoming] = {}
    kinds = [function.kind for function in functions]
    seed_all(problem.seed)
    with opened(), first_calls(kinds) as calls:
        problem.within(leaves, lambda value: _listen(value, leaves, kinds, incoming))
    found: list[tuple[CustomFunction, Fault]] = []
    for function in functions:
        call = calls.get(function.kind)
        fault = alone(call, incoming.get(function.kind)) if call else None
        if fault is not None:
            found.append((function, fault))
    return tuple(found)


def _listen(
    value: Tensor, leaves: dict[str, Tensor], kinds: Sequence[type[Function]], incoming: dict[type[Function], Incoming]
) -> None:
    """Differentiate, and keep what comes back to the first call of each function, if it is anything."""
    for kind in kinds:
        own = [node for node in nodes(value) if function_of(node) is kind]
        first = min(own, key=lambda node: node._sequence_nr())  # pyright: ignore[reportPrivateUsage]

        def keep(gradients: Incoming, kind: type[Function] = kind) -> None:
            kept = tuple(None if g is None else g.detach().clone() for g in gradients)
            if any(g is not None and bool(torch.any(g)) for g in kept):
                incoming[kind] = kept

        first.register_prehook(keep)
    backward(value, leaves)


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


def advice(tensor: TensorCheck, guilty: Sequence[Culprit], found: Gradients) -> str:
    """What to change, by the shape of the error."""
    if tensor.name in found.cut:
        return (
            f"no gradient comes back to {tensor.name}: it is used in a torch.utils.checkpoint with use_reentrant=True, "
            "whose arguments need no gradient in this batch; pass use_reentrant=False, or let the inputs require one"
        )
    if guilty:
        places = ", ".join(str(c.function) for c in guilty)
        meant = f"; {ON_PURPOSE}" if all(c.why for c in guilty) else ""
        return f"derive {places} again, or write the forward pass in plain torch operations and delete it{meant}"
    a, n = tensor.analytic, tensor.numerical
    if n == 0.0 and a != 0.0:
        return (
            f"a gradient comes back to {tensor.name}, though the loss does not move with it: look for round(), sign() "
            f"or a comparison on the way, bridged by detach() or a hook; {ON_PURPOSE}"
        )
    if tensor.name in found.unreached or (a == 0.0 and n != 0.0):
        return (
            f"no gradient comes back to {tensor.name}, though the loss depends on it: look for detach(), .data, "
            "no_grad(), item() or a new tensor made from its values on the way"
        )
    ratio = a / n if n else float("inf")
    if abs(ratio + 1.0) < 1e-3:
        return f"the gradient has the wrong sign: look for a minus lost in a backward pass or a hook; {ON_PURPOSE}"
    for factor in (2.0, 0.5):
        if abs(ratio / factor - 1.0) < 1e-3:
            return f"the gradient is {factor:g} times the right one: look for a constant lost or counted twice"
    if found.functions:
        names = ", ".join(map(str, found.functions))
        return (
            f"these are right by themselves at their first call: {names}; look at later calls, hooks and detached parts"
        )
    return (
        "no hand-written backward pass was found; look for a partly detached branch (detach(), .data, no_grad()), "
        f"for a gradient hook, and for tensors changed in place; {ON_PURPOSE}"
    )
