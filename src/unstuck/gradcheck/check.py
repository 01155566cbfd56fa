"""Compare the gradient of automatic differentiation with that of differences, and say what is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast, overload

import torch
from torch import Tensor

from unstuck.errors import ArgumentError
from unstuck.gradcheck.analytic import gradients
from unstuck.gradcheck.conclude import concluded, not_finite
from unstuck.gradcheck.differences import Evaluator
from unstuck.gradcheck.judge import Judged, State, Tolerance, judge
from unstuck.gradcheck.overhear import Call
from unstuck.gradcheck.point import Point, Request, evaluator_at, reach
from unstuck.gradcheck.problem import LossFunction, Penalty, Problem
from unstuck.gradcheck.repeat import SAME, culprit
from unstuck.gradcheck.result import GradientCheck, TensorCheck, VerdictWord
from unstuck.gradcheck.sampling import SAMPLE, Coordinates, choose, on_purpose, validated
from unstuck.gradcheck.second_order import curvature_error
from unstuck.gradcheck.steady import steady
from unstuck.gradcheck.sweep import sweep

__all__ = ["check_gradients"]

WRONG = 1e-2
"""Relative error that is wrong beyond doubt (CS231n); in float32 nothing smaller can be told."""
SUSPECT = 1e-4
"""Relative error that a function without kinks never has in float64 (CS231n)."""
DEEP = 10
"""Layers from which errors add up to more: the bound of suspicion rises in proportion (CS231n)."""
EXAMPLES = 3
FAINT = 1e-13
"""Share of the model's largest gradient that is rounding, where it should be zero."""


@overload
def check_gradients(
    model: Callable[..., Any],
    loss: LossFunction,
    batch: tuple[Any, Any],
    /,
    *,
    coordinates: Coordinates = ...,
    seed: int = ...,
    examples: int = ...,
    inputs: bool = ...,
    regularisation: Penalty | None = ...,
    warm_up: int = ...,
    order: int = ...,
    exclude: Sequence[str] = ...,
) -> GradientCheck: ...
@overload
def check_gradients(
    function: Callable[..., Any],
    inputs: Any,
    /,
    *,
    coordinates: Coordinates = ...,
    seed: int = ...,
    order: int = ...,
    exclude: Sequence[str] = ...,
) -> GradientCheck: ...
def check_gradients(
    model: Callable[..., Any],
    loss: Any,
    batch: tuple[Any, Any] | None = None,
    /,
    *,
    coordinates: Coordinates = SAMPLE,
    seed: int = 0,
    examples: int = EXAMPLES,
    inputs: bool = True,
    regularisation: Penalty | None = None,
    warm_up: int = 0,
    order: int = 1,
    exclude: Sequence[str] = (),
) -> GradientCheck:
    r"""Check the gradient of a model's loss, or of a function, against centred differences.

    .. math::
        n_i = \frac{f(x + h e_i) - f(x - h e_i)}{2h}, \qquad
        \text{error}_i = \frac{|a_i - n_i|}{\max(|a_i|, |n_i|)}

    with :math:`a` the gradient by automatic differentiation; zero against zero passes. Everything happens on a copy in
    float64, with the same random numbers at each evaluation, so that dropout is checked too. The step comes from a
    sweep over 1e-3 to 1e-9. An error above 1e-4 (more for models of more than ten layers) is looked at again with
    smaller steps: where it vanishes, or where the slopes of the two sides differ, there is a kink, and the coordinate
    is set aside; what stays is wrong.

    Args:
        model: A module, or a function of tensors.
        loss: Of outputs and targets, a scalar. Of a plain function, in its place, the arguments: a tensor or a tuple;
            outputs of any shape are then weighted and summed.
        batch: Inputs and targets. Inputs are a tensor, a tuple of arguments or a mapping of keyword arguments.
        coordinates: How many of each tensor are checked, or ``"all"``, or flat indices by the tensors' names.
        seed: Seed of the choice and of every evaluation.
        examples: The first examples of the batch that are used: few, so that there are few kinks.
        inputs: Whether gradients of floating-point inputs are checked as well.
        regularisation: A penalty, function of the model, that training adds to the loss. It is checked by itself, and
            together with the loss raised to equal strength, so that a mistake in it shows.
        warm_up: Steps of Adam on the copy before the check, to get away from a special start.
        order: 2 checks a Hessian-vector product as well.
        exclude: Names or patterns (``"encoder.*"``, ``"input"``) of tensors whose gradient differs on purpose from the
            derivative, as before a straight-through estimator; they are not checked, and a note says so.

    Returns:
        What was found; it prints as a table.

    Raises:
        ArgumentError: The loss is no scalar or not finite, nothing requires a gradient, or the parts do not fit.

    Examples:
        >>> from torch import nn
        >>> model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2))
        >>> check = check_gradients(model, nn.functional.cross_entropy, (torch.randn(3, 4), torch.tensor([0, 1, 1])))
        >>> check.ok, check.verdict, check.checked, check.max_relative_error < 1e-6
        (True, 'right', 35, True)
        >>> check_gradients(torch.tanh, torch.linspace(-2.0, 2.0, 5)).verdict
        'right'

    Source: CS231n, "Neural Networks Part 3: Learning and Evaluation", gradient checks.
    """
    for name, number, least in (("examples", examples, 1), ("warm_up", warm_up, 0)):
        if type(number) is not int or number < least:
            raise ArgumentError(f"{name}={number!r}: a whole number from {least} is accepted")
    if order not in (1, 2):
        raise ArgumentError(f"order={order!r}: 1 (gradients) or 2 (a Hessian-vector product as well) is accepted")
    if batch is not None and not _pair(batch):
        raise ArgumentError(f"batch={type(batch).__name__}: a pair (inputs, targets) is accepted")
    if isinstance(exclude, str):
        raise ArgumentError(f"exclude={exclude!r}: a list of names or patterns is accepted; write [{exclude!r}]")
    request = Request(
        model=model,
        loss=None if batch is None else loss,
        inputs=loss if batch is None else batch[0],
        targets=None if batch is None else batch[1],
        penalty=regularisation,
        examples=examples if batch is not None else 2**62,
        seed=seed,
        warm_up=warm_up,
        with_inputs=inputs,
        exclude=tuple(exclude),
    )
    return _checked(request, coordinates, order=order)


