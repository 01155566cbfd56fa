"""Does backward give the derivative of forward?"""

from __future__ import annotations

from unstuck.errors import ArgumentError
from unstuck.gradcheck import GradientCheck, check_gradients
from unstuck.preflight.subject import Subject
from unstuck.record.checklist import Check, Curve
from unstuck.record.finding import Where

__all__ = ["gradients"]

CAUSE = {"wrong": "gradient-wrong", "non-deterministic": "not-repeatable"}
"""The cause that a verdict names, of those that are faults."""


def gradients(subject: Subject) -> Check:
    """Hold the gradient against differences, on three examples."""
    try:
        result = check_gradients(
            subject.model,
            subject.loss,
            subject.first,
            seed=subject.seed,
            inputs=False,
            regularisation=subject.regularisation,
            exclude=subject.exclude,
        )
    except ArgumentError as error:
        return Check(code="P109", name="gradients", status="skipped", reason=str(error))
    failed = result.verdict in CAUSE
    return Check(
        code="P109",
        name="gradients",
        status="failed" if failed else "passed" if result.verdict == "right" else "noted",
        value=result.max_relative_error,
        expected="backward gives what centred differences in float64 give",
        tolerance=1e-4,
        reason=f"{result.verdict}: {result.reason}"
        + (f"; left out: {', '.join(subject.exclude)}" if subject.exclude else ""),
        advice=result.advice,
        cause=CAUSE[result.verdict] if failed else "",
        where=_where(result),
        curves=_curves(result),
    )


def _where(result: GradientCheck) -> Where:
    if result.verdict != "wrong":
        return Where()
    function = result.culprits[0].function if result.culprits else None
    return Where(
        parameter=result.worst,
        file=function.file if function else None,
        line=function.line if function else None,
    )


def _curves(result: GradientCheck) -> tuple[Curve, ...]:
    if result.sweep is None:
        return ()
    v_shape = Curve(
        title=f"Differences are best at a step of {result.sweep.chosen:.0e}",
        across="step h",
        up="relative error",
        x=result.sweep.steps,
        y=result.sweep.errors,
        log_x=True,
        log_y=True,
        mark=result.sweep.chosen,
    )
    errors = Curve(
        title="Largest relative error of each tensor",
        across="tensor",
        up="relative error",
        x=tuple(float(i) for i in range(len(result.tensors))),
        y=tuple(tensor.max_relative_error for tensor in result.tensors),
        labels=tuple(tensor.name for tensor in result.tensors),
        log_y=True,
        level=1e-4,
    )
    return v_shape, errors
