"""A recipe: everything that decides a training, as one TOML file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from unstuck.data import DATASETS, FORMATS, Augmentation, Place, Task
from unstuck.data.scaling import How, Per
from unstuck.errors import ArgumentError, RecipeError
from unstuck.init import SCHEMES
from unstuck.nn import CNN, MLP, Linear
from unstuck.spelling import unknown
from unstuck.train import toml
from unstuck.train.losses import LossName
from unstuck.train.optimizer import CONSTANTS, OPTIMIZERS, Constant, constants_of
from unstuck.train.recipe_errors import explain

__all__ = ["DEFAULT", "Recipe", "shipped"]

DEFAULT = "digits"
"""The recipe that is trained where none is named."""

Positive = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]  # what torch's generators take
Threads = Annotated[int, Field(ge=1, le=1024)]  # asked for more than the system gives, OpenMP ends the process
Share = Annotated[float, Field(ge=0, lt=1)]
NonNegative = Annotated[float, Field(ge=0)]
Above0 = Annotated[float, Field(gt=0)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


class DataSection(_Section):
    """``[data]``: what is learned from.

    Attributes:
        name: A data set of :data:`unstuck.data.DATASETS`, or a format of :data:`unstuck.data.FORMATS` for your own.
        path: File or folder of your own, from the folder in which the command is given.
        target: The column, array or file of what is to be learned, in formats that have several.
        columns: The columns to learn from; all but the target by default.
        task: ``"classification"`` or ``"regression"``, where the targets do not say.
        size: Height and width that pictures are brought to; by default they must be of one size.
        max_gib: Unpacked size from which files are refused, in GiB.
        quick: Whether to try two classes, a tenth of the data and a smaller validation part, without the test part.
        scale: Whether inputs and real targets are standardised; or ``"mean"``, ``"deviation"``, ``"range"`` for
            subtracting the mean only, dividing by the deviation only, or mapping inputs to 0 to 1.
        per: Whether an image has one mean and deviation a channel, or one a ``"pixel"``.
        validation: Share of the examples to steer training by; the data set's own by default.
        test: Share of the examples held out to the end; the data set's own by default.
    """

    name: str = "digits"
    path: str | None = None
    target: str | None = None
    columns: tuple[str, ...] | None = None
    task: Task | None = None
    size: tuple[Positive, Positive] | None = None
    max_gib: Above0 = 4.0
    quick: bool = False
    scale: bool | How = True
    per: Per = "channel"
    validation: Share | None = None
    test: Share | None = None

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        return _one_of("name", name, [*DATASETS, *FORMATS])

    @model_validator(mode="after")
    def _has_a_place(self) -> DataSection:
        of_files = {"target": self.target, "columns": self.columns, "task": self.task, "size": self.size}
        for key, value in of_files.items():
            if value is not None and self.path is None:
                raise ArgumentError(f"{key}={value!r}: it says how files of your own are read; give their path too")
        return self

    @property
    def place(self) -> Place | None:
        """Where files of your own lie; None for a data set by name."""
        if self.path is None:
            return None
        return Place(
            path=Path(self.path).expanduser(),
            target=self.target,
            columns=self.columns,
            task=self.task,
            size=self.size,
            max_gib=self.max_gib,
        )


class OptimizerSection(_Section):
    """``[optimizer]``: a method of :data:`~unstuck.train.optimizer.OPTIMIZERS`; its constants have torch's names."""

    name: str = "adam"
    lr: Above0 | None = None
    momentum: Share | None = None
    dampening: Share | None = None
    nesterov: bool | None = None
    betas: tuple[Share, Share] | None = None
    alpha: Share | None = None
    eps: Above0 | None = None
    centered: bool | None = None
    lr_decay: NonNegative | None = None
    weight_decay: NonNegative | None = None

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        return _one_of("name", name, OPTIMIZERS)

    @model_validator(mode="after")
    def _has_its_constants(self) -> OptimizerSection:
        known = constants_of(self.name)
        for constant, value in self.constants.items():
            if constant not in known:
                raise ArgumentError(f"{constant}={value!r}: {self.name!r} has none; it takes {', '.join(known)}")
        return self

    @property
    def constants(self) -> dict[str, Constant]:
        """The constants given."""
        every = {constant: getattr(self, constant) for constant in CONSTANTS}
        return {constant: value for constant, value in every.items() if value is not None}


