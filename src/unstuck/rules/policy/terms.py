"""Which products of log-probabilities with weights are those of a policy, and what their weights are called."""

from __future__ import annotations

import re
from collections.abc import Sequence

from unstuck.record.facts import PolicyTerm

__all__ = ["gains", "of_policy", "terms_by_place"]

GAIN = re.compile(r"^(adv\w*|\w*advantages?|\w*returns?|rets?|\w*rewards?|rews?|gains?|scores?|gae|G|R|td_errors?)$")
PLAIN = re.compile(r"^(adv|\w*advantages?|\w*returns?|\w*rewards?|gae|td_errors?)$")
COST = re.compile(r"^\w*(cost|costs|penalty|penalties|regret|excess)$", re.IGNORECASE)


def gains(term: PolicyTerm) -> bool:
    """Whether the weights of a policy's actions are good where they are high, by what the user calls them.

    Examples:
        >>> usual = {"step": 0, "raised": True, "lowest": -1.0, "highest": 1.0}
        >>> gains(PolicyTerm(names=("ratio", "advantages"), **usual)), gains(PolicyTerm(names=("excess",), **usual))
        (True, False)
    """
    return any(map(GAIN.match, term.names)) and not term.costs and not any(map(COST.match, term.names))


def of_policy(terms: Sequence[PolicyTerm]) -> bool:
    """Whether weights tell good actions from bad ones: some are negative and some positive, or they are called so.

    Weights of examples, masks, shares of experts, and the factor of a focal loss are never negative.

    Examples:
        >>> focal = PolicyTerm(step=0, raised=True, lowest=0.0, highest=1.0, names=("pt", "gamma"))
        >>> of_policy([focal]), of_policy([PolicyTerm(step=0, raised=True, lowest=-1.0, highest=1.0)])
        (False, True)
    """
    if not terms:
        return False
    called = any(PLAIN.match(name) for term in terms for name in term.names)
    return called or min(term.lowest for term in terms) < 0.0 < max(term.highest for term in terms)


def terms_by_place(terms: Sequence[PolicyTerm]) -> dict[tuple[str | None, int | None], list[PolicyTerm]]:
    """Terms of policies by the line that multiplies log-probabilities by weights."""
    places: dict[tuple[str | None, int | None], list[PolicyTerm]] = {}
    for term in terms:
        places.setdefault((term.file, term.line), []).append(term)
    return places
