"""Everything that a training needs, made from a recipe before anything is written."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd  # pyright: ignore[reportPrivateUsage]
from torch.optim.lr_scheduler import LRScheduler

from unstuck.data import Augmented, Augmenter, Batches, Dataset, load, quick, select
from unstuck.errors import ArgumentError, RecipeError
from unstuck.init import initialize
from unstuck.nn import ARCHITECTURES, SEQUENCE_MODELS, binary_cross_entropy, check_sizes
from unstuck.preflight import Subject
from unstuck.record import facts
from unstuck.train.finetune import Loaded, freeze, layer_groups, load_weights
from unstuck.train.losses import LOSSES, LOSSES_OF, LossFunction, loss_for
from unstuck.train.optimizer import build, rate_of, takes_a_closure
from unstuck.train.penalty import Penalty
from unstuck.train.recipe import Recipe
from unstuck.train.schedule import build_momentum_schedule, build_schedule

__all__ = ["Prepared", "Setup", "augmenter", "evaluation", "prepare"]

Prepared = tuple[Dataset, int]
"""A recipe's data, and how many examples they had to train on before ``quick``."""

QUICK_EPOCHS = 10
"""Epochs of a quick training, at most: the slowest recipe that is shipped then takes about 20 s of one core."""

EVALUATED = 1024
"""Examples evaluated at once: enough to keep the processor busy, little enough for any memory."""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Everything that training needs, made from a recipe."""

    recipe: Recipe
    data: Dataset
    batches: Batches | Augmented
    model: nn.Sequential
    loss: LossFunction
    optimizer: torch.optim.Optimizer
    schedules: tuple[LRScheduler, ...]
    loaded: Loaded | None
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, recipe: Recipe, prepared: Prepared | None = None) -> Setup:
        """Make everything; the global random state is seeded with the recipe's seed.

        Args:
            recipe: What is wanted.
            prepared: Its data, where another recipe of equal data and seed needed them before: :func:`prepare`.

        Raises:
            RecipeError: Its parts do not fit each other, or this machine.
            DataError: The data set cannot be trained on.
            MissingPackageError: What the data set or the weights to begin from need is not installed.
            WeightsError: The weights to begin from cannot be used.
        """
        recipe, shorter = _quickly(recipe)
        torch.manual_seed(recipe.seed)
        section = recipe.data
        data, whole = prepared or prepare(recipe)
        device = data.train.inputs.device
        with _section("train"):
            batches = Batches(data.train, _batch_size(recipe, data), seed=recipe.seed)
            loss = _loss(recipe, data)
        with _section("augment"):
            changed = Augmented(batches, augmenter(recipe, data)) if recipe.augment.on else batches
        with _section("model"):
            _require_its_kind(recipe.model.name, data)
            model = recipe.model.build(data.features, 1 if loss is binary_cross_entropy else data.outputs)
        if recipe.init.weights != "torch":
            initialize(model, recipe.init.weights, biases=recipe.init.biases, seed=recipe.seed)
        with _section("start"):
            loaded = _begin(recipe, model)
        model.to(device)
        try:
            warnings = check_sizes(model, data.train.inputs[:1])
        except ArgumentError as error:
            raise RecipeError(f"model: {error}") from error
        with _section("optimizer"):
            optimizer = build(recipe.optimizer.name, _parameters(recipe, model), recipe.optimizer.constants)
            if takes_a_closure(recipe.optimizer.name):
                _require_same_loss(recipe.optimizer.name, model)
        share = len(batches) / _steps(whole, recipe.train.batch_size) if section.quick else 1.0
        schedules = _schedules(recipe, optimizer, steps_per_epoch=len(batches), share=min(share, 1.0), shorter=shorter)
        return cls(
            recipe=recipe,
            data=data,
            batches=changed,
            model=model,
            loss=loss,
            optimizer=optimizer,
            schedules=schedules,
            loaded=loaded,
            warnings=warnings,
        )

    @property
    def subject(self) -> Subject:
        """What the checks before training look at."""
        return Subject.of(
            self.model,
            self.loss,
            self.in_order,
            optimizer=self.optimizer,
            validation=evaluation(self.data, "validation"),
            regularisation=self.penalty,
            seed=self.recipe.seed % 2**32,
        )

    @property
    def plan(self) -> facts.Training:
        """What a run records of the length that training may have."""
        return facts.Training(
            epochs=self.recipe.train.epochs,
            steps_per_epoch=len(self.batches),
            patience=self.patience if len(self.data.validation) else None,
            l1=self.recipe.train.l1,
            l2=self.recipe.train.l2,
        )

    @property
    def patience(self) -> int | None:
        """Epochs without a better one after which training stops; None never stops."""
        return None if self.recipe.train.patience == "never" else self.recipe.train.patience

    @property
    def penalty(self) -> Penalty | None:
        """What is added to the loss of the data, if anything is."""
        penalty = Penalty(l1=self.recipe.train.l1, l2=self.recipe.train.l2)
        return penalty if penalty.on else None

    @property
    def in_order(self) -> Batches:
        """The training part in batches of the same size, without drawing from the order of training."""
        return Batches(self.data.train, _batch_size(self.recipe, self.data), shuffle="never")

    @property
    def description(self) -> str:
        """Data, model, method and device in a line."""
        sizes = f"{len(self.data.train):,} to train on, {len(self.data.validation):,} to validate on"
        parameters = sum(parameter.numel() for parameter in self.model.parameters())
        method = type(self.optimizer).__name__
        rate = max(group.get("initial_lr", group["lr"]) for group in self.optimizer.param_groups)
        plan = f" ({self.recipe.schedule.name})" if self.recipe.schedule.name != "fixed" else ""
        device = next(self.model.parameters()).device
        name = f"{self.data.name}, quick" if self.recipe.data.quick else self.data.name
        return (
            f"{name}: {sizes}, {len(self.data.test):,} held out; {self.recipe.model.name} of "
            f"{parameters:,} parameters; {method} at rate {rate:g}{plan}; on {device}"
        )


def prepare(recipe: Recipe) -> Prepared:
    """Load a recipe's data, and make of them what it learns from.

    Raises:
        RecipeError: Its data section does not fit them, or its device this machine.
        DataError: The data set cannot be trained on.
        MissingPackageError: What the data set needs is not installed.
    """
    device = _device(recipe.train.device)
    section = recipe.data
    with _section("data"):
        data = load(
            section.name,
            place=section.place,
            seed=recipe.seed,
            scale=section.scale,
            per=section.per,
            validation=section.validation,
            test=section.test,
        )
        data = select(
            data,
            classes=section.classes,
            examples=section.examples,
            rare=section.rare or None,
            balanced=section.balanced,
            seed=recipe.seed,
        )
        whole = len(data.train)
        return (quick(data, seed=recipe.seed) if section.quick else data).to(device), whole


def _quickly(recipe: Recipe) -> tuple[Recipe, float]:
    """The recipe with at most ten epochs where it is to be quick, and the share of the epochs that are left."""
    epochs = recipe.train.epochs
    if not recipe.data.quick or epochs <= QUICK_EPOCHS:
        return recipe, 1.0
    shorter = QUICK_EPOCHS / epochs
    thaw = recipe.start.thaw and max(round(recipe.start.thaw * shorter), 1)
    changes = {
        "train": recipe.train.model_copy(update={"epochs": QUICK_EPOCHS}),
        "start": recipe.start.model_copy(update={"thaw": thaw}),
    }
    return recipe.model_copy(update=changes), shorter


def augmenter(recipe: Recipe, data: Dataset) -> Augmenter:
    """A fresh augmenter, which draws from the recipe's seed.

    Raises:
        ArgumentError: The data are no pictures.
    """
    return recipe.augment.build(data, seed=recipe.seed)


def _batch_size(recipe: Recipe, data: Dataset) -> int | Literal["all"]:
    """The recipe's, which fewer examples than usual make smaller."""
    size = recipe.train.batch_size
    fewer = recipe.data.quick or recipe.data.examples is not None
    return size if size == "all" or not fewer else min(size, len(data.train))


