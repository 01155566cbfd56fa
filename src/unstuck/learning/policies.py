"""Whether a training acts: a policy is learnt from what its own actions lead to."""

from __future__ import annotations

import re
from collections.abc import Sequence

from unstuck.record import Run
from unstuck.record.facts import ActorLoss, PolicyTerm

__all__ = ["acts", "of_policy"]

PLAIN = re.compile(r"^(adv|\w*advantages?|\w*returns?|\w*rewards?|gae|td_errors?)$")


def acts(run: Run) -> bool:
    """Whether what is trained chooses actions, which it does for states that it then learns from."""
    return bool(run.facts(ActorLoss)) or of_policy(run.facts(PolicyTerm))


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
