"""What several trainings alike have in common: one finding for all of them, as over the folds of a cross-validation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from unstuck.record import Finding, Run
from unstuck.record.facts import Model, Optimizer

__all__ = ["merge", "training_key"]


def training_key(stream: Run) -> tuple[object, ...]:
    """What trainings alike agree in: the class and the parameters of the model, and the line that makes the optimizer.

    A training of which one of these is not known is like no other.
    """
    model, optimizer = stream.fact(Model), stream.fact(Optimizer)
    if model is None or optimizer is None or optimizer.line is None:
        return (stream.number,)
    shapes = tuple((parameter.name, parameter.shape) for parameter in model.parameters)
    return model.type, shapes, optimizer.type, optimizer.file, optimizer.line


def merge(
    trainings: Sequence[tuple[tuple[object, ...], Sequence[Finding]]],
    weight: Callable[[Finding], tuple[float, ...]],
    *,
    chosen: bool = False,
) -> tuple[Finding, ...]:
    """One finding of each code and number for trainings alike, which says in how many of them it was made.

    Args:
        trainings: The key of each training, and its findings, ranked.
        weight: What findings are ranked by; of findings alike the first in rank is kept.
        chosen: Whether these trainings were chosen from more, which is then said too.

    Returns:
        The findings that are left, in no order.
    """
    alike = [key for key, _ in trainings]
    found: dict[tuple[tuple[object, ...], str, int], list[Finding]] = {}
    for key, findings in trainings:
        codes: list[str] = []
        for finding in findings:
            found.setdefault((key, finding.code, codes.count(finding.code)), []).append(finding)
            codes.append(finding.code)
    merged: list[Finding] = []
    for (key, _, _), findings in found.items():
        first = min(findings, key=weight)
        count = alike.count(key)
        share = f" ({_share(len(findings), count)}{' that were judged' if chosen else ''})" if count > 1 else ""
        merged.append(replace(first, summary=first.summary + share))
    return tuple(merged)


def _share(found: int, count: int) -> str:
    """In how many of several similar trainings something was found, in words."""
    if found < count:
        return f"in {found} of {count} similar trainings"
    return "in both similar trainings" if count == 2 else f"in all {count} similar trainings"
