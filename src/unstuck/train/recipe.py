"""A recipe: everything that decides a training, as one TOML file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator

from unstuck.data import Augmentation
from unstuck.errors import RecipeError
from unstuck.nn import CNN, LSTM, MLP, LeNet, Linear, ResNet, Transformer
from unstuck.optional import require
from unstuck.record.causes import CAUSES
from unstuck.spelling import unknown
from unstuck.train import toml
from unstuck.train.recipe_errors import explain
from unstuck.train.schedule_sections import MomentumSection, ScheduleSection
from unstuck.train.sections import (
    DataSection,
    InitSection,
    OptimizerSection,
    Section,
    Seed,
    StartSection,
    TrainSection,
    one_of,
)

__all__ = ["DEFAULT", "NOT_OF_A_TRAINING", "Recipe", "shipped", "text_of"]

DEFAULT = "digits"
"""The recipe that is trained where none is named."""

NOT_OF_A_TRAINING = ("variant", "sweep")
"""Sections of a recipe's file that say of several trainings how they differ."""


class Recipe(Section):
    """Everything that decides a training; the same recipe on the same machine gives the same weights.

    Attributes:
        seed: Seed of the split, the weights, the order of the examples, augmentation, and dropout.
        data: What is learned from.
        model: What learns: a class of :data:`unstuck.nn.ARCHITECTURES` and its sizes.
        init: Where its weights start.
        optimizer: How they move.
        schedule: How the rate changes meanwhile.
        momentum: How the momentum changes meanwhile.
        start: Weights that another training found, in place of fresh ones.
        train: How long, by which loss, where.
        augment: How pictures are changed at random while training: :class:`~unstuck.data.Augmentation`.
        shows: The cause, one of :data:`unstuck.record.causes.CAUSES`, that a recipe shows on purpose; a recipe without
            means to be healthy.

    Examples:
        >>> recipe = Recipe.read(overrides=["optimizer.lr=0.01"])
        >>> recipe.data.name, recipe.optimizer.lr
        ('digits', 0.01)
    """

    seed: Seed = 0
    data: DataSection = DataSection()
    model: Annotated[Linear | MLP | CNN | LeNet | ResNet | LSTM | Transformer, Field(discriminator="name")] = MLP()
    init: InitSection = InitSection()
    optimizer: OptimizerSection = OptimizerSection()
    schedule: ScheduleSection = ScheduleSection()
    momentum: MomentumSection = MomentumSection()
    start: StartSection = StartSection()
    train: TrainSection = TrainSection()
    augment: Augmentation = Augmentation()
    shows: str | None = None

    @field_validator("shows")
    @classmethod
    def _known(cls, shows: str | None) -> str | None:
        return shows if shows is None else one_of("shows", shows, CAUSES)

    @classmethod
    def read(cls, source: str | Path = DEFAULT, *, overrides: Sequence[str] = ()) -> Recipe:
        """Read a recipe from a file, or one that is shipped; of one with variants or a sweep, what these change.

        Args:
            source: A TOML file, or the name of one of :func:`shipped`.
            overrides: Assignments ``KEY=VALUE`` that replace what stands there.

        Raises:
            RecipeError: It cannot be read, or holds an unknown key, a wrong type or an impossible value.
        """
        table = toml.parse(text_of(source), source=str(source))
        for section in NOT_OF_A_TRAINING:
            table.pop(section, None)
        for assignment in overrides:
            toml.override(table, assignment)
        return cls.of(table)

    @classmethod
    def of(cls, table: dict[str, Any]) -> Recipe:
        """Make a recipe of nested plain values.

        Raises:
            RecipeError: They hold an unknown key, a wrong type or an impossible value.
        """
        if isinstance(table.get("model"), dict):
            table = {**table, "model": {"name": "mlp", **table["model"]}}
        try:
            # By way of JSON, whose strict reading knows lists and tables, where that of Python wants our own types.
            return cls.model_validate_json(json.dumps(table, default=str))
        except ValidationError as error:
            raise RecipeError(explain(error, table, cls)) from error

    @property
    def text(self) -> str:
        """The recipe as TOML, with every value that was given or has a default.

        Raises:
            MissingPackageError: tomli-w is not installed.
        """
        writer = require("tomli_w", extra="train", purpose="recording a recipe")
        return str(writer.dumps(self.model_dump(exclude_none=True)))


def shipped() -> dict[str, str]:
    """The text of every recipe that is shipped, by its name."""
    folder = files("unstuck") / "recipes"
    found = sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
    return {file.name.removesuffix(".toml"): file.read_text(encoding="utf-8") for file in found}


def text_of(source: str | Path) -> str:
    """The text of a recipe: of a file, or of one that is shipped.

    Raises:
        RecipeError: There is none, or it is no text.
    """
    file = Path(source)
    try:
        if file.is_file():
            return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{source}: cannot be read ({error}); a TOML file in UTF-8 is accepted") from error
    known = shipped()
    if str(source) not in known:
        raise RecipeError(unknown("RECIPE", str(source), known) + ", or a TOML file that exists")
    return known[str(source)]
