"""How the trainings of a run ended, and whether they ran one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from unstuck.record import Run
from unstuck.record.facts import End, Span
from unstuck.record.signals import LOSS

__all__ = ["at_once", "ended", "endings"]


def ended(alike: Sequence[End]) -> str:
    """How trainings ended that ended alike: by what, and whether all their backward passes were recorded.

    Args:
        alike: Ends of one reason, one at least.

    Examples:
        >>> ended([End(reason="completed", steps=900)])
        'completed'
        >>> ended([End(reason="completed", steps=100, backward_passes=1000, unrecorded=900)])
        'completed, but 900 of 1,000 backward passes were not recorded'
    """
    lost = sum(end.unrecorded for end in alike)
    if not lost:
        return alike[0].reason
    known = [end.backward_passes for end in alike if end.backward_passes is not None]
    of_all = f" of {sum(known):,}" if len(known) == len(alike) else ""
    joint = ", but" if alike[0].reason == "completed" else ";"
    return f"{alike[0].reason}{joint} {lost:,}{of_all} backward {_passes(sum(known) or lost)} not recorded"


def endings(streams: Sequence[Run]) -> Mapping[str, int]:
    """How trainings ended, in words, each with the number of those that ended so; those without an end are left out."""
    ends: dict[tuple[str, bool], list[End]] = {}
    for stream in streams:
        end = stream.fact(End)
        if end is not None:
            ends.setdefault((end.reason, end.unrecorded > 0), []).append(end)
    return {ended(alike): len(alike) for alike in ends.values()}


def at_once(streams: Sequence[Run]) -> int | None:
    """Most trainings that ran at the same time, 1 where one ran after the other; None where that is not known."""
    spans = [span for stream in streams if stream.has(LOSS) for span in stream.facts(Span)[-1:]]
    if not spans or len(spans) < sum(stream.has(LOSS) for stream in streams):
        return None
    changes: Counter[float] = Counter()
    for span in spans:
        changes[span.began] += 1
        changes[span.ended] -= 1  # one that begins as another ends comes after it
    most, running = 1, 0
    for time in sorted(changes):
        running += changes[time]
        most = max(most, running)
    return most


def _passes(count: int) -> str:
    return "pass was" if count == 1 else "passes were"
