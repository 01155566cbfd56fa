"""Which trainings of a run are judged, where it holds thousands: some of every kind that a short look tells apart."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import TypeVar

import numpy as np

from unstuck.record import Run
from unstuck.record.facts import End
from unstuck.record.signals import LOSS
from unstuck.rules.alike import training_key

__all__ = ["MOST", "choose"]

T = TypeVar("T")

MOST = 256
"""Trainings judged in full: enough that a share of them is known to a few percent, little enough for seconds."""


def choose(streams: Sequence[Run], *, most: int = MOST) -> tuple[Run, ...]:
    """The trainings to judge in full: all, or ``most`` of them.

    Trainings are told apart by their model and optimizer, the kinds of facts that were stated, how they ended, whether
    the loss stayed finite, and how far it fell, to a factor of two. Of each kind as many are taken, spread evenly over
    the run, so that the few that went otherwise than the others are among them.

    Args:
        streams: The trainings, as snapshots.
        most: How many are judged at most.
    """
    if len(streams) <= most:
        return tuple(streams)
    kinds: dict[Hashable, list[Run]] = {}
    for stream in streams:
        kinds.setdefault(_kind(stream), []).append(stream)
    groups = list(kinds.values())
    if len(groups) > most:
        return tuple(group[0] for group in _spread(groups, most))
    sizes = sorted(len(group) for group in groups)
    room, quota = most, 0
    for position, size in enumerate(sizes):
        quota = room // (len(sizes) - position)
        if size > quota:
            break
        room -= size
    chosen = (stream for group in groups for stream in _spread(group, min(quota, len(group))))
    return tuple(sorted(chosen, key=lambda stream: stream.number))


def _kind(stream: Run) -> Hashable:
    end, losses = stream.fact(End), stream.series(LOSS)
    finite = losses.finite().values
    fall = 0
    if len(finite):
        tenth = -(-len(finite) // 10)
        first, last = float(np.median(finite[:tenth])), float(np.median(finite[-tenth:]))
        fall = round(math.log2(last / first)) if first > 0 and last > 0 else -100
    return training_key(stream), stream.kinds(), end and end.reason, len(finite) == len(losses), fall


def _spread(values: Sequence[T], count: int) -> list[T]:
    """So many of the values, evenly spaced from the first to the last."""
    return [values[round(place)] for place in np.linspace(0, len(values) - 1, count)]