def evaluation(data: Dataset, part: Literal["validation", "test"]) -> Iterable[tuple[Tensor, Tensor]] | None:
    """Batches of a held-out part, in order; None where it is empty."""
    examples = data.validation if part == "validation" else data.test
    return Batches(examples, min(EVALUATED, len(examples)), shuffle="never") if len(examples) else None


def _loss(recipe: Recipe, data: Dataset) -> LossFunction:
    # Of characters it is told in bits, which only cross-entropy measures.
    fitting = LOSSES_OF[data.task][:1] if data.symbolic else LOSSES_OF[data.task]
    name = loss_for(data.task) if recipe.train.loss == "auto" else recipe.train.loss
    if name not in fitting:
        listed = " or ".join(repr(loss) for loss in ("auto", *fitting))
        task = "next character" if data.symbolic else data.task
        raise ArgumentError(f"loss={name!r}: the task of {data.name!r} is {task}; {listed} is accepted")
    if name == "binary-cross-entropy" and len(data.labels) != 2:
        raise ArgumentError(
            f"loss={name!r}: one output tells two classes apart, and {data.name!r} has {len(data.labels)}; give "
            "'cross-entropy', or keep two of them with data.classes"
        )
    return LOSSES[name]


def _require_its_kind(name: str, data: Dataset) -> None:
    if data.symbolic != (name in SEQUENCE_MODELS):
        holds = "sequences of symbols" if data.symbolic else "measurements"
        others = [other for other in ARCHITECTURES if (other in SEQUENCE_MODELS) == data.symbolic]
        raise ArgumentError(f"name={name!r}: {data.name!r} holds {holds}, for which {', '.join(others)} are made")


