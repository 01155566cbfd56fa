"""A cross that follows from an earlier one is put under it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from unstuck.record.checklist import Check

__all__ = ["placed"]

UNTRAINED = frozenset(("capacity-too-small", "labels-mismatched"))
"""What a training that cannot go well looks like."""

EXPLAINS: Mapping[str, frozenset[str]] = {
    "data-non-finite": UNTRAINED | {"loss-unstable"},
    "data-constant": UNTRAINED | {"init-scale-wrong", "init-symmetric"},
    "inputs-not-scaled": UNTRAINED | {"init-scale-wrong"},
    "data-not-shuffled": frozenset(("labels-mismatched",)),
    "does-not-run": UNTRAINED,
    "loss-wrong": UNTRAINED | {"init-scale-wrong", "loss-reduction-wrong"},
    "loss-broadcast": UNTRAINED | {"init-scale-wrong", "loss-reduction-wrong", "batch-mixing"},
    "loss-unstable": UNTRAINED,
    "loss-reduction-wrong": UNTRAINED | {"init-scale-wrong"},
    "output-activation-wrong": UNTRAINED | {"init-scale-wrong", "loss-reduction-wrong"},
    "labels-out-of-range": UNTRAINED | {"init-scale-wrong", "loss-reduction-wrong"},
    "init-symmetric": UNTRAINED | {"init-scale-wrong"},
    "init-scale-wrong": UNTRAINED,
    "graph-detached": UNTRAINED | {"init-scale-wrong", "gradient-wrong", "parameters-not-optimized"},
    "parameters-not-optimized": UNTRAINED,
    "batch-mixing": UNTRAINED,
    "not-repeatable": UNTRAINED | {"gradient-wrong"},
    "gradient-wrong": UNTRAINED,
    "capacity-too-small": frozenset(("labels-mismatched",)),
}
"""Causes, and those that follow from each: the table leads downwards only."""


def placed(check: Check, made: Sequence[Check]) -> Check:
    """The check, or a remark in its place where an earlier cross explains it, or is of the same cause.

    Args:
        check: One that was made just now.
        made: Those before it.
    """
    if check.status != "failed":
        return check
    for before in made:
        follows = check.cause == before.cause or check.cause in EXPLAINS.get(before.cause, ())
        if before.status == "failed" and follows:
            reason = f"{check.reason}; it follows from {before.name}"
            return replace(check, status="noted", reason=reason, advice="", cause="")
    return check
