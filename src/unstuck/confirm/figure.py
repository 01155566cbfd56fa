"""The curves of trials over one another, as plain data for a page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unstuck.confirm.tested import best_of, results_of
from unstuck.confirm.trial import Changes, Trial
from unstuck.record.comparison import Chart, Strand
from unstuck.record.signals import LOSS

__all__ = ["figure"]

POINTS = 60
"""Points of a line: means over stretches of steps, since losses of single batches hide it."""

MOST = 6
"""Changes that are drawn: the best, its neighbours and the first ones; more lines are not told apart."""

SPREAD = 50.0
"""Highest loss over lowest from which the axis is logarithmic."""

HIGHEST = 5.0
"""Times the least loss at the start above which lines leave the picture, so that one that explodes does not
press the others together."""


def figure(trials: Sequence[Trial]) -> Chart | None:
    """The training loss of the control and of what was tried, in their first draws; None without trials.

    Args:
        trials: The trials of a run.
    """
    usable = [trial for trial in trials if trial.usable and trial.plan.seed == 0]
    controls = sorted((trial for trial in usable if trial.plan.control), key=lambda trial: trial.plan.whole)[-1:]
    best = best_of(results_of(trials))
    first = best.plan.changes if best else ()
    rest = [trial for trial in usable if not trial.plan.control]
    rest.sort(key=lambda one: (one.plan.changes != first, _kinds(one.plan.changes) != _kinds(first), one.plan.turn))
    strands = [strand for trial in (*controls, *rest[:MOST]) if (strand := _strand(trial)) is not None]
    if not controls or not strands:
        return None
    top = HIGHEST * min(strand.y[0] for strand in strands)
    exploded = top > 0.0 and any(y > top for strand in strands for y in strand.y)
    values = [min(y, top) if exploded else y for strand in strands for y in strand.y if y > 0.0]
    title = "What was tried: the training loss"
    whole = any(trial.plan.whole for trial in usable)
    return Chart(
        title=title if whole else f"{title} in the first {trials[0].plan.steps:,} steps",
        across="step",
        up="loss",
        strands=tuple(strands),
        log=bool(values) and max(values) > SPREAD * min(values),
        top=top if exploded else None,
    )


def _kinds(changes: Changes) -> list[str]:
    """What is changed, to whatever value: neighbours have the same."""
    return [name for name, _ in changes]


def _strand(trial: Trial) -> Strand | None:
    run = trial.open()
    if run is None:
        return None
    with run:
        stream = next((one for one in run.streams() if one.number == trial.plan.stream), None)
        losses = stream.series(LOSS).finite() if stream else None
    if losses is None or not len(losses):
        return None
    parts = np.array_split(np.arange(len(losses)), min(POINTS, len(losses)))
    return Strand(
        name=trial.plan.words,
        reference=trial.plan.control,
        x=tuple(float(losses.steps[part].mean()) for part in parts),
        y=tuple(float(losses.values[part].mean()) for part in parts),
    )
