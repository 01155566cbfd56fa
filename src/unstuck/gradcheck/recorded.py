"""Check one recorded call of a hand-written function, within a given time and without a trace."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from unstuck.gradcheck.analytic import gradients
from unstuck.gradcheck.branches import Recorder
from unstuck.gradcheck.copies import cast_tree
from unstuck.gradcheck.differences import Evaluator
from unstuck.gradcheck.judge import Judged, State, judge
from unstuck.gradcheck.overhear import Call
from unstuck.gradcheck.point import evaluator_at
from unstuck.gradcheck.problem import INPUT, Problem, build
from unstuck.gradcheck.repeat import SAME
from unstuck.gradcheck.sampling import choose
from unstuck.gradcheck.steady import aside, seed_all, steady
from unstuck.gradcheck.tolerance import Tolerance

__all__ = ["CallCheck", "check_call"]

DIRECTIONS = 3
ENTRIES = 24
"""Single entries that are looked at where a direction disagrees, to tell a fault from a step of the forward pass."""

STEP = 1e-5
"""Step of the differences, in units of the argument's size (CS231n, "Gradient checks")."""

LINES = Tolerance(error=1e-2, shrink=(0.1, 0.001))
"""Error above which the gradient is probably wrong (CS231n); suspects are looked at again at few steps."""

SINGLE = Tolerance(error=1e-2, shrink=(0.1,))
"""The same for single entries, which are many."""

VANISHING = 1e-6
"""Share of the largest gradient below which a slope is zero."""

PASSING = 1e-3
"""Share of the largest gradient above which a gradient passes through where the slope is zero."""

ENOUGH_VALUES = 2**12
"""Values of the arguments above which examples are left out, so that the check is fast."""

LEAST_EXAMPLES = 8
"""Examples that are kept: statistics over a batch need several."""

EVALUATIONS = 40
"""Evaluations that a check of a right function takes, about: where there is no time for so many, it does not begin."""


PATIENCE = 10.0
"""By how much it may take longer than it computes, on a busy machine or where the function waits for something."""


@dataclass(frozen=True, kw_only=True)
class CallCheck:
    """What a check of one call found.

    Attributes:
        verdict: right; wrong; identity: the forward pass returns its input, so that any gradient is meant; step: the
            gradient is right wherever the forward pass has a slope, and passes through where it has none; unknown: it
            does not run in float64, is not deterministic, is not smooth where it was called, or takes too long.
        error: Largest relative error of an argument's slopes, |a - n| / max(|a|, |n|); NaN unless right or wrong.
    """

    verdict: Literal["right", "wrong", "identity", "step", "unknown"]
    error: float = float("nan")


UNKNOWN = CallCheck(verdict="unknown")


def check_call(call: Call, *, seconds: float = float("inf"), seed: int = 0) -> CallCheck:
    r"""Compare the backward pass with differences along random directions :math:`v` through the arguments.

    .. math::
        \nabla s(x) \cdot v \approx \frac{s(x + h v) - s(x - h v)}{2 h}, \qquad s(x) = \sum_i w_i f(x)_i

    Nothing that the function prints, warns of or draws at random is left behind, and no setting of other threads is
    changed.

    Args:
        call: The call; derivatives are taken by those of its arguments that require gradients.
        seconds: Time that it may compute; one evaluation may go beyond.
        seed: Seed of the directions and of every evaluation.
    """
    deadline = time.thread_time() + seconds
    with aside(), steady(None), _without_autocast(call):
        for arguments in _attempts(call.arguments):
            try:
                return _checked(replace(call, arguments=arguments), deadline, seed)
            except TimeoutError:
                break
            except Exception:  # the function is someone's, and may not take few examples, or float64
                continue
    return UNKNOWN