def _pair(batch: object) -> bool:
    return isinstance(batch, tuple | list) and len(cast("tuple[Any, ...]", batch)) == 2


def _checked(request: Request, coordinates: Coordinates, *, order: int = 1, blame: bool = True) -> GradientCheck:
    with steady(torch.float64):
        point = reach(request)
        torch.set_default_dtype(point.problem.dtype)
        result = _compared(point, coordinates, order=order, blame=blame)
        if request.penalty is None or result.verdict not in ("right", "kink"):
            return result
        for label, data in (("regularisation", 0.0), ("loss with regularisation raised", 1.0)):
            objective = point.problem.objective
            objective.data, objective.penalty = data, 1.0
            if data:
                objective.penalty = _raised(point.problem)
            part = _compared(point, coordinates, order=1, blame=blame)
            note = f"{label}: {part.verdict}, largest relative error {part.max_relative_error:.1e}"
            result = replace(result, notes=(*result.notes, note))
            if not part.ok:
                return replace(part, reason=f"{label}: {part.reason}", notes=result.notes)
        return result


def _raised(problem: Problem) -> float:
    """The factor at which the penalty's gradient is as large as that of the data."""
    objective = problem.objective
    objective.data, objective.penalty = 1.0, 0.0
    data = gradients(problem).largest
    objective.data, objective.penalty = 0.0, 1.0
    penalty = gradients(problem).largest
    objective.data = 1.0
    return max(1.0, data / penalty) if penalty > 0.0 and math.isfinite(data / penalty) else 1.0


