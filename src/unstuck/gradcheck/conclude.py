"""From the verdicts of single tensors to the verdict of the check, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from unstuck.gradcheck.analytic import Gradients
from unstuck.gradcheck.blame import Alone, Fault, advice, culprits, faults, holder
from unstuck.gradcheck.differences import Evaluator
from unstuck.gradcheck.locate import CustomFunction
from unstuck.gradcheck.point import Point
from unstuck.gradcheck.problem import Problem
from unstuck.gradcheck.repeat import culprit
from unstuck.gradcheck.result import Culprit, GradientCheck, TensorCheck
from unstuck.gradcheck.surrogate import offered, surrogate

__all__ = ["concluded", "not_deterministic", "not_finite"]

SHOWN = 5
"""Indices that a message lists."""


def concluded(point: Point, found: Gradients, result: GradientCheck, *, alone: Alone | None) -> GradientCheck:
    """Put the tensors' verdicts into one; ``alone`` checks a hand-written function by itself, where one is at fault."""
    wrong = sorted((t for t in result.tensors if t.verdict == "wrong"), key=lambda t: -t.max_relative_error)
    if wrong:
        return _wrong(point.problem, found, result, wrong, alone)
    off = faults(point.problem, found.functions, alone) if alone and found.functions else ()
    result = replace(result, notes=(*result.notes, *_remarks(result), *_off(off)))
    if all(t.verdict == "kink" for t in result.tensors):
        return replace(
            result,
            verdict="nothing checked",
            reason=f"every coordinate lies at a kink or where the function ends: {_counts(result)}; "
            "there is no gradient to compare",
            advice=ELSEWHERE,
        )
    if point.narrow:
        return replace(
            result,
            verdict="precision",
            reason=f"the model cannot run in float64 ({point.narrow}); in float32 no gross error was found in "
            f"{result.checked:,} coordinates",
            advice="let its kernels and constants follow the type of the inputs, and check again",
        )
    return _right(result)


ELSEWHERE = "check at another point: other examples, or after a warm-up (warm_up=...)"


def _right(result: GradientCheck) -> GradientCheck:
    """The verdict where nothing is wrong; some tensor may not have been compared."""
    faint = [t.name for t in result.tensors if t.verdict == "precision"]
    if faint:
        return replace(
            result,
            verdict="precision",
            reason=f"the gradient of {faint[0]} is too small for float64 to be told from rounding",
            advice="check that part by itself, or after a warm-up (warm_up=...); such gradients do not train it either",
        )
    stuck = [t.name for t in result.tensors if t.verdict == "kink"]
    if stuck:
        return replace(
            result,
            verdict="kink",
            reason=f"every coordinate of {', '.join(stuck[:SHOWN])} lies at a kink or where the function ends, and was "
            "not compared; all others are right",
            advice=ELSEWHERE,
        )
    return replace(
        result,
        reason=f"{result.checked:,} coordinates checked{_together(result)}{_aside(result)}; "
        f"largest relative error {result.max_relative_error:.1e}",
    )


def _counts(result: GradientCheck) -> str:
    parts = [(result.kinks, "at kinks"), (result.outside, "where the function ends")]
    return ", ".join(f"{count:,} {where}" for count, where in parts if count)


def _together(result: GradientCheck) -> str:
    count = sum(tensor.checked for tensor in result.tensors if tensor.together)
    return f", {count:,} of them along random directions" if count else ""


def _aside(result: GradientCheck) -> str:
    return f", set aside: {_counts(result)}" if result.kinks or result.outside else ""


def _remarks(result: GradientCheck) -> list[str]:
    """Errors that are no fault beyond doubt, and that float64 does not leave."""
    return [
        f"{t.name} at {', '.join(str(list(index)) for index in t.remarkable[:SHOWN])}: relative error "
        f"{t.max_relative_error:.1e}, where float64 leaves less than 1e-6: look for an approximation or a constant of "
        "low precision in a backward pass"
        for t in result.tensors
        if t.remarkable
    ]


def _off(found: Sequence[tuple[CustomFunction, Fault]]) -> list[str]:
    """Functions that are off by themselves, though what the model makes of them hides it."""
    return [
        f"{function} by itself: relative error {fault.error:.1e}, where float64 leaves less than 1e-6; in the whole it "
        "is too little to be told, or taken back by another: look for an approximation or a constant of low precision"
        for function, fault in found
        if fault.kind in ("slight", "wrong")
    ]


def _wrong(
    problem: Problem, found: Gradients, result: GradientCheck, wrong: Sequence[TensorCheck], alone: Alone | None
) -> GradientCheck:
    guilty = culprits(faults(problem, found.functions, alone)) if alone and found.functions else ()
    h = result.sweep.chosen if result.sweep else 0.0
    meant = surrogate(problem, found.by_name, wrong, guilty, h) if alone else ""
    if meant:
        names = [tensor.name for tensor in result.tensors if tensor.verdict == "wrong"]
        return replace(
            result, verdict="surrogate", reason=meant, advice=offered(names, wrong[0], guilty), culprits=guilty
        )
    return replace(
        result,
        verdict="wrong",
        reason=_where(problem, wrong) + _by(guilty),
        advice=advice(wrong[0], guilty, found),
        culprits=guilty,
    )


def _where(problem: Problem, wrong: Sequence[TensorCheck]) -> str:
    first = wrong[0]
    place = holder(problem, first.name)
    where = f"{first.name} of {place}" if place else first.name
    indices = ", ".join(str(list(index)) for index in first.wrong[:SHOWN])
    more = f" and {len(first.wrong) - SHOWN} more" if len(first.wrong) > SHOWN else ""
    others = f"; wrong too: {', '.join(t.name for t in wrong[1:4])}" if len(wrong) > 1 else ""
    return (
        f"{where} at {indices}{more}: {first.analytic:.6g} by backward, {first.numerical:.6g} by differences, "
        f"relative error {first.max_relative_error:.1e}{others}"
    )


def _by(guilty: Sequence[Culprit]) -> str:
    parts = [f"{c.function}, which {c.why}" if c.why else str(c.function) for c in guilty]
    return f"; by {', '.join(parts)}" if guilty else ""


def not_deterministic(point: Point, evaluator: Evaluator, variation: float) -> GradientCheck:
    """The verdict where a value is another each time it is computed."""
    problem = point.problem
    who = culprit(problem)
    return GradientCheck(
        verdict="non-deterministic",
        reason=f"the loss changes by itself, by {variation / abs(evaluator.base):.1e} of it: the fault is {who}",
        advice=f"make {who} give the same for the same inputs and the same seed of the global generators "
        "while it is checked: no generator or counter of its own, no state kept from call to call",
        value=evaluator.base / problem.scale,
        notes=point.notes,
    )


def not_finite(found: Gradients, value: float, notes: Sequence[str]) -> GradientCheck:
    """The verdict where automatic differentiation gives no number."""
    return GradientCheck(
        verdict="precision",
        reason=f"the gradient of {found.not_finite[0]} is NaN or infinite, though the loss is {value:.4g}",
        advice="look for sqrt or a norm at 0, log or a ratio near 0, or where() around one of them",
        value=value,
        notes=tuple(notes),
    )
