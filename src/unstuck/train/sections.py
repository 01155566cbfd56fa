"""The sections of a recipe, but for the model and augmentation, which have classes of their own."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from unstuck.data import DATASETS, FORMATS, Place, Task
from unstuck.data.scaling import How, Per
from unstuck.errors import ArgumentError
from unstuck.init import SCHEMES
from unstuck.spelling import unknown
from unstuck.train.finetune import Head
from unstuck.train.losses import LossName
from unstuck.train.optimizer import CONSTANTS, OPTIMIZERS, Constant, constants_of

__all__ = [
    "DataSection",
    "InitSection",
    "NonNegative",
    "OptimizerSection",
    "Positive",
    "Section",
    "Seed",
    "Share",
    "StartSection",
    "TrainSection",
    "one_of",
]

Positive = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]  # what torch's generators take
Threads = Annotated[int, Field(ge=1, le=1024)]  # asked for more than the system gives, OpenMP ends the process
Share = Annotated[float, Field(ge=0, lt=1)]
NonNegative = Annotated[float, Field(ge=0)]
Above0 = Annotated[float, Field(gt=0)]


class Section(BaseModel):
    """A table of a recipe: no key that it does not have, no value of another type."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


class DataSection(Section):
    """``[data]``: what is learned from.

    Attributes:
        name: A data set of :data:`unstuck.data.DATASETS`, or a format of :data:`unstuck.data.FORMATS` for your own.
        path: File or folder of your own, from the folder in which the command is given.
        target: The column, array or file of what is to be learned, in formats that have several.
        columns: The columns to learn from; all but the target by default.
        task: ``"classification"`` or ``"regression"``, where the targets do not say.
        size: Height and width that pictures are brought to; by default they must be of one size.
        max_gib: Unpacked size from which files are refused, in GiB.
        quick: Whether to try two classes, a tenth of the data and a smaller validation part, without the test part,
            for ten epochs at most.
        scale: Whether inputs and real targets are standardised; or ``"mean"``, ``"deviation"``, ``"range"`` for
            subtracting the mean only, dividing by the deviation only, or mapping inputs to 0 to 1.
        per: Whether an image has one mean and deviation a channel, or one a ``"pixel"``.
        validation: Share of the examples to steer training by; by default the data set's own part, or its own share.
        test: Share of the examples held out to the end; by default as for ``validation``.
        classes: Labels of the classes to keep; all by default. See :func:`unstuck.data.select` for this and the next.
        examples: Training examples to keep, drawn evenly from the classes; all by default.
        rare: Training examples to keep of single classes, by their labels.
        balanced: Whether examples of rarer classes are repeated until each class has as many.
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
    classes: tuple[str, ...] | None = None
    examples: Positive | None = None
    rare: dict[str, Positive] = {}
    balanced: bool = False

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        return one_of("name", name, [*DATASETS, *FORMATS])

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


class OptimizerSection(Section):
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
    amsgrad: bool | None = None
    lr_decay: NonNegative | None = None
    initial_accumulator_value: NonNegative | None = None
    weight_decay: NonNegative | None = None
    decoupled_weight_decay: bool | None = None
    damping: NonNegative | None = None
    rounds: Positive | None = None
    progress: Share | None = None
    decay: Annotated[float, Field(ge=0, le=1)] | None = None

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        return one_of("name", name, OPTIMIZERS)

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


class StartSection(Section):
    """``[start]``: weights that another training found, and how carefully they are moved.

    Attributes:
        weights: A safetensors file, or the folder of a run, whose best weights are then taken.
        variant: In a recipe of variants, the one whose best weights are taken; it stands before this one.
        head: ``"fresh"`` draws the last layer anew, for classes of another meaning; by default that is done only where
            its shape differs.
        freeze: Glob patterns of parameters that do not learn, such as ``"0.*"``.
        thaw: The epoch after which they learn too; never by default.
        layer_factor: Factor of the rate from each layer to the one before it: below 1, earlier layers move less.
    """

    weights: str | None = None
    variant: str | None = None
    head: Head = "where it fits"
    freeze: tuple[str, ...] = ()
    thaw: Positive | None = None
    layer_factor: Annotated[float, Field(gt=0, le=1)] = 1.0

    @model_validator(mode="after")
    def _fits(self) -> StartSection:
        if self.weights is not None and self.variant is not None:
            raise ArgumentError(f"variant={self.variant!r}: weights are given too; leave one out")
        if self.thaw is not None and not self.freeze:
            raise ArgumentError(f"thaw={self.thaw!r}: nothing is frozen; give freeze, or leave it out")
        if self.head == "fresh" and self.weights is None and self.variant is None:
            raise ArgumentError("head='fresh': without weights everything is drawn anew; leave it out, or give weights")
        return self


class TrainSection(Section):
    """``[train]``: how long, by which loss, where.

    Attributes:
        epochs: Passes over the training part, at most.
        batch_size: Examples a step, or ``"all"``.
        loss: ``"auto"`` takes cross-entropy for classes and squared error for numbers; ``"binary-cross-entropy"``
            tells two classes apart by one output; ``"weston-watkins"`` is the margin loss for
            classes. :data:`unstuck.train.losses.LOSSES_OF` says which fit which task.
        l1: Price of each weight's size beside the loss: :class:`~unstuck.train.Penalty`.
        l2: Price of half its square.
        patience: Epochs without a better validation accuracy (loss, for a regression) after which training stops;
            ``"never"`` trains all epochs.
        device: ``"auto"`` takes an accelerator where there is one, else the CPU; or a device of torch, ``"cuda:1"``.
        threads: Threads that share one operation on the CPU; ``"auto"`` leaves the number to torch.
        checkpoints: Whether the weights of each epoch are kept beside the run, for ``unstuck landscape``.
        compile: Whether the model runs under ``torch.compile``: the first step takes longer, the others less, and what
            happens inside the model is not seen.
    """

    epochs: Positive = 20
    batch_size: Positive | Literal["all"] = 64
    loss: Literal["auto"] | LossName = "auto"
    l1: NonNegative = 0.0
    l2: NonNegative = 0.0
    patience: Positive | Literal["never"] = 10
    device: str = "auto"
    threads: Threads | Literal["auto"] = "auto"
    checkpoints: bool = False
    compile: bool = False


class InitSection(Section):
    """``[init]``: where the weights start.

    Attributes:
        weights: ``"auto"`` scales each layer by the activation after it (:func:`unstuck.init.initialize`), ``"torch"``
            leaves what torch drew, or a scheme of :data:`unstuck.init.SCHEMES`: ``"normal"`` is N(0, 1).
        biases: ``"zero"``, or ``"normal"`` for N(0, 1); ``weights="torch"`` leaves them too.
    """

    weights: str = "auto"
    biases: Literal["zero", "normal"] = "zero"

    @field_validator("weights")
    @classmethod
    def _known(cls, weights: str) -> str:
        return one_of("weights", weights, ["auto", "torch", *SCHEMES])


def one_of(key: str, value: str, accepted: Collection[str]) -> str:
    """Refuse a name that is not accepted.

    Raises:
        ArgumentError: With the nearest spelling.
    """
    if value not in accepted:
        raise ArgumentError(unknown(key, value, accepted))
    return value
