"""The settings that a sweep is over: a recipe, the keys that change, and a recipe for each setting."""

from __future__ import annotations

import copy
import hashlib
import inspect
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from unstuck.errors import ArgumentError, RecipeError
from unstuck.spelling import unknown
from unstuck.sweep.attempt import Setting, Try
from unstuck.sweep.axis import Axis, Value
from unstuck.sweep.presets import PRESETS, preset
from unstuck.sweep.values import read_axis
from unstuck.train import OPTIMIZERS, Recipe, toml
from unstuck.train.recipe import NOT_OF_A_TRAINING, text_of

__all__ = ["BATCH_SIZE", "Space", "read_space"]

Table = dict[str, Any]

BATCH_SIZE = "train.batch_size"
"""The key that is chosen by the time to an accuracy, and not by the accuracy alone."""

PATIENCE = "train.patience"


@dataclass(frozen=True, kw_only=True)
class Space:
    """A recipe and what is changed of it.

    Attributes:
        base: The recipe as nested plain values.
        axes: The keys, in the order in which they are gone through.
        quick: Whether orders of magnitude are sought on two classes and a tenth of the data.
    """

    base: Table
    axes: tuple[Axis, ...]
    quick: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys."""
        return tuple(axis.key for axis in self.axes)

    @property
    def seed(self) -> int:
        """The recipe's seed."""
        return int(self.base.get("seed", 0))

    @property
    def stands(self) -> Setting:
        """What the recipe has for the keys, as their axes spell it; a key that it leaves to others is not in it."""
        recipe = Recipe.of(self.base)
        found = {axis.key: _standing(recipe, axis.key) for axis in self.axes}
        return {axis.key: axis.spelled(value) for axis in self.axes if (value := found[axis.key]) is not None}

    @property
    def fingerprint(self) -> str:
        """What tells this sweep from those over another recipe or other values."""
        said = json.dumps(self.to_dict(), sort_keys=True, default=str)
        return hashlib.sha256(said.encode()).hexdigest()[:16]

    def recipe(self, attempt: Try) -> Recipe:
        """The recipe of a try.

        Raises:
            RecipeError: It does not accept a value.
        """
        table = self.table(attempt.setting)
        table["seed"] = attempt.seed
        if PATIENCE not in self.keys:
            table.setdefault("train", {})["patience"] = attempt.patience
        table.setdefault("train", {})
        if attempt.share < 1.0:
            table["train"]["epochs"] = max(math.ceil(attempt.share * Recipe.of(table).train.epochs), 1)
        if attempt.quick:
            table.setdefault("data", {})["quick"] = True
        return Recipe.of(table)

    def table(self, setting: Mapping[str, Value]) -> Table:
        """The recipe's nested values with a setting in their place.

        A section whose own ``name`` changes is replaced as a whole, for another model has other keys.
        """
        table = copy.deepcopy(self.base)
        for key, value in sorted(setting.items(), key=lambda pair: not pair[0].endswith(".name")):
            *sections, last = key.split(".")
            inner = table
            for section in sections:
                inner = inner.setdefault(section, {})
            if last == "name" and inner.get("name") != value:
                inner.clear()
            inner[last] = copy.deepcopy(value)
        return table

    def check(self) -> None:
        """Try what is known beforehand to be tried.

        Raises:
            RecipeError: A key is unknown, or the recipe does not accept a value of it.
        """
        Recipe.of(self.base)
        for axis in self.axes:
            for value in axis.coarse:
                try:
                    Recipe.of(self.table({axis.key: value}))
                except RecipeError as error:
                    raise RecipeError(f"{error}; asked for by --over {axis.key}") from error

    def to_dict(self) -> dict[str, Any]:
        """The space as plain data."""
        return {"base": self.base, "axes": [axis.to_dict() for axis in self.axes], "quick": self.quick}

    @classmethod
    def of(cls, data: dict[str, Any]) -> Space:
        """The space of :meth:`to_dict`."""
        return cls(base=data["base"], axes=tuple(map(Axis.of, data["axes"])), quick=data["quick"])


def read_space(
    source: str | Path, *, over: Sequence[str] = (), overrides: Sequence[str] = (), quick: bool = False
) -> Space:
    """Read what is to be swept: from the section ``[sweep]`` of a recipe, and from options, which replace it by key.

    Args:
        source: A TOML file, or the name of a recipe that is shipped.
        over: ``KEY=VALUES``, or a key of which usual values are known.
        overrides: ``KEY=VALUE`` that replaces what stands in the recipe.
        quick: Whether orders of magnitude are sought on two classes and a tenth of the data.

    Raises:
        RecipeError: The recipe cannot be read, has no such key, or does not accept a value.
        ArgumentError: A range is empty or reversed, or there is nothing to choose from.

    Examples:
        >>> space = read_space("mlp", over=["optimizer.lr=1e-4..1e-1", "optimizer.weight_decay"])
        >>> space.keys, space.stands
        (('optimizer.lr', 'optimizer.weight_decay'), {'optimizer.lr': 0.001, 'optimizer.weight_decay': 0.01})
    """
    table = toml.parse(text_of(source), source=str(source))
    section = table.get("sweep", {})
    if not isinstance(section, dict):
        raise RecipeError(f"sweep={section!r}: a table of keys and their values is accepted, [sweep]")
    for name in NOT_OF_A_TRAINING:
        table.pop(name, None)
    for assignment in overrides:
        toml.override(table, assignment)
    axes = {key: read_axis(key, values) for key, values in _flat(cast("Table", section))}
    for text in over:
        key, equals, values = text.partition("=")
        axes[key.strip()] = read_axis(key.strip(), values) if equals else preset(key.strip())
    if not axes:
        raise ArgumentError(
            f"{source}: nothing is swept; give --over optimizer.lr=1e-4..1, or a section [sweep] in the recipe. "
            f"Usual values are known of {', '.join(PRESETS)}"
        )
    space = Space(base=table, axes=tuple(axes.values()), quick=quick)
    space.check()
    return space


def _flat(table: Table, prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(cast("Table", value), f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _standing(recipe: Recipe, key: str) -> Value | None:
    """What a recipe has for a key; of a constant that it leaves to its optimizer, the optimizer's own."""
    here: Any = recipe
    for name in key.split("."):
        if not hasattr(here, name):
            raise RecipeError(unknown("--over", key, _keys(recipe)))
        here = getattr(here, name)
    section, _, constant = key.partition(".")
    if here is None and section == "optimizer":
        parameter = inspect.signature(OPTIMIZERS[recipe.optimizer.name]).parameters.get(constant)
        here = None if parameter is None else parameter.default
    return list(cast("tuple[Value, ...]", here)) if isinstance(here, tuple) else here


def _keys(recipe: Recipe) -> list[str]:
    return [
        f"{section}.{key}" for section, keys in recipe.model_dump().items() if isinstance(keys, dict) for key in keys
    ]
