"""What each change did, by all trials that were made of a run: read from the recorded runs, without torch."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from unstuck.confirm.effect import CERTAIN, Effect, effect
from unstuck.confirm.remembered import remembered
from unstuck.confirm.trial import Changes, Plan, Trial
from unstuck.record import Run

__all__ = ["HELPFUL", "LONGER", "Tested", "best_of", "key", "results_of"]

HELPFUL = ("restores", "helps")

LONGER = "more-steps"
"""The remedy whose trial is longer than its control."""

ALIKE = 0.02
"""Share of what the control leaves to be learnt by which two changes that help alike may differ (our choice)."""


@dataclass(frozen=True, kw_only=True)
class Tested:
    """A change with what it did.

    Attributes:
        plan: The plan of its first trial.
        trials: Its trials that count, one a draw.
        effect: What it did.
    """

    plan: Plan
    trials: tuple[Trial, ...]
    effect: Effect


@remembered
def results_of(trials: Sequence[Trial]) -> tuple[Tested, ...]:
    """What each change did by all trials that were made, the one that learnt most first.

    Draws are compared with those of the control; where that has fewer, with all that it has.

    Args:
        trials: All trials of a run, with controls among them.
    """
    controls = {trial.plan.seed: trial for trial in trials if trial.plan.control and trial.usable}
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        if not trial.plan.control and trial.usable:
            groups.setdefault(key(trial.plan.changes), []).append(trial)
    found: list[Tested] = []
    for group in groups.values():
        longer = any(name == LONGER for name, _ in group[0].plan.changes)
        told = effect(_streams(controls.values()), _streams(group), each_to_its_end=longer)
        found.append(Tested(plan=group[0].plan, trials=tuple(group), effect=told))
    return tuple(sorted(found, key=lambda one: -one.effect.gain))


def best_of(results: Sequence[Tested]) -> Tested | None:
    """The change that helps most; of those that help alike, the one that was planned first.

    Alike are gains that noise, or a fiftieth of what there was to learn, may explain: 300 steps do not tell which of
    two good rates is the better one in the end, and what was planned first is what is advised.
    """
    helpful = [one for one in results if one.effect.says in HELPFUL]
    if not helpful:
        return None
    most = max(helpful, key=lambda one: one.effect.gain).effect
    least = most.gain - max(CERTAIN * most.noise, ALIKE * most.left)
    return min((one for one in helpful if one.effect.gain >= least), key=lambda one: one.plan.turn)


def key(changes: Changes) -> str:
    """Changes as a text, the same for the same changes."""
    return json.dumps([[name, dict(settings)] for name, settings in changes], sort_keys=True)


def _streams(trials: Iterable[Trial]) -> list[Run]:
    """Of each trial the training that is looked at, where it was recorded."""
    found: list[Run] = []
    for trial in trials:
        run = trial.open()
        if run is not None:
            found += [one for one in run.snapshot().streams() if one.number == trial.plan.stream]
    return found
