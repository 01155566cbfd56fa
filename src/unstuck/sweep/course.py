"""From the order of magnitude to the fine value, and how sure it is: what is tried next, given what is known.

A course is a generator that yields the tries it wants and is sent their outcomes. It draws nothing at random, so that
whoever knows the outcomes, after a crash or on another machine, arrives at the same next tries.
"""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass

from unstuck.sweep.attempt import Outcome, Setting, Stage, Try
from unstuck.sweep.axis import FINE, Axis
from unstuck.sweep.chosen import Tried, fastest, first
from unstuck.sweep.space import BATCH_SIZE, Space

__all__ = ["PATIENCE", "Plan", "coarse_to_fine", "expected", "finals", "groups", "wanted"]

Course = Generator[list[Try], list[Outcome], None]
Outcomes = Mapping[str, Outcome]

EXTENSIONS = 4
"""Coarse steps that an open range is gone beyond each end, at most."""

SHARE = 1 / 3
"""Share of the epochs that trainings on a grid of magnitudes make: what learns is soon seen, and how well is seen of
the best in full (CS231n, "Neural Networks Part 3", "stage your search from coarse to fine")."""

LEADING = 3
"""Settings that are trained in full as they are, after smaller trainings."""

PATIENCE: dict[Stage, int] = {"coarse": 10, "fine": 20, "seeds": 30, "sampled": 10}
"""Epochs without a better one after which training stops: few at first, more where it counts."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a course goes.

    Attributes:
        together: Points of a grid over several ranges, at most; keys whose grid has more are gone through one by one.
        finalists: Settings that are trained with further seeds.
        seeds: Seeds that each of them is trained with, the recipe's own among them.
        tries: Tries that are made at most, those with further seeds not counted.
    """

    together: int = 64
    finalists: int = 3
    seeds: int = 3
    tries: int = 200


@dataclass(frozen=True)
class _Look:
    """How the coarse values of some keys are looked at: by a share of the epochs, and perhaps by little data."""

    share: float
    quick: bool

    @property
    def whole(self) -> bool:
        """Whether trainings are those that count in the end."""
        return self.share == 1.0 and not self.quick


WHOLE = _Look(1.0, quick=False)
"""In full."""


def coarse_to_fine(space: Space, plan: Plan) -> Course:
    """Key by key, ranges that stand together on a grid: orders of magnitude, then fine values around the best.

    Magnitudes are sought by a third of the epochs, then the best of them and the fine values around are trained in
    full; single values, such as a momentum, are at once. What was there is put back where nothing was better. Last, the
    best settings are trained with further seeds.
    """
    stands: Setting = space.stands
    known: list[Tried] = []
    left = plan.tries
    for group in groups(space.axes, plan.together):
        choose = fastest if [axis.key for axis in group] == [BATCH_SIZE] else first
        look = _Look(SHARE if all(map(_joins, group)) else 1.0, space.quick)
        most = left if look.whole else max(left - LEADING, 1)
        coarse = _grid(stands, group, {axis.key: axis.coarse for axis in group}, most)
        tried = yield from _tried(space, "coarse", coarse, look)
        tried += yield from _extended(space, group, stands, tried, most - len(tried), look)
        best = choose(tried)
        if best is None:
            return
        around = _around(group, best.attempt.setting, stands, tried, look)
        fine = yield from _tried(space, "fine", around[: max(left - len(tried), 1)], WHOLE)
        whole = [one for one in (*tried, *fine) if one.attempt.whole]
        best, known, left = choose(whole) or best, [*known, *whole], left - len(tried) - len(fine)
        stands = best.attempt.setting
    yield finals(space, plan, known, stands)


def finals(space: Space, plan: Plan, known: Sequence[Tried], chosen: Setting) -> list[Try]:
    """The best settings, each with every seed: the last tries of any way to search."""
    return [
        Try(setting=setting, stage="seeds", seed=space.seed + offset, patience=PATIENCE["seeds"])
        for setting in _finalists(known, chosen, plan.finalists)
        for offset in range(plan.seeds)
    ]


def expected(space: Space, plan: Plan) -> int:
    """About how many tries a course will make: an open range may take more, and a single value has none around it."""
    total = 1
    for group in groups(space.axes, plan.together):
        coarse, fine = 1, 1
        for axis in group:
            coarse *= len(axis.coarse)
            fine *= 1 + len(FINE) * (axis.range is not None)
        total += coarse + fine + LEADING - 1
    return min(total, plan.tries) + plan.finalists * (plan.seeds - 1)


def wanted(course: Course, known: Outcomes) -> list[Try]:
    """The tries that a course wants next, whose outcomes are not known; none where it is over."""
    try:
        batch = next(course)
        while True:
            missing = {attempt.key: attempt for attempt in batch if attempt.key not in known}
            if missing:
                return list(missing.values())
            batch = course.send([known[attempt.key] for attempt in batch])
    except StopIteration:
        return []


