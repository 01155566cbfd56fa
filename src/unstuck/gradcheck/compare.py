"""Compare all tensors of a problem, coordinate by coordinate, and put what was found into one result."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from unstuck.errors import ArgumentError
from unstuck.gradcheck.analytic import Gradients, gradients
from unstuck.gradcheck.blame import Alone
from unstuck.gradcheck.conclude import concluded, not_deterministic, not_finite
from unstuck.gradcheck.differences import Evaluator
from unstuck.gradcheck.judge import judge
from unstuck.gradcheck.lines import along_lines, directions, worst_entry
from unstuck.gradcheck.point import Point, Request, evaluator_at, reach
from unstuck.gradcheck.problem import Problem
from unstuck.gradcheck.reentrant import as_trained
from unstuck.gradcheck.repeat import SAME
from unstuck.gradcheck.result import GradientCheck, TensorCheck
from unstuck.gradcheck.rows import row
from unstuck.gradcheck.sampling import SAMPLE, Coordinates, choose, on_purpose, validated
from unstuck.gradcheck.second_order import curvature_error
from unstuck.gradcheck.steady import steady
from unstuck.gradcheck.sweep import sweep
from unstuck.gradcheck.tolerance import Tolerance, tolerance_of

__all__ = ["checked"]

FAINT = 1e-13
"""Share of the model's largest gradient that is rounding, where it should be zero."""


def checked(request: Request, coordinates: Coordinates, *, order: int = 1, alone: Alone | None) -> GradientCheck:
    """Check a problem, and a penalty by itself and together with the loss.

    Args:
        request: What to check.
        coordinates: Which coordinates of each tensor.
        order: 2 checks a Hessian-vector product as well.
        alone: Checks a hand-written function by itself, to find whose fault a wrong gradient is; None leaves that.
    """
    with steady(torch.float64):
        point = reach(request)
        torch.set_default_dtype(point.problem.dtype)
        result = _compared(point, coordinates, order=order, alone=alone)
        if request.penalty is None or not result.ok:
            return result
        return _with_penalty(point, coordinates, result, alone=alone)


def _with_penalty(
    point: Point, coordinates: Coordinates, result: GradientCheck, *, alone: Alone | None
) -> GradientCheck:
    objective = point.problem.objective
    for label, data in (("regularisation", 0.0), ("loss with regularisation raised", 1.0)):
        objective.data, objective.penalty = data, 1.0
        if data:
            objective.penalty = _raised(point.problem)
        part = _compared(point, coordinates, order=1, alone=alone)
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


def _compared(point: Point, coordinates: Coordinates, *, order: int, alone: Alone | None) -> GradientCheck:
    problem = point.problem
    problem.scale = 1.0
    found = as_trained(problem, gradients(problem))
    chosen = validated(coordinates, problem.tensors)
    evaluator, variation = evaluator_at(problem)
    if variation > SAME * max(abs(evaluator.base), 1e-300) and not point.narrow:
        return not_deterministic(point, evaluator, variation)
    notes = [*point.notes, *_rescued(problem)]
    value = evaluator.base / problem.scale
    if found.not_finite:
        return not_finite(found, value, notes)
    tested = _tested(found, notes)
    curve = sweep(evaluator, tested, narrow=bool(point.narrow))
    judged = _rows(evaluator, tested, chosen, curve.chosen, tolerance_of(problem, narrow=bool(point.narrow)))
    notes += judged[1]
    rows = list(judged[0])
    if order == 2:
        rows.append(curvature_error(problem, tested, narrow=bool(point.narrow)))
    notes += [f"{name}: not defined beside some coordinates ({why})" for name, why in evaluator.refused.items()]
    result = GradientCheck(
        verdict="right", reason="", tensors=tuple(rows), sweep=curve, value=value, notes=tuple(notes)
    )
    return concluded(point, found, result, alone=alone)


def _rescued(problem: Problem) -> list[str]:
    if problem.scale == 1.0:
        return []
    return [f"the loss was multiplied by 2^{round(math.log2(problem.scale))}: its gradients leave float64's range"]


def _tested(found: Gradients, notes: list[str]) -> dict[str, Tensor]:
    """The tensors whose gradients are compared: all but inputs that nothing comes back to."""
    unused = [name for name in found.unreached if name.startswith("input")]
    tested = {n: g for n, g in found.by_name.items() if n not in unused and g.numel()}
    notes += [f"{name}: no gradient comes back to it, and none was checked" for name in unused]
    if not tested:
        raise ArgumentError(
            "loss: it has no gradient at all; it does not depend on any parameter, or is detached from them"
        )
    return tested


def _rows(
    evaluator: Evaluator, tested: dict[str, Tensor], chosen: Coordinates, h: float, tolerance: Tolerance
) -> tuple[list[TensorCheck], list[str]]:
    """The comparison of each tensor, and notes on what was left out on purpose."""
    problem = evaluator.problem
    generator = torch.Generator().manual_seed(problem.seed)
    deliberate = on_purpose(problem.objective.call)
    faint = FAINT * max(float(gradient.abs().max()) for gradient in tested.values())
    rows: list[TensorCheck] = []
    v = directions(problem, {name: part for name, (_, part) in deliberate.items()})
    large = {n: g for n, g in tested.items() if chosen is None and g.numel() > SAMPLE and tolerance.remark}
    lines = along_lines(evaluator, large, v, h)
    for name, gradient in tested.items():
        if name in lines.right:
            rows.append(lines.right[name])
            continue
        places = choose(name, gradient, chosen, generator)
        if name in lines.wrong:
            places = torch.cat([places, torch.tensor([worst_entry(evaluator, name, gradient, v[name], h)])]).unique()
        if name in deliberate:
            places = places[~torch.isin(places, torch.arange(gradient.numel())[deliberate[name][1]])]
        if len(places):
            judged = judge(evaluator, name, places.to(gradient.device), gradient, h, tolerance)
            rows.append(row(evaluator, name, judged, faint=faint))
    return rows, [deliberate[name][0] for name in tested if name in deliberate]
