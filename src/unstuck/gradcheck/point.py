"""Get to a point at which a function can be differentiated: in float64 if at all possible, and finite."""

from __future__ import annotations

import copy
import fnmatch
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils import _pytree as pytree

from unstuck.errors import ArgumentError
from unstuck.gradcheck.analytic import shake
from unstuck.gradcheck.copies import first_examples
from unstuck.gradcheck.differences import DOMAIN, Evaluator
from unstuck.gradcheck.objective import LossFunction, Penalty, called
from unstuck.gradcheck.problem import Problem, build
from unstuck.gradcheck.repeat import spread
from unstuck.gradcheck.steady import seed_all

__all__ = ["Point", "Request", "evaluator_at", "reach"]

WARM_UP_RATE = 1e-3
"""Rate of the warm-up's steps, by Adam."""
FEW = 4.0
"""Units of rounding of the value that a sum or two leave: there is then no leap on this side."""
PROBES = 7
"""Neighbouring values from which the rounding error of one is estimated."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the user asked to be checked; ``dtype`` is the one precision to run in, where there is no choice."""

    model: Callable[..., Any]
    loss: LossFunction | None
    inputs: Any
    targets: Any
    penalty: Penalty | None
    examples: int
    seed: int
    warm_up: int
    with_inputs: bool
    exclude: tuple[str, ...] = ()
    dtype: torch.dtype | None = None


@dataclass(frozen=True, kw_only=True)
class Point:
    """A problem that can be evaluated.

    Attributes:
        problem: What is evaluated.
        narrow: Why it runs in float32; empty where it runs in float64.
        notes: What was done to get there.
    """

    problem: Problem
    narrow: str
    notes: tuple[str, ...]


def reach(request: Request) -> Point:
    """Copy, cast and try out.

    Raises:
        ArgumentError: The parts do not fit each other, or the first loss is not finite.
    """
    _same_device(request)
    request, made = _materialised(request)
    problem, narrow, notes = _working(request)
    notes = (*made, *notes)
    notes = (*notes, *_whole(request.model), *_leave_out(problem, request.exclude))
    if request.warm_up:
        _warm_up(problem, request.warm_up)
        notes = (*notes, f"checked after {request.warm_up} steps of warm-up")
    value = problem.number()
    if not math.isfinite(value):
        raise ArgumentError(f"loss: {value} before the first step; {_origin(problem)}")
    return Point(problem=problem, narrow=narrow, notes=notes)


def _materialised(request: Request) -> tuple[Request, tuple[str, ...]]:
    """Give weights to lazy layers, on a copy."""
    model = request.model
    if not isinstance(model, nn.Module) or not any(is_lazy(p) for p in _all(model)):
        return request, ()
    model = copy.deepcopy(model)
    seed_all(request.seed)
    try:
        with torch.no_grad():
            called(model, request.inputs)
    except Exception as error:  # whatever the model raises of inputs that do not fit
        raise ArgumentError(f"model: it does not run on the inputs given: {error}") from error
    return replace(request, model=model), ("lazy layers were given weights by one call of a copy",)


def _all(model: nn.Module) -> list[Tensor]:
    return [*model.parameters(), *model.buffers()]


def _whole(model: object) -> list[str]:
    """Parameters of whole numbers, which nothing can check."""
    named = model.named_parameters() if isinstance(model, nn.Module) else ()
    whole = {n: p.dtype for n, p in named if not (p.is_floating_point() or p.is_complex())}
    return [f"{n}: of {dtype}, which has no gradient, so that no training changes it" for n, dtype in whole.items()]


def _leave_out(problem: Problem, patterns: tuple[str, ...]) -> list[str]:
    """Take out what is not to be checked; it stays at its value. A name is one before it is a pattern."""
    known = (*problem.tensors, *problem.constant)
    out: list[str] = []
    for pattern in patterns:
        hit = [pattern] if pattern in known else [name for name in known if fnmatch.fnmatchcase(name, pattern)]
        if not hit:
            raise ArgumentError(f"exclude={pattern!r}: no tensor is called so; known are {', '.join(known)}")
        out += [name for name in hit if name in problem.tensors]
        for name in hit:
            problem.leave_out(name)
    if not problem.tensors:
        raise ArgumentError(f"exclude={list(patterns)}: nothing is left to check; leave something in")
    return [f"{', '.join(out)}: excluded, not checked"] if out else []


def _working(request: Request) -> tuple[Problem, str, tuple[str, ...]]:
    """The first of float64, float64 with all constants promoted, and float32 that runs; on few examples if they do."""
    batches = [first_examples((request.inputs, request.targets), request.examples), (request.inputs, request.targets)]
    attempts = [(torch.float64, False), (torch.float64, True), (torch.float32, False)]
    if request.dtype is not None:
        attempts = [(request.dtype, False)]
    failure: Exception | None = None
    reason = ""
    for dtype, promote in attempts:
        for inputs, targets in batches:
            problem = build(
                request.model,
                request.loss,
                inputs,
                targets,
                dtype=dtype,
                penalty=request.penalty,
                seed=request.seed,
                promote=promote,
                with_inputs=request.with_inputs,
            )
            try:
                narrow = _tried(problem)
            except ArgumentError:
                raise
            except Exception as error:  # whatever the model raises in a precision that it was not written for
                failure = error
                reason = reason or (str(error) or type(error).__name__).strip().splitlines()[0]
                continue
            if dtype == request.dtype:
                return problem, "", ()
            if dtype == torch.float64 and narrow is not None:
                reason = f"{narrow} computes in float32"
                break
            if dtype == torch.float32:
                note = f"the model cannot run in float64 ({reason}); checked in float32, which sees gross faults only"
                return problem, reason, (note,)
            return problem, "", ()
    assert failure is not None
    raise ArgumentError(f"model: it does not run on the inputs given: {failure}") from failure


