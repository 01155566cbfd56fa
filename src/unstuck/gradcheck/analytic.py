"""Gradients by automatic differentiation, with the loss rescaled where they leave the range of the arithmetic."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.utils.checkpoint import CheckpointFunction

from unstuck.gradcheck.locate import CustomFunction, custom_functions, nodes
from unstuck.gradcheck.overhear import first_calls
from unstuck.gradcheck.problem import Problem
from unstuck.gradcheck.steady import seed_all

__all__ = ["Gradients", "backward", "dense", "gradients", "gradients_of", "shake"]

RANGE = (1e-100, 1e100)
"""Largest gradients outside of which products of two of them are at the edge of float64."""
CHECKPOINT = "CheckpointFunction"
"""Name of the node of ``torch.utils.checkpoint`` with ``use_reentrant=True``."""
RESCUE = 2.0**600
"""Factor that lifts gradients which float64 lost below its range, or brings down those above."""


@dataclass(frozen=True, kw_only=True)
class Gradients:
    """Gradients of a problem.

    Attributes:
        by_name: Gradient of each tensor; zeros where there is none.
        unreached: Tensors to which no path leads back from the loss.
        not_finite: Tensors whose gradient is NaN or infinite.
        functions: Hand-written functions on the way.
        reentrant: Whether a checkpoint with ``use_reentrant=True`` was run.
        cut: Tensors that have no gradient because such a checkpoint got nothing that needs one.
    """

    by_name: dict[str, Tensor]
    unreached: tuple[str, ...]
    not_finite: tuple[str, ...]
    functions: tuple[CustomFunction, ...]
    reentrant: bool = False
    cut: tuple[str, ...] = ()

    @property
    def largest(self) -> float:
        """Largest absolute entry."""
        return max(float(g.abs().max()) if g.numel() else 0.0 for g in self.by_name.values())


def gradients(problem: Problem) -> Gradients:
    """Differentiate, and rescale the problem where its gradients are at the edge of what float64 can say."""
    found = _once(problem)
    largest = found.largest
    if math.isfinite(largest) and RANGE[0] <= largest <= RANGE[1]:
        return found
    if largest == 0.0:
        problem.scale = RESCUE
    elif not math.isfinite(largest):
        problem.scale = 1.0 / RESCUE
    else:
        problem.scale = 2.0 ** -round(math.log2(largest))
    again = _once(problem)
    if largest == 0.0 and again.largest > 0.0:
        problem.scale *= 2.0 ** -round(math.log2(again.largest))
        return _once(problem)
    if again.largest == 0.0 or not math.isfinite(again.largest):
        problem.scale = 1.0
        return found
    return again


def shake(problem: Problem) -> None:
    """Run once from elsewhere, forward and backward, so that nothing stale of the point itself is left in the model."""
    generator = torch.Generator().manual_seed(problem.seed)
    moved = {
        name: (x + _size(x) * torch.randn(x.shape, generator=generator).to(x)).requires_grad_()
        for name, x in problem.tensors.items()
    }
    try:
        seed_all(problem.seed)
        problem.within(moved, lambda value: backward(value, moved) if value.requires_grad else None)
    except (RuntimeError, ValueError, IndexError):
        return  # this other point is outside of what the model takes, which is no fault


def _size(x: Tensor) -> float:
    """Root mean square of a tensor, at least 0.1: far enough to turn masks over."""
    return max(float(x.square().mean().sqrt()), 0.1) if x.numel() else 0.0


def dense(gradient: Tensor | None, like: Tensor) -> Tensor:
    """A gradient with all its entries; zeros where there is none."""
    if gradient is None:
        return torch.zeros_like(like)
    return gradient.to_dense() if gradient.is_sparse else gradient


def backward(value: Tensor, leaves: Mapping[str, Tensor], *, create_graph: bool = False) -> dict[str, Tensor | None]:
    """Gradients by name; None where no path leads back. Reentrant checkpoints take part in nothing but ``backward``."""
    if not any(node.name().startswith(CHECKPOINT) for node in nodes(value)):
        grads = torch.autograd.grad(value, list(leaves.values()), create_graph=create_graph, allow_unused=True)
        return dict(zip(leaves, grads, strict=True))
    torch.autograd.backward(value, create_graph=create_graph)
    found = {name: leaf.grad for name, leaf in leaves.items()}
    for leaf in leaves.values():
        leaf.grad = None
    return found


def gradients_of(problem: Problem, names: Iterable[str]) -> Gradients:
    """Differentiate by some tensors, and by the inputs that need a gradient in the batch as it was given."""
    asked = {name: problem.tensors[name] for name in names}
    leaves = {name: x.clone().requires_grad_() for name, x in {**problem.needing, **asked}.items()}
    seed_all(problem.seed)
    with first_calls((CheckpointFunction,)) as calls:
        found = problem.within(leaves, lambda value: _of(value, leaves, asked))
    return replace(found, reentrant=bool(calls))


def _once(problem: Problem) -> Gradients:
    return gradients_of(problem, problem.tensors)


def _of(value: Tensor, leaves: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> Gradients:
    if not value.requires_grad:
        zeros = {name: torch.zeros_like(x) for name, x in tensors.items()}
        return Gradients(by_name=zeros, unreached=tuple(zeros), not_finite=(), functions=())
    functions = custom_functions(value, leaves)
    named = backward(value, leaves)
    named = {name: named[name] for name in tensors}
    by_name = {name: dense(g, tensors[name]) for name, g in named.items()}
    return Gradients(
        by_name={name: g.detach() for name, g in by_name.items()},
        unreached=tuple(name for name, g in named.items() if g is None),
        not_finite=tuple(name for name, g in by_name.items() if not bool(torch.isfinite(g).all())),
        functions=functions,
    )