def groups(axes: Iterable[Axis], together: int) -> list[tuple[Axis, ...]]:
    """Axes that are gone through at once: ranges that stand side by side, while their grid has few enough points.

    Examples:
        >>> from unstuck.sweep.values import read_axis
        >>> rate, decay = read_axis("a", "1e-4..1"), read_axis("b", "0, 1e-4..1e-1")
        >>> [len(group) for group in groups([rate, decay, read_axis("c", "0.5, 0.9")], 64)]
        [2, 1]
    """
    found: list[tuple[Axis, ...]] = []
    for axis in axes:
        grows = bool(found) and _joins(axis) and all(map(_joins, found[-1]))
        points = len(axis.coarse)
        for other in found[-1] if grows else ():
            points *= len(other.coarse)
        if grows and points <= together:
            found[-1] = (*found[-1], axis)
        else:
            found.append((axis,))
    return found


def _joins(axis: Axis) -> bool:
    return axis.range is not None and axis.key != BATCH_SIZE


def _tried(
    space: Space, stage: Stage, settings: Sequence[Setting], look: _Look
) -> Generator[list[Try], list[Outcome], list[Tried]]:
    tries = [_try(space, stage, setting, look) for setting in settings]
    outcomes = (yield tries) if tries else []
    return [Tried(attempt, outcome) for attempt, outcome in zip(tries, outcomes, strict=True)]


def _try(space: Space, stage: Stage, setting: Setting, look: _Look) -> Try:
    return Try(
        setting=setting,
        stage=stage,
        seed=space.seed,
        quick=look.quick,
        share=look.share,
        patience=PATIENCE[stage],
    )


def _grid(stands: Setting, group: Sequence[Axis], values: Mapping[str, Sequence[object]], most: int) -> list[Setting]:
    """What stands, then every combination; nothing twice."""
    keys = [axis.key for axis in group]
    product = ({**stands, **dict(zip(keys, one, strict=True))} for one in itertools.product(*values.values()))
    return _distinct([stands, *product])[:most]


def _extended(
    space: Space, group: Sequence[Axis], stands: Setting, tried: Sequence[Tried], left: int, look: _Look
) -> Generator[list[Try], list[Outcome], list[Tried]]:
    """Coarse values beyond the ends of open ranges, for as long as the best lies at one."""
    more: list[Tried] = []
    columns = {axis.key: list(axis.coarse) for axis in group}
    for _ in range(2 * EXTENSIONS):
        grown = [axis for axis in group if _grows(axis, columns[axis.key], [*tried, *more])]
        if not grown:
            break
        seen = {one.attempt.key for one in (*tried, *more)}
        settings = [
            setting
            for setting in _grid(stands, group, columns, len(seen) + max(left - len(more), 0))
            if _try(space, "coarse", setting, look).key not in seen
        ]
        new = yield from _tried(space, "coarse", settings, look)
        more += new
        if not new:
            break
    return more


def _grows(axis: Axis, column: list[object], tried: Sequence[Tried]) -> bool:
    """Whether an open range goes on, by the best of the numbers within it; the next is then in the column."""
    if axis.range is None or not axis.range.open:
        return False
    within = [value for value in column if value not in axis.values]
    best = first([one for one in tried if one.attempt.setting.get(axis.key) in within])
    if best is None or len(within) >= len(axis.range.coarse()) + EXTENSIONS:
        return False
    value = axis.range.beyond([float(str(number)) for number in within], best.attempt.setting[axis.key])
    if value is None or value in column:
        return False
    column.append(value)
    return True


def _around(
    group: Sequence[Axis], best: Setting, stands: Setting, tried: Sequence[Tried], look: _Look
) -> list[Setting]:
    """Fine values around the best; where magnitudes had smaller trainings, before them the best few and what stands."""
    values = {axis.key: (best[axis.key], *axis.fine(best[axis.key])) for axis in group if axis.key in best}
    product = [{**best, **dict(zip(values, one, strict=True))} for one in itertools.product(*values.values())]
    if look.whole:
        seen = [one.attempt.setting for one in tried]
        return [setting for setting in _distinct(product) if setting not in seen]
    ranked = sorted((one for one in tried if one.outcome.kept), key=lambda one: one.outcome.worth, reverse=True)
    learning = [one.attempt.setting for one in ranked]
    return _distinct([*learning[:LEADING], *([stands] if stands in learning else []), *product])


def _finalists(known: Sequence[Tried], chosen: Setting, count: int) -> list[Setting]:
    ranked = sorted((one for one in known if one.outcome.kept), key=lambda one: one.outcome.worth, reverse=True)
    return _distinct([chosen, *(one.attempt.setting for one in ranked)])[:count]


def _distinct(settings: Iterable[Setting]) -> list[Setting]:
    found: list[Setting] = []
    for setting in settings:
        if setting not in found:
            found.append(setting)
    return found