def _require_same_loss(name: str, model: nn.Module) -> None:
    """A line search compares losses at several weights, which nothing but these may change."""
    if any(isinstance(module, _DropoutNd) and module.p > 0.0 for module in model.modules()):
        raise ArgumentError(
            f"name={name!r}: it compares losses at several weights, which dropout makes random; leave model.dropout out"
        )


def _begin(recipe: Recipe, model: nn.Module) -> Loaded | None:
    section = recipe.start
    if section.variant is not None:
        raise ArgumentError(f"variant={section.variant!r}: this recipe has no variants; give weights in its place")
    loaded = None if section.weights is None else load_weights(model, section.weights, head=section.head)
    if section.freeze:
        freeze(model, section.freeze)
    return loaded


def _parameters(recipe: Recipe, model: nn.Module) -> Iterable[nn.Parameter] | list[dict[str, Any]]:
    factor = recipe.start.layer_factor
    if factor == 1.0:
        return model.parameters()
    rate = recipe.optimizer.lr or rate_of(recipe.optimizer.name)
    return layer_groups(model, rate, factor=factor)


def _steps(examples: int, batch_size: int | Literal["all"]) -> int:
    return 1 if batch_size == "all" else math.ceil(examples / batch_size)


def _schedules(
    recipe: Recipe, optimizer: torch.optim.Optimizer, *, steps_per_epoch: int, share: float, shorter: float
) -> tuple[LRScheduler, ...]:
    """The schedules that change something; what counts steps or epochs is scaled where a training is quick."""
    rate, momentum = recipe.schedule.shortened(share, shorter), recipe.momentum.shortened(share, shorter)
    length = {"epochs": recipe.train.epochs, "steps_per_epoch": steps_per_epoch}
    found: list[LRScheduler] = []
    with _section("schedule"):
        if rate.on:
            found.append(
                build_schedule(rate.name, optimizer, rate.constants, unit=rate.unit, warmup=rate.warmup, **length)
            )
    with _section("momentum"):
        if momentum.on:
            found.append(
                build_momentum_schedule(momentum.name, optimizer, momentum.constants, unit=momentum.unit, **length)
            )
    return tuple(found)


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise RecipeError(f"train.device={name!r}: not usable here ({reason}); 'auto' or 'cpu' always is") from error
    return device


@contextmanager
def _section(name: str) -> Generator[None]:
    """Name the section in errors of parts that know nothing of recipes."""
    try:
        yield
    except RecipeError:
        raise
    except ArgumentError as error:
        raise RecipeError(f"{name}.{error}") from error