def _tried(problem: Problem) -> str | None:
    """Run once elsewhere and once at the point; the name of an operation that works in less than float64."""
    shake(problem)
    seed_all(problem.seed)
    _, recorder = problem.value({})
    return recorder.narrow


def _warm_up(problem: Problem, steps: int) -> None:
    parameters = {name: x for name, x in problem.tensors.items() if not name.startswith("input")}
    leaves = [x.requires_grad_() for x in parameters.values()]
    optimizer = torch.optim.Adam(leaves, lr=WARM_UP_RATE)
    for _ in range(steps):
        optimizer.zero_grad()
        seed_all(problem.seed)
        problem.within({}, torch.autograd.backward)
        optimizer.step()
    problem.tensors.update({name: x.detach().clone() for name, x in parameters.items()})


def evaluator_at(problem: Problem) -> tuple[Evaluator, float]:
    """Ready to take differences; and by how much the value varies by itself."""
    seed_all(problem.seed)
    _, recorder = problem.value({})
    base, variation = spread(problem)
    largest = max(float(x.abs().max()) if x.numel() else 0.0 for x in problem.tensors.values())
    rounding = max(_rounding(problem, largest), torch.finfo(problem.dtype).eps * abs(base) / 2.0, variation)
    return Evaluator(problem=problem, base=base, size=recorder.numbers, rounding=rounding), variation


def _rounding(problem: Problem, largest: float) -> float:
    r"""Rounding error of one value, from third differences of neighbouring ones, which a smooth function has not.

    .. math::
        \sigma \approx \sqrt{\overline{(\Delta^3 f)^2} / 20}

    Source: Moré and Wild, "Estimating computational noise", SIAM J. Sci. Comput. 33 (2011), eq. 2.5.
    """
    if problem.dtype != torch.float64:
        return 0.0
    generator = torch.Generator().manual_seed(problem.seed)
    sides = {
        name: torch.randint(0, 2, x.shape, generator=generator).to(x) * 2 - 1 for name, x in problem.tensors.items()
    }
    estimates: list[float] = []
    for spacing in (1e-10 * max(1.0, largest), -1e-10 * max(1.0, largest)):
        # On one side of the point at a time, for the point itself may lie where the function leaps or ends.
        values = [
            _number(problem, {name: x + k * spacing * sides[name] for name, x in problem.tensors.items()})
            for k in range(1, PROBES + 1)
        ]
        differences = torch.tensor(values, dtype=torch.float64).diff(n=3)
        estimates.append(float((differences.square().mean() / 20.0).sqrt()))
        if estimates[-1] <= FEW * torch.finfo(problem.dtype).eps * abs(values[0]):
            break
    return min((estimate for estimate in estimates if math.isfinite(estimate)), default=0.0)


def _number(problem: Problem, moved: dict[str, Tensor]) -> float:
    """The value; NaN where the function is not defined."""
    try:
        return problem.number(moved)
    except DOMAIN:
        return math.nan


def _same_device(request: Request) -> None:
    if not isinstance(request.model, nn.Module):
        return
    devices = {tensor.device for tensor in _all(request.model)}
    if len(devices) != 1:
        return  # no parameter, or a model spread over several devices, which moves what it gets
    (home,) = devices
    if home.type == "meta":
        raise ArgumentError("model: on meta, where it holds no numbers; call to_empty(device=...) and initialise it")
    for name, tree in (("inputs", request.inputs), ("targets", request.targets)):
        for leaf in pytree.tree_leaves(tree):
            if isinstance(leaf, Tensor) and leaf.device != home:
                raise ArgumentError(
                    f"{name}: on {leaf.device}, but the model is on {home}; move them with .to({str(home)!r})"
                )


def _origin(problem: Problem) -> str:
    """Where the first number that is not finite comes from."""
    for name, tree in (("inputs", problem.inputs), ("targets", problem.targets)):
        for leaf in pytree.tree_leaves(tree):
            if isinstance(leaf, Tensor) and leaf.is_floating_point() and not bool(torch.isfinite(leaf).all()):
                return f"the {name} hold NaN or infinity already: clean the data"
    for name, x in problem.tensors.items():
        if not bool(torch.isfinite(x).all()):
            return f"{name} holds NaN or infinity already: initialise it again"
    first: list[str] = []
    hooks = [
        module.register_forward_hook(_watch(name, first))
        for name, module in problem.objective.named_modules()
        if name.startswith("call.")
    ]
    try:
        problem.at()
    finally:
        for hook in hooks:
            hook.remove()
    if first:
        return f"the first number that is not finite comes out of {first[0]}"
    return "the outputs of the model are finite, so look for log(0), 0/0 or exp of large numbers in the loss"


def _watch(name: str, first: list[str]) -> Callable[[nn.Module, Any, Any], None]:
    def look(module: nn.Module, inputs: Any, output: Any) -> None:
        leaves = [leaf for leaf in pytree.tree_leaves(output) if isinstance(leaf, Tensor)]
        if not all(bool(torch.isfinite(leaf).all()) for leaf in leaves if leaf.is_floating_point()):
            first.append(f"{name.removeprefix('call.')} ({type(module).__name__})")

    return look