class TrainSection(_Section):
    """``[train]``: how long, by which loss, where.

    Attributes:
        epochs: Passes over the training part, at most.
        batch_size: Examples a step, or ``"all"``.
        loss: ``"auto"`` takes cross-entropy for classes and squared error for numbers.
        patience: Epochs without a better validation accuracy (loss, for a regression) after which training stops;
            ``"never"`` trains all epochs.
        device: ``"auto"`` takes an accelerator where there is one, else the CPU; or a device of torch, ``"cuda:1"``.
        threads: Threads that share one operation on the CPU; ``"auto"`` leaves the number to torch.
    """

    epochs: Positive = 20
    batch_size: Positive | Literal["all"] = 64
    loss: Literal["auto"] | LossName = "auto"
    patience: Positive | Literal["never"] = 10
    device: str = "auto"
    threads: Threads | Literal["auto"] = "auto"


class InitSection(_Section):
    """``[init]``: where the weights start.

    Attributes:
        weights: ``"auto"`` scales each layer by the activation after it (:func:`unstuck.init.initialize`), ``"torch"``
            leaves what torch drew, or a scheme of :data:`unstuck.init.SCHEMES`: ``"normal"`` is N(0, 1).
    """

    weights: str = "auto"

    @field_validator("weights")
    @classmethod
    def _known(cls, weights: str) -> str:
        return _one_of("weights", weights, ["auto", "torch", *SCHEMES])


class Recipe(_Section):
    """Everything that decides a training; the same recipe on the same machine gives the same weights.

    Attributes:
        seed: Seed of the split, the weights, the order of the examples, augmentation, and dropout.
        data: What is learned from.
        model: What learns: :class:`~unstuck.nn.Linear`, :class:`~unstuck.nn.MLP` or :class:`~unstuck.nn.CNN`.
        init: Where its weights start.
        optimizer: How they move.
        train: How long, by which loss, where.
        augment: How pictures are changed at random while training: :class:`~unstuck.data.Augmentation`.

    Examples:
        >>> recipe = Recipe.read(overrides=["optimizer.lr=0.01"])
        >>> recipe.data.name, recipe.optimizer.lr
        ('digits', 0.01)
    """

    seed: Seed = 0
    data: DataSection = DataSection()
    model: Annotated[Linear | MLP | CNN, Field(discriminator="name")] = MLP()
    init: InitSection = InitSection()
    optimizer: OptimizerSection = OptimizerSection()
    train: TrainSection = TrainSection()
    augment: Augmentation = Augmentation()

    @classmethod
    def read(cls, source: str | Path = DEFAULT, *, overrides: Sequence[str] = ()) -> Recipe:
        """Read a recipe from a file, or one that is shipped.

        Args:
            source: A TOML file, or the name of one of :func:`shipped`.
            overrides: Assignments ``KEY=VALUE`` that replace what stands there.

        Raises:
            RecipeError: It cannot be read, or holds an unknown key, a wrong type or an impossible value.
        """
        table = toml.parse(_text(source), source=str(source))
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
        """The recipe as TOML, with every value that was given or has a default."""
        return toml.write(self.model_dump(exclude_none=True))


def shipped() -> dict[str, str]:
    """The text of every recipe that is shipped, by its name."""
    folder = files("unstuck") / "recipes"
    found = sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
    return {file.name.removesuffix(".toml"): file.read_text(encoding="utf-8") for file in found}


def _text(source: str | Path) -> str:
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


def _one_of(key: str, value: str, accepted: Sequence[str] | dict[str, Any]) -> str:
    if value not in accepted:
        raise ArgumentError(unknown(key, value, accepted))
    return value
