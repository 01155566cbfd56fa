"""One random direction through each large tensor: two evaluations see all of its entries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from unstuck.gradcheck.differences import Evaluator, Slopes
from unstuck.gradcheck.problem import Problem
from unstuck.gradcheck.result import TensorCheck

__all__ = ["Lines", "along_lines", "directions", "worst_entry"]

BUNDLE = "all directions"
"""Name of the coefficients of all directions."""
EXACT = 1e-6
"""Share of a direction's slope by which two may differ that agree: an entry of N that is off by e shows e / sqrt(N)."""
CLEAR = 1e-5
"""Share of a direction's slope that rounding may make up."""
STRAIGHT = 1e-3
"""Share of a direction's slope by which its two sides may differ: more is a kink, or a curve."""
WIDE = 2**16
"""Entries of the tensors that are moved in one batch."""
BLOCKS = 8
"""Parts of a tensor among which the one with the wrong entry is looked for."""


@dataclass(frozen=True, kw_only=True)
class Lines:
    """What directions show.

    Attributes:
        right: Rows of the tensors whose slopes agree, by name.
        wrong: Names of those whose slopes differ.
    """

    right: dict[str, TensorCheck]
    wrong: frozenset[str]


def directions(problem: Problem, left_out: Mapping[str, slice]) -> dict[str, Tensor]:
    """A direction through each tensor: random signs, of the length of a step of one entry."""
    generator = torch.Generator().manual_seed(problem.seed)
    found: dict[str, Tensor] = {}
    for name, x in problem.tensors.items():
        v = (torch.randint(0, 2, (x.numel(),), generator=generator) * 2 - 1).to(x)
        v[left_out.get(name, slice(0, 0))] = 0.0
        size = max(1.0, float(x.square().mean().sqrt()))
        found[name] = (size * v / v.norm().clamp(min=1.0)).reshape(x.shape)
    return found


def along_lines(evaluator: Evaluator, gradients: Mapping[str, Tensor], v: Mapping[str, Tensor], h: float) -> Lines:
    r"""Compare :math:`\sum_i a_i v_i` with the difference quotient along v, for every tensor in one batch.

    The slope's size is :math:`\sqrt{\sum_i (a_i v_i)^2}`, which chance does not cancel. A tensor is right where they
    agree, rounding hides nothing and the two sides do not differ; anything else is for single coordinates to say.

    Args:
        evaluator: Gives the differences.
        gradients: Gradients by automatic differentiation, of the tensors to look at.
        v: Directions, by name.
        h: The step.
    """
    right: dict[str, TensorCheck] = {}
    wrong: set[str] = set()
    for names in _bundles(gradients):
        found = _bundle(evaluator, {name: gradients[name] for name in names}, v, h)
        right.update(found.right)
        wrong |= found.wrong
    return Lines(right=right, wrong=frozenset(wrong))


def _bundles(gradients: Mapping[str, Tensor]) -> list[list[str]]:
    """Names of tensors that are moved in one batch: each copy holds all of them, so that large ones go alone."""
    bundles: list[list[str]] = []
    width = WIDE
    for name in sorted(gradients, key=lambda name: gradients[name].numel()):
        width += gradients[name].numel()
        if width > WIDE:
            bundles.append([])
            width = gradients[name].numel()
        bundles[-1].append(name)
    return bundles


def _bundle(evaluator: Evaluator, gradients: Mapping[str, Tensor], v: Mapping[str, Tensor], h: float) -> Lines:
    problem = evaluator.problem
    bundle = {name: (problem.tensors[name], v[name]) for name in gradients}
    first = next(iter(bundle.values()))[0]
    moved = replace(problem, tensors={**problem.tensors, BUNDLE: first.new_zeros(len(bundle))}, bundle=bundle)
    size = evaluator.size + sum(x.numel() for x, _ in bundle.values())
    own = replace(evaluator, problem=moved, size=size, looped={}, refused={})
    slopes = own.slopes(BUNDLE, torch.arange(len(bundle), device=first.device), h)
    products = [(g * v[name]).double() for name, g in gradients.items()]
    a = torch.stack([product.sum() for product in products])
    scale = torch.stack([product.norm() for product in products])
    off = (a - slopes.centred).abs()
    agrees = off <= EXACT * scale + slopes.noise
    clear = (slopes.noise <= CLEAR * scale) & _straight(slopes, scale)
    rows = {
        name: TensorCheck(
            name=name,
            shape=tuple(v[name].shape),
            checked=int((v[name] != 0.0).sum()),
            verdict="right",
            max_relative_error=float(off[k] / scale[k]),
            analytic=float(a[k]) / problem.scale,
            numerical=float(slopes.centred[k]) / problem.scale,
            together=True,
            looped=own.looped.get(BUNDLE, ""),
        )
        for k, name in enumerate(gradients)
        if bool(agrees[k] & clear[k])
    }
    return Lines(right=rows, wrong=frozenset(name for k, name in enumerate(gradients) if not bool(agrees[k])))


def _straight(slopes: Slopes, scale: Tensor) -> Tensor:
    largest = torch.maximum(torch.maximum(slopes.forward.abs(), slopes.backward.abs()), scale)
    return slopes.gap <= STRAIGHT * largest + 4.0 * slopes.noise


def worst_entry(evaluator: Evaluator, name: str, gradient: Tensor, v: Tensor, h: float) -> int:
    """The flat index of the entry that makes a direction's slopes differ most: the worst part of the worst part."""
    problem, x = evaluator.problem, evaluator.problem.tensors[name]
    products, flat = (gradient * v).reshape(-1), v.reshape(-1)
    places = torch.arange(x.numel(), device=x.device)
    while len(places) > 1:
        parts = [part for part in places.tensor_split(BLOCKS) if len(part)]
        blocks = flat.new_zeros(len(parts), x.numel())
        for k, part in enumerate(parts):
            blocks[k, part] = flat[part] * (x.numel() / len(part)) ** 0.5
        moved = replace(
            problem,
            tensors={**problem.tensors, name: x.new_zeros(len(parts))},
            directions={name: (x, blocks.reshape(-1, *x.shape))},
        )
        own = replace(evaluator, problem=moved, size=evaluator.size + x.numel(), looped={}, refused={})
        n = own.slopes(name, torch.arange(len(parts), device=x.device), h).centred
        a = torch.stack([(products[part] * (x.numel() / len(part)) ** 0.5).sum() for part in parts])
        places = parts[int((a - n).abs().nan_to_num(nan=0.0).argmax())]
    return int(places[0])
