"""From the verdicts of single tensors to the verdict of the check, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from unstuck.gradcheck.analytic import Gradients
from unstuck.gradcheck.blame import Alone, advice, culprits, holder
from unstuck.gradcheck.point import Point
from unstuck.gradcheck.problem import Problem
from unstuck.gradcheck.result import GradientCheck, TensorCheck

__all__ = ["concluded", "not_finite"]

SHOWN = 5
"""Indices that a message lists."""


def concluded(point: Point, found: Gradients, result: GradientCheck, *, alone: Alone | None) -> GradientCheck:
    """Put the tensors' verdicts into one; ``alone`` checks a hand-written function by itself, where one is at fault."""
    wrong = sorted((t for t in result.tensors if t.verdict == "wrong"), key=lambda t: -t.max_relative_error)
    if wrong:
        return _wrong(point.problem, found, result, wrong, alone)
    if point.narrow:
        return replace(
            result,
            verdict="precision",
            reason=f"the model cannot run in float64 ({point.narrow}); in float32 no gross error was found in "
            f"{result.checked:,} coordinates",
            advice="let its kernels and constants follow the type of the inputs, and check again",
        )
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
            reason=f"every coordinate of {stuck[0]} lies at a kink; there is no gradient to compare",
            advice="check at another point: other examples, or after a warm-up (warm_up=...)",
        )
    aside = f", {result.kinks:,} set aside at kinks" if result.kinks else ""
    return replace(
        result,
        reason=f"{result.checked:,} coordinates checked{aside}; largest relative error {result.max_relative_error:.1e}",
    )


def _wrong(
    problem: Problem, found: Gradients, result: GradientCheck, wrong: Sequence[TensorCheck], alone: Alone | None
) -> GradientCheck:
    guilty = culprits(problem, found.functions, alone) if alone and found.functions else ()
    first = wrong[0]
    place = holder(problem, first.name)
    where = f"{first.name} of {place}" if place else first.name
    indices = ", ".join(str(list(index)) for index in first.wrong[:SHOWN])
    more = f" and {len(first.wrong) - SHOWN} more" if len(first.wrong) > SHOWN else ""
    others = f"; wrong too: {', '.join(t.name for t in wrong[1:4])}" if len(wrong) > 1 else ""
    by = f"; by {', '.join(str(c.function) for c in guilty)}" if guilty else ""
    return replace(
        result,
        verdict="wrong",
        reason=f"{where} at {indices}{more}: {first.analytic:.6g} by backward, {first.numerical:.6g} by differences, "
        f"relative error {first.max_relative_error:.1e}{others}{by}",
        advice=advice(first, guilty, found.functions, unreached=first.name in found.unreached),
        culprits=guilty,
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
