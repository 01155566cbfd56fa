"""The figures over all answers: by root cause, by origin, and how far stated confidences can be relied upon."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from tests.zoo.answers import Answer

__all__ = ["aligned", "brier", "by_cause", "by_origin", "claims", "reliability", "summary"]

BINS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
"""Bounds of the bins of confidence; each bin holds its lower one."""

SICK = ("sick", "first", "in 3", "GREEN")
"""Of sick scripts: runs, first finding right, right among three, called healthy."""

Row = Sequence[str]


def summary(answers: Sequence[Answer]) -> str:
    """The figures that matter most, in words."""
    sick, healthy = _parted(answers)
    lines = [f"{len(sick)} runs of sick scripts, {len(healthy)} of healthy ones"]
    if sick:
        lines += [
            f"first finding right       {_share(answer.right(1) for answer in sick)}",
            f"right among three         {_share(answer.right(3) for answer in sick)}",
            f"FALSE GREEN               {_share(answer.false_green for answer in sick)}",
        ]
    if healthy:
        lines.append(f"false alarms              {_share(answer.false_alarm for answer in healthy)}")
    return "\n".join(lines)


def by_cause(answers: Sequence[Answer]) -> str:
    """A row for each root cause: how its sick scripts fared, and on how many healthy ones it was alleged."""
    kinds = _kinds(answers)
    sick, healthy = _parted(answers)
    causes = sorted(
        {str(answer.case.cause) for answer in sick} | {said.cause for one in healthy for said in one.alarms}
    )
    rows = [
        (
            cause,
            *_sick([answer for answer in sick if answer.case.cause == cause], kinds),
            _count(sum(cause in {said.cause for said in answer.alarms} for answer in healthy)),
        )
        for cause in causes
    ]
    total = ("all", *_sick(sick, kinds), _count(sum(answer.false_alarm for answer in healthy)))
    return aligned(("cause", *SICK, *kinds, "alarms"), [*rows, total])


def by_origin(answers: Sequence[Answer]) -> str:
    """A row for each origin: how its sick scripts fared, and how its healthy ones."""
    kinds = _kinds(answers)
    groups = [
        (origin, [answer for answer in answers if answer.case.origin == origin])
        for origin in sorted({answer.case.origin for answer in answers})
    ]
    rows = [
        (name, *_sick(_parted(group)[0], kinds), "|", *_healthy(_parted(group)[1], kinds))
        for name, group in (*groups, ("all", answers))
    ]
    return aligned(("origin", *SICK, *kinds, "|", "healthy", "alarms", *kinds), rows)


def reliability(answers: Sequence[Answer]) -> str:
    """How often findings that are no notes name a right cause, by the confidence stated, and their Brier score.

    The Brier score is the mean of (confidence - right)², where right is 1 or 0 (Brier, 1950): 0 for an oracle, 0.25 for
    one who always says a half.
    """
    all_claims = claims(answers)
    if not all_claims:
        return "no findings"
    rows = [
        (f"{low:.2f} to {high:.2f}", str(len(inside)), f"{_mean(inside, 0):.2f}", f"{_mean(inside, 1):.2f}")
        for low, high in pairwise(BINS)
        if (inside := [claim for claim in all_claims if low <= claim[0] < high or claim[0] == high == BINS[-1]])
    ]
    table = aligned(("confidence", "findings", "stated", "right"), rows)
    return f"{table}\nBrier score {brier(all_claims):.3f} of {len(all_claims)} findings"


def claims(answers: Iterable[Answer]) -> list[tuple[float, bool]]:
    """Each finding that is no note: its confidence, and whether its cause is right."""
    return [(said.confidence, said.cause in answer.case.causes) for answer in answers for said in answer.alarms]


def brier(all_claims: Sequence[tuple[float, bool]]) -> float:
    """The mean squared difference of confidence and truth."""
    return sum((confidence - right) ** 2 for confidence, right in all_claims) / len(all_claims)


def _parted(answers: Sequence[Answer]) -> tuple[list[Answer], list[Answer]]:
    """The answers on sick scripts, and those on healthy ones."""
    return [answer for answer in answers if answer.case.sick], [answer for answer in answers if not answer.case.sick]


def _kinds(answers: Iterable[Answer]) -> list[str]:
    """The kinds of verdict that have a column: all that came, but those that the other columns count."""
    return sorted({answer.kind for answer in answers} - {"findings", "healthy"})


def _sick(answers: Sequence[Answer], kinds: Sequence[str]) -> Row:
    first, three = (sum(answer.right(among) for answer in answers) for among in (1, 3))
    green = sum(answer.false_green for answer in answers)
    return tuple(map(_count, (len(answers), first, three, green, *_counts(answers, kinds))))


def _healthy(answers: Sequence[Answer], kinds: Sequence[str]) -> Row:
    alarms = sum(answer.false_alarm for answer in answers)
    return tuple(map(_count, (len(answers), alarms, *_counts(answers, kinds))))


def _counts(answers: Iterable[Answer], kinds: Iterable[str]) -> list[int]:
    counts = Counter(answer.kind for answer in answers)
    return [counts[kind] for kind in kinds]


def _count(number: int) -> str:
    return str(number) if number else "."


def _share(marks: Iterable[bool]) -> str:
    listed = list(marks)
    return f"{sum(listed)} of {len(listed)} = {sum(listed) / len(listed):.1%}"


def _mean(all_claims: Sequence[tuple[float, bool]], position: int) -> float:
    return sum(claim[position] for claim in all_claims) / len(all_claims)


def aligned(head: Row, rows: Sequence[Row]) -> str:
    """Columns side by side, the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if not place else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (head, *rows)
    )
