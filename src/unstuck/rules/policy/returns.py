"""What rewards allow a value to be."""

from __future__ import annotations

from collections.abc import Iterable

from unstuck.record import Run
from unstuck.record.facts import Bootstrap

__all__ = ["BEYOND", "Place", "began_beyond", "first_by_place", "largest_return"]

Place = tuple[str | None, int | None]

BEYOND = 1.5
"""Times the largest return: rewards that were not seen may be larger than those that were."""


def largest_return(fact: Bootstrap) -> float | None:
    r"""The largest sum of discounted rewards, :math:`\max |r| / (1 - \gamma)`; None where there is no discount.

    Examples:
        >>> largest_return(Bootstrap(transitions=9, ended=1, discount=0.9, lowest=-2.0, highest=1.0))
        20.0
    """
    if not fact.plain or not 0.0 < fact.discount < 1.0:
        return None
    return round(max(abs(fact.lowest), abs(fact.highest)) / (1.0 - fact.discount), 9) or None


def first_by_place(facts: Iterable[Bootstrap]) -> dict[Place, Bootstrap]:
    """What was first known of the targets that each line makes."""
    first: dict[Place, Bootstrap] = {}
    for fact in facts:
        first.setdefault((fact.file, fact.line), fact)
    return first


def began_beyond(run: Run) -> bool:
    """Whether the first targets were larger than rewards allow: such values the network gave before it had learnt."""
    first = first_by_place(run.facts(Bootstrap)).values()
    bounds = [(fact.late, largest_return(fact)) for fact in first]
    return any(bound is not None and late > BEYOND * bound for late, bound in bounds)
