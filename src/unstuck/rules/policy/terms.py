"""What the weights of a policy's log-probabilities are called, and in which lines they are multiplied."""

from __future__ import annotations

import re
from collections.abc import Sequence

from unstuck.record.facts import PolicyTerm

__all__ = ["gains", "terms_by_place"]

GAIN = re.compile(r"^(adv\w*|\w*advantages?|\w*returns?|rets?|\w*rewards?|rews?|gains?|scores?|gae|G|R|td_errors?)$")
COST = re.compile(r"^\w*(cost|costs|penalty|penalties|regret|excess)$", re.IGNORECASE)


def gains(term: PolicyTerm) -> bool:
    """Whether the weights of a policy's actions are good where they are high, by what the user calls them.

    Examples:
        >>> usual = {"step": 0, "raised": True, "lowest": -1.0, "highest": 1.0}
        >>> gains(PolicyTerm(names=("ratio", "advantages"), **usual)), gains(PolicyTerm(names=("excess",), **usual))
        (True, False)
    """
    return any(map(GAIN.match, term.names)) and not term.costs and not any(map(COST.match, term.names))


def terms_by_place(terms: Sequence[PolicyTerm]) -> dict[tuple[str | None, int | None], list[PolicyTerm]]:
    """Terms of policies by the line that multiplies log-probabilities by weights."""
    places: dict[tuple[str | None, int | None], list[PolicyTerm]] = {}
    for term in terms:
        places.setdefault((term.file, term.line), []).append(term)
    return places