def _attempts(arguments: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """Few examples of large arguments, counted along the first one's first dimension; then all of them."""
    leaves = pytree.tree_leaves(arguments)
    tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor) and leaf.ndim]
    values = sum(tensor.numel() for tensor in tensors)
    if values <= ENOUGH_VALUES:
        return [arguments]
    examples = len(tensors[0])
    # Indices might point beyond what is left, and a number of examples would not fit it.
    whole = any(not (t.is_floating_point() or t.is_complex() or t.dtype == torch.bool) for t in tensors)
    count = max(LEAST_EXAMPLES, examples * ENOUGH_VALUES // values)
    if whole or count >= examples or any(type(leaf) is int and leaf == examples for leaf in leaves):
        return [arguments]
    few: list[Any] = []
    for argument in arguments:
        along = isinstance(argument, Tensor) and argument.ndim and len(argument) == examples
        few.append(argument.detach()[:count].requires_grad_(argument.requires_grad) if along else argument)
    return [tuple(few), arguments]


def _without_autocast(call: Call) -> torch.autocast:
    kinds = [argument.device.type for argument in call.arguments if isinstance(argument, Tensor)]
    return torch.autocast(kinds[0] if kinds else "cpu", enabled=False)


def _checked(call: Call, deadline: float, seed: int) -> CallCheck:
    problem = build(call.kind.apply, None, call.arguments, None, dtype=torch.float64, seed=seed)
    problem.constants, problem.deadline = True, deadline
    names = [f"{INPUT}[{i}]" for i in range(len(call.arguments))] if len(call.arguments) > 1 else [INPUT]
    for name, argument in zip(names, call.arguments, strict=True):
        if name in problem.tensors and not argument.requires_grad:
            problem.leave_out(name)
    left, began = deadline - time.thread_time(), time.perf_counter()
    outputs = _outputs(problem)
    if outputs is None or EVALUATIONS * (time.perf_counter() - began) > PATIENCE * left:
        return UNKNOWN
    asked = [a for a in problem.inputs if isinstance(a, Tensor)]
    if any(torch.equal(outputs[0], argument) for argument in asked if argument.shape == outputs[0].shape):
        return CallCheck(verdict="identity")
    return _compared(problem)


def _outputs(problem: Problem) -> list[Tensor] | None:
    """The floating outputs; None where there are none, or less than float64 took part in them."""
    seed_all(problem.seed)
    with torch.no_grad(), Recorder(constants=True) as recorder:
        result = problem.objective.call(*cast_tree(problem.inputs, torch.float64))
    outputs = [leaf for leaf in pytree.tree_leaves(result) if isinstance(leaf, Tensor)]
    outputs = [leaf for leaf in outputs if leaf.is_floating_point() or leaf.is_complex()]
    wide = all(leaf.dtype in (torch.float64, torch.complex128) for leaf in outputs)
    return outputs if outputs and wide and recorder.narrow is None else None


def _compared(problem: Problem) -> CallCheck:
    found = gradients(problem)
    lines = problem.along(DIRECTIONS)
    evaluator, variation = evaluator_at(lines)
    if found.not_finite or not variation <= SAME * abs(evaluator.base):  # both NaN where the value is
        return UNKNOWN
    parts = [_argument(evaluator, problem, name, gradient) for name, gradient in found.by_name.items()]
    # A step in one argument excuses the others: quantisers with a learnt scale bend both gradients.
    for verdict in ("step", "wrong", "unknown", "right"):
        errors = [part.error for part in parts if part.verdict == verdict]
        if errors:
            return CallCheck(verdict=verdict, error=max(errors))
    return UNKNOWN


def _argument(evaluator: Evaluator, problem: Problem, name: str, gradient: Tensor) -> CallCheck:
    directions = evaluator.problem.directions[name][1]
    slopes = torch.tensordot(directions, gradient, dims=gradient.ndim)
    places = torch.arange(len(directions), device=slopes.device)
    judged = judge(evaluator, name, places, slopes, STEP, LINES)
    if bool((judged.state <= State.TINY).all()):
        return CallCheck(verdict="right", error=_error(judged))
    generator = torch.Generator().manual_seed(problem.seed)
    entries = choose(name, gradient, ENTRIES, generator).to(gradient.device)
    singly = judge(replace(evaluator, problem=problem), name, entries, gradient, STEP, SINGLE)
    size = float(gradient.abs().max())
    stepped = (singly.numerical.abs() < VANISHING * size) & (singly.analytic.abs() > PASSING * size)
    sloped = singly.state[~stepped]
    if bool(stepped.any()) and not bool((sloped == State.WRONG).any()):
        return CallCheck(verdict="step")
    if bool((judged.state == State.WRONG).any()):
        return CallCheck(verdict="wrong", error=_error(judged))
    smooth = bool((singly.state <= State.TINY).all())
    return CallCheck(verdict="right", error=_error(singly)) if smooth else UNKNOWN


def _error(judged: Judged) -> float:
    """|a - n| / max(|a|, |n|) over all that is not at a kink; 0 where both vanish."""
    counts = ~judged.aside
    a, n = judged.analytic[counts], judged.numerical[counts]
    size = max(float(a.norm()), float(n.norm()))
    return float((a - n).norm()) / size if size > 0.0 else 0.0
