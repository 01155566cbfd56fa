"""Why a change cannot be made from outside to the script of a run."""

from __future__ import annotations

from unstuck.record import Run
from unstuck.record.facts import Event, Optimizer

__all__ = ["compiled", "without_optimizer"]


def without_optimizer(run: Run) -> str | None:
    """The script updates its weights by hand."""
    optimizer = run.fact(Optimizer)
    if optimizer is not None and any(group.learning_rate is not None for group in optimizer.groups):
        return None
    return "the script updates its weights itself, without an optimizer whose constants could be changed"


def compiled(run: Run) -> str | None:
    """Part of the script runs as compiled code, whose calls are not seen."""
    seen = any("compiled code" in event.what for event in run.facts(Event) if event.blinds)
    return "the script runs compiled code, in which no call can be exchanged" if seen else None
