"""The change to make, in words, with what was tried beside it: for a rate, its neighbours on both sides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from unstuck.confirm.tested import HELPFUL, Tested, alike, best_of
from unstuck.confirm.trial import Changes, Plan
from unstuck.record import Finding

__all__ = ["advice", "beside"]

RATE = "learning-rate"

OF_A_VALUE = (RATE, "method")
"""Remedies whose change has a value that a rule cannot know: that which was proved is advised in its place."""

MOST = 3
"""Other settings of one remedy that are named."""


def advice(
    finding: Finding, first: Tested, tried: Sequence[Tested], results: Sequence[Tested], failed: Sequence[Plan]
) -> str:
    """The advice after trials: the change that helped most, and what was tried beside it.

    The finding's own advice stays where that change is the one that it asks for, unless it has a value, as a rate; the
    value that was proved is named then. A change for another cause that helps more is named too.

    Args:
        finding: The finding that it confirms.
        first: The change that helped most of those that test the finding.
        tried: All of those.
        results: All changes.
        failed: Those with which the program ended with an error.
    """
    obeyed = min(tried, key=lambda one: one.plan.turn)
    said = finding.advice
    if obeyed is not first or _remedy(first.plan.changes) in OF_A_VALUE:
        place = f" (at {finding.where.file}:{finding.where.line})" if finding.where.file and finding.where.line else ""
        said = f"Train {first.plan.words}{place}."
    return f"{said}{beside(first, results, failed)}{_otherwise(first, obeyed, tried)}{_more(first, tried, results)}"


def _more(first: Tested, tried: Sequence[Tested], results: Sequence[Tested]) -> str:
    """The change for another cause that helps more, where there is one."""
    best = best_of(results)
    if best is None or best in tried or alike(first, best):
        return ""
    return f" Helps more: {best.plan.words}."


def _otherwise(first: Tested, obeyed: Tested, tried: Sequence[Tested]) -> str:
    """What other remedies of the same finding did: the one that was advised in vain, and the best that helps."""
    others = [one for one in tried if _remedy(one.plan.changes) != _remedy(first.plan.changes)]
    helpful = next((one for one in others if one.effect.says in HELPFUL), None)
    vain = obeyed in others and obeyed.effect.says not in HELPFUL
    said = f" Tried and no better: {obeyed.plan.words}." if vain else ""
    if helpful is not None:
        said += f" {'About as good' if alike(helpful, first) else 'Helps too, but less'}: {helpful.plan.words}."
    return said


def beside(best: Tested, results: Sequence[Tested], failed: Sequence[Plan]) -> str:
    """Other settings of the same remedy, by how good they were, and on which side none was tried, in sentences.

    Args:
        best: The change that is advised.
        results: All changes.
        failed: Those with which the program ended with an error.
    """
    same = [one for one in results if one is not best and _remedy(one.plan.changes) == _remedy(best.plan.changes)]
    errors = [plan for plan in failed if _remedy(plan.changes) == _remedy(best.plan.changes)]
    known = [*(one.plan for one in same), *errors]
    rate = _rate(best.plan)
    named = known[:MOST] if rate is None else [*_next_to(rate, known)]
    good = [one.plan for one in same if alike(one, best)]
    worse = "; ".join(plan.words for plan in named if plan not in good and not _shorter(plan, best.plan))
    as_good = "; ".join(plan.words for plan in named if plan in good)
    said = [f" Tried and worse: {worse}." if worse else "", f" About as good: {as_good}." if as_good else ""]
    if rate is not None:
        said += [f" No {side} rate was tried." for side in _open_sides(best.plan, rate, known)]
    return "".join(said)


def _shorter(plan: Plan, best: Plan) -> bool:
    """Whether it makes a training less long, so that it goes without saying that it is worse."""
    return 1.0 < plan.longer < best.longer


def _remedy(changes: Changes) -> str | None:
    return changes[0][0] if len(changes) == 1 else None


def _rate(plan: Plan) -> float | None:
    """The rate that a change sets, or the factor that it multiplies it by."""
    if _remedy(plan.changes) != RATE:
        return None
    _, settings = plan.changes[0]
    return settings.get("rate", settings.get("factor"))


def _next_to(rate: float, known: Sequence[Plan]) -> Iterator[Plan]:
    """The nearest one below a rate and above it."""
    rates = [(other, plan) for plan in known if (other := _rate(plan)) is not None]
    lower = [pair for pair in rates if pair[0] < rate]
    higher = [pair for pair in rates if pair[0] > rate]
    if lower:
        yield max(lower, key=lambda pair: pair[0])[1]
    if higher:
        yield min(higher, key=lambda pair: pair[0])[1]


def _open_sides(best: Plan, rate: float, known: Sequence[Plan]) -> Iterator[str]:
    """The sides of a rate on which nothing was tried, not even the rate as it is."""
    rates = [other for plan in known if (other := _rate(plan)) is not None]
    if "lr-too-low" not in best.causes and not any(other < rate for other in rates):
        yield "lower"
    if "lr-too-high" not in best.causes and not any(other > rate for other in rates):
        yield "higher"
