"""What each change did, by all trials that were made of a run: read from the recorded runs, without torch."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from unstuck.confirm.effect import CERTAIN, Effect, effect, length
from unstuck.confirm.reading import YARDSTICKS, Yardstick, reading
from unstuck.confirm.remembered import remembered
from unstuck.confirm.trial import Changes, Plan, Trial
from unstuck.record import Run

__all__ = ["HELPFUL", "Tested", "alike", "best_of", "key", "measurable", "results_of"]

HELPFUL = ("restores", "helps")

OF_THE_LOSS = ("loss-replaced", "labels-mapped")
"""Remedies with which the loss is another one."""

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
    controls = [trial for trial in trials if trial.plan.control and trial.usable]
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        if not trial.plan.control and trial.usable:
            groups.setdefault(key(trial.plan.changes), []).append(trial)
    found = (Tested(plan=one[0].plan, trials=tuple(one), effect=_effect(controls, one)) for one in groups.values())
    return tuple(sorted(found, key=lambda one: -one.effect.gain))


def _effect(controls: Sequence[Trial], group: Sequence[Trial]) -> Effect:
    """What a change did; of one that makes the training longer, at the end of the one and of the other."""
    plan = group[0].plan
    longer = plan.longer > 1.0
    before = _streams(one for one in controls if (one.ended.how == "finished" if longer else one.plan.bounded_control))
    after = _streams(one for one in group if one.ended.how == "finished" or not longer)
    if longer and not (before and min(map(length, after), default=0) > max(map(length, before))):
        return Effect()  # the training was cut, or it could not be made longer
    return effect(before, after, each_to_its_end=longer, yardsticks=_yardsticks(plan.changes))


def _yardsticks(changes: Changes) -> Sequence[Yardstick]:
    """The numbers that tell what changes did: of another loss not its own, of another mode in evaluations theirs."""
    if all(name == "modes" and "training" not in settings for name, settings in changes):
        return ("evaluation accuracy",)
    if any(name in OF_THE_LOSS or settings.get("of") == "loss" for name, settings in changes):
        return [one for one in YARDSTICKS if one != "loss"]
    return YARDSTICKS


def best_of(results: Sequence[Tested]) -> Tested | None:
    """The change that helps most; of those that help alike, the one that was planned first.

    Alike are gains that noise, or a fiftieth of what there was to learn, may explain: 300 steps do not tell which of
    two good rates is the better one in the end, and what was planned first is what is advised.
    """
    helpful = [one for one in results if one.effect.says in HELPFUL]
    if not helpful:
        return None
    most = max(helpful, key=lambda one: one.effect.gain)
    return min((one for one in helpful if alike(one, most)), key=lambda one: one.plan.turn)


def alike(one: Tested, best: Tested) -> bool:
    """Whether a change helps as much as another, within the noise or :data:`ALIKE`."""
    most = best.effect
    return one.effect.gain >= most.gain - max(CERTAIN * most.noise, ALIKE * most.left)


@remembered
def measurable(trials: Sequence[Trial]) -> bool:
    """Whether anything tells how far trainings got, so that they can be compared with others."""
    return all(reading(stream) for stream in _streams(trials))


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
