"""Whether a value is the same each time it is computed; and if not, whose fault it is."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from unstuck.gradcheck.problem import Problem

__all__ = ["SAME", "culprit", "spread"]

SAME = 1e-9
"""Relative difference of repeated values that is taken for another order of summation."""
REPEATS = 3


def spread(problem: Problem) -> tuple[float, float]:
    """A value, and by how much it varies when nothing does."""
    values = [problem.number() for _ in range(REPEATS)]
    return values[0], max(values) - min(values)


def culprit(problem: Problem) -> str:
    """The first module whose output differs between two passes although its inputs do not; else the loss."""
    first, second = _outputs(problem), _outputs(problem)
    for (name, inputs, output), (_, inputs_again, output_again) in zip(first, second, strict=False):
        if _equal(inputs, inputs_again) and not _equal(output, output_again):
            return name
    return "the loss function" if len(first) == len(second) else "the model, which runs other modules each time"


def _outputs(problem: Problem) -> list[tuple[str, Any, Any]]:
    """Inputs and outputs of every module, innermost first, in the order of their ends."""
    seen: list[tuple[str, Any, Any]] = []
    hooks: list[Any] = []
    for name, module in problem.objective.named_modules():
        if not name.startswith("call"):
            continue

        def note(module: nn.Module, inputs: Any, output: Any, *, name: str = name) -> None:
            label = f"{name.removeprefix('call').removeprefix('.') or 'the model'} ({type(module).__name__})"
            seen.append((label, _kept(inputs), _kept(output)))

        hooks.append(module.register_forward_hook(note))
    try:
        problem.at()
    finally:
        for hook in hooks:
            hook.remove()
    return seen


def _kept(tree: Any) -> list[Tensor]:
    return [leaf.detach().clone() for leaf in pytree.tree_leaves(tree) if isinstance(leaf, Tensor)]


def _equal(a: list[Tensor], b: list[Tensor]) -> bool:
    return len(a) == len(b) and all(
        x.shape == y.shape and torch.allclose(x, y, rtol=SAME, atol=0.0, equal_nan=True)
        for x, y in zip(a, b, strict=True)
    )