def _compared(point: Point, coordinates: Coordinates, *, order: int, blame: bool) -> GradientCheck:
    problem = point.problem
    problem.scale = 1.0
    found = gradients(problem)
    chosen = validated(coordinates, problem.tensors)
    evaluator, variation = evaluator_at(problem)
    value = evaluator.base / problem.scale
    if variation > SAME * max(abs(evaluator.base), 1e-300) and not point.narrow:
        who = culprit(problem)
        return GradientCheck(
            verdict="non-deterministic",
            reason=f"the loss changes by itself, by {variation / abs(evaluator.base):.1e} of it: the fault is {who}",
            advice=f"make {who} give the same for the same inputs and the same seed of the global generators "
            "while it is checked: no generator or counter of its own, no state kept from call to call",
            value=value,
            notes=point.notes,
        )
    notes = list(point.notes)
    if problem.scale != 1.0:
        notes.append(
            f"the loss was multiplied by 2^{round(math.log2(problem.scale))}: its gradients leave float64's range"
        )
    if found.not_finite:
        return not_finite(found, value, notes)
    unused = [name for name in found.unreached if name.startswith("input")]
    tested = {n: g for n, g in found.by_name.items() if n not in unused and g.numel()}
    notes += [f"{name}: no gradient comes back to it, and none was checked" for name in unused]
    if not tested:
        raise ArgumentError(
            "loss: it has no gradient at all; it does not depend on any parameter, or is detached from them"
        )
    curve = sweep(evaluator, tested, narrow=bool(point.narrow))
    tolerance = _tolerance(problem, narrow=bool(point.narrow))
    generator = torch.Generator().manual_seed(problem.seed)
    deliberate = on_purpose(problem.objective.call)
    rows: list[TensorCheck] = []
    for name, gradient in tested.items():
        places = choose(name, gradient, chosen, generator).to(gradient.device)
        if name in deliberate:
            note, part = deliberate[name]
            notes.append(note)
            places = places[~torch.isin(places, torch.arange(gradient.numel(), device=places.device)[part])]
        if len(places):
            judged = judge(evaluator, name, places, gradient, curve.chosen, tolerance)
            rows.append(_row(evaluator, name, judged, faint=FAINT * found.largest))
    result = GradientCheck(verdict="right", reason="", tensors=tuple(rows), sweep=curve, value=value)
    if order == 2:
        rows.append(curvature_error(problem, tested, narrow=bool(point.narrow)))
        result = replace(result, tensors=tuple(rows))
    if evaluator.looped:
        reasons = sorted(set(evaluator.looped.values()))
        notes.append(f"evaluated one by one, for vmap does not take this model: {reasons[0]}")
    result = replace(result, notes=tuple(notes))
    return concluded(point, found, result, alone=_alone if blame else None)


def _tolerance(problem: Problem, *, narrow: bool) -> Tolerance:
    if narrow:
        return Tolerance(error=5.0 * WRONG, resolution=WRONG, shrink=(1.0, 0.3, 0.1))
    layers = sum(p.ndim > 1 for p in problem.tensors.values())
    return Tolerance(error=min(SUSPECT * max(1.0, layers / DEEP), WRONG))


def _row(evaluator: Evaluator, name: str, judged: Judged, *, faint: float) -> TensorCheck:
    x = evaluator.problem.tensors[name]
    kinks = int((judged.state == State.KINK).sum())
    tiny = int((judged.state == State.TINY).sum())
    wrong = (judged.state == State.WRONG).nonzero()[:, 0]
    verdict: VerdictWord = "right"
    if len(wrong):
        verdict = "wrong"
    elif kinks and kinks + tiny == len(judged.places):
        verdict = "kink"
    elif tiny == len(judged.places) and float(judged.analytic.abs().max()) > faint:
        verdict = "precision"
    # The worst is the largest in absolute terms, for relative errors of small entries all look alike.
    size = (judged.analytic - judged.numerical).abs().nan_to_num(posinf=1e300)
    order = wrong[size[wrong].argsort(descending=True)] if len(wrong) else judged.error.argmax().reshape(1)
    worst = int(order[0])
    return TensorCheck(
        name=name,
        shape=tuple(x.shape),
        checked=len(judged.places),
        verdict=verdict,
        max_relative_error=float(judged.error.max()),
        wrong=tuple(_index(int(judged.places[i]), x) for i in order.tolist()) if len(wrong) else (),
        analytic=float(judged.analytic[worst]) / evaluator.problem.scale,
        numerical=float(judged.numerical[worst]) / evaluator.problem.scale,
        kinks=kinks,
        tiny=tiny,
        looped=evaluator.looped.get(name, ""),
    )


def _index(flat: int, like: Tensor) -> tuple[int, ...]:
    return tuple(int(i) for i in torch.unravel_index(torch.tensor(flat), like.shape))


def _alone(call: Call) -> tuple[float, str] | None:
    """Check one function at the arguments that it was called with."""
    request = Request(
        model=call.kind.apply,
        loss=None,
        inputs=call.arguments,
        targets=None,
        penalty=None,
        examples=2**62,
        seed=0,
        warm_up=0,
        with_inputs=True,
    )
    try:
        result = _checked(request, SAMPLE * 8, blame=False)
    except ArgumentError:
        return None
    return (result.max_relative_error, str(result.worst)) if result.verdict == "wrong" else None
