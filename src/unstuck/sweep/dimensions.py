"""A key of a sweep as Optuna's samplers know it: one parameter, or, of single values beside a range, two."""

from __future__ import annotations

import json
from typing import Any

from unstuck.sweep.attempt import Setting
from unstuck.sweep.axis import Axis, Range, Value
from unstuck.sweep.space import Space
from unstuck.sweep.storage import optuna

__all__ = ["choices", "distributions", "parameters", "suggest"]

WITHIN = "within"
"""The choice, beside single values, of a number within the range."""

OPEN = 1e4
"""How far a sampler may go beyond each end of a range that is open, as a factor."""


def distributions(space: Space) -> dict[str, Any]:
    """What each parameter may be."""
    found: dict[str, Any] = {}
    for axis in space.axes:
        if axis.values:
            found[_choice(axis)] = optuna("distributions").CategoricalDistribution(_choices(axis))
        if axis.range:
            found[axis.key] = _numbers(axis.range)
    return found


def choices(space: Space) -> dict[str, list[Any]]:
    """The coarse values of each parameter, for a sampler that goes through a grid."""
    found: dict[str, list[Any]] = {}
    for axis in space.axes:
        if axis.values:
            found[_choice(axis)] = _choices(axis)
        if axis.range:
            found[axis.key] = list(axis.range.coarse())
    return found


def suggest(space: Space, trial: Any) -> Setting:
    """The setting that a sampler asks for."""
    setting: Setting = {}
    for axis in space.axes:
        choice = trial.suggest_categorical(_choice(axis), _choices(axis)) if axis.values else WITHIN
        if choice != WITHIN:
            setting[axis.key] = json.loads(choice)
        elif axis.range:
            numbers = _numbers(axis.range)
            ask = trial.suggest_int if axis.range.whole else trial.suggest_float
            setting[axis.key] = ask(axis.key, numbers.low, numbers.high, log=numbers.log)
    return setting


def parameters(space: Space, setting: Setting) -> dict[str, Any]:
    """A setting as parameters; what lies in none, such as the recipe's own value beyond a range, is left out."""
    found: dict[str, Any] = {}
    for axis in space.axes:
        if axis.key not in setting:
            continue
        value = setting[axis.key]
        listed = value in axis.values
        if axis.values and (listed or axis.range):
            found[_choice(axis)] = json.dumps(value) if listed else WITHIN
        if axis.range and not listed and _inside(axis.range, value):
            found[axis.key] = value
    return found


def _choice(axis: Axis) -> str:
    return f"{axis.key}?" if axis.range else axis.key


def _choices(axis: Axis) -> list[str]:
    """The values as JSON, for a list or a table is no choice of Optuna's."""
    return [*(json.dumps(value) for value in axis.values), *([WITHIN] if axis.range else [])]


def _numbers(numbers: Range) -> Any:
    low, high = (numbers.low / OPEN, numbers.high * OPEN) if numbers.open else (numbers.low, numbers.high)
    if numbers.whole:
        return optuna("distributions").IntDistribution(int(low), int(high), log=numbers.log)
    return optuna("distributions").FloatDistribution(low, high, log=numbers.log)


def _inside(numbers: Range, value: Value) -> bool:
    known = _numbers(numbers)
    return isinstance(value, int | float) and known.low <= value <= known.high
