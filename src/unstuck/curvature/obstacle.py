"""Which layer cannot be differentiated twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from unstuck.errors import ArgumentError
from unstuck.gradcheck.locate import custom_functions
from unstuck.gradcheck.problem import Problem
from unstuck.second_order import Hessian

__all__ = ["without_second_derivative"]

Calls = dict[str, tuple[nn.Module, tuple[Any, ...], dict[str, Any]]]


def without_second_derivative(problem: Problem, leaves: Mapping[str, Tensor], error: RuntimeError) -> ArgumentError:
    """The error to raise: it names the innermost module that cannot be differentiated twice by itself.

    Args:
        problem: The loss of a batch.
        leaves: The weights.
        error: What torch raised.
    """
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    calls = _overheard(problem, leaves)
    # Children come after their parents in the order of modules, so that from the end on the innermost comes first.
    culprit = next((name for name in reversed(list(calls)) if not _twice(*calls[name])), None)
    where = "the loss" if culprit is None else f"{culprit or 'the model'} ({type(calls[culprit][0]).__name__})"
    written = ", ".join(map(str, custom_functions(problem.at(leaves))))
    by_hand = f"; written by hand: {written}" if written else ""
    return ArgumentError(
        f"{where} has no second derivative, so that nothing can be said of curvature: {reason}{by_hand}. Put an "
        "operation in its place that torch can differentiate twice, or freeze what lies before it"
    )


def _overheard(problem: Problem, leaves: Mapping[str, Tensor]) -> Calls:
    """The first call of each module, by its name, in the order of modules."""
    calls: Calls = {}

    def hear(name: str) -> Any:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            calls.setdefault(name, (module, args, kwargs))

        return hook

    names = {
        n.removeprefix("call").removeprefix("."): m for n, m in problem.objective.named_modules() if n[:4] == "call"
    }
    hooks = [m.register_forward_pre_hook(hear(n), with_kwargs=True) for n, m in names.items()]
    try:
        problem.at(leaves)
    finally:
        for hook in hooks:
            hook.remove()
    return {name: calls[name] for name in names if name in calls}


def _twice(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether one module can be differentiated twice, by its inputs and its parameters."""

    def leaf(value: Any) -> Any:
        if isinstance(value, Tensor):
            value = value.detach().clone()
            return value.requires_grad_() if value.is_floating_point() else value
        return value

    args, kwargs = cast("tuple[Any, Any]", pytree.tree_map(leaf, (args, kwargs)))
    given = [v for v in pytree.tree_leaves((args, kwargs)) if isinstance(v, Tensor) and v.requires_grad]
    weights = [*given, *(p for p in module.parameters() if p.requires_grad)]
    try:
        with torch.enable_grad():
            outputs = [v for v in pytree.tree_leaves(module(*args, **kwargs)) if isinstance(v, Tensor)]
            squares = [v.square().sum() for v in outputs if v.requires_grad]
            if not squares or not weights:
                return True
            hessian = Hessian(torch.stack(squares).sum(), weights)
        hessian(torch.ones_like(hessian.gradient))
    except RuntimeError:
        return False
    return True
