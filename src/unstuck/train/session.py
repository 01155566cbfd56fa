"""From a recipe to a recorded training."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from unstuck.data import Augmented, Augmenter, Batches, Dataset, load, quick, select, write_contact_sheet
from unstuck.errors import ArgumentError, RecipeError, RunWriteError
from unstuck.init import initialize
from unstuck.nn import ARCHITECTURES, SEQUENCE_MODELS, check_sizes
from unstuck.observe import Observer
from unstuck.preflight import QUICK, InitialLossCheck, Subject, initial_loss, run_checks
from unstuck.record import RunWriter, facts
from unstuck.record.folder import new_folder
from unstuck.train.evaluate import evaluate
from unstuck.train.finetune import Loaded, freeze, layer_groups, load_weights, thaw
from unstuck.train.fit import Epoch, Fitted, fit
from unstuck.train.interruption import Interruption
from unstuck.train.losses import LOSSES, LOSSES_OF, LossFunction, loss_for
from unstuck.train.optimizer import build, rate_of
from unstuck.train.penalty import Penalty
from unstuck.train.progress import Progress, Silent
from unstuck.train.recipe import Recipe
from unstuck.train.schedule import build_schedule
from unstuck.train.tally import Means

__all__ = ["BEST_WEIGHTS", "Trained", "subject_of", "train"]

BEST_WEIGHTS = "best.safetensors"
"""Name of the file of the best weights inside a run's folder."""

CONTACT_SHEET = "augmentation.png"
"""Name of the file that shows pictures before and after augmentation, inside a run's folder."""

SHOWN = 16
"""Pictures on it."""

EVALUATED = 1024
"""Examples evaluated at once: enough to keep the processor busy, little enough for any memory."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What became of a recipe.

    Attributes:
        folder: The run's folder.
        reason: completed, early stopping, diverged, or interrupted (Ctrl-C).
        check: The check of the loss before training; None where no expectation is known for it.
        test: What the best weights are worth on the test part; None where there is none, or training did not end well.
        result: The same in words; empty where there is none.
        unobserved: Why observation ended before training did; empty where it did not.
        epochs: Every epoch, in order; empty after Ctrl-C.
        best: Number of the epoch whose weights were kept; 0 where those of the last step were.
    """

    folder: Path
    reason: Literal["completed", "early stopping", "diverged", "interrupted"]
    check: InitialLossCheck | None
    test: Means | None = None
    result: str = ""
    unobserved: str = ""
    epochs: tuple[Epoch, ...] = ()
    best: int = 0

    @property
    def lines(self) -> tuple[str, ...]:
        """What a person wants to read of it beside the verdict."""
        unobserved = f"observation ended early: {self.unobserved}" if self.unobserved else ""
        weights = self.folder / BEST_WEIGHTS
        kept = f"best weights: {weights}" if weights.is_file() else ""
        sheet = self.folder / CONTACT_SHEET
        last = self.epochs[-1] if self.epochs else None
        apart = (
            f"training loss {last.train.loss:.4g}, and apart from it a penalty of {last.penalty:.4g} on the weights"
            if last and last.penalty
            else ""
        )
        shown = f"pictures before and after augmentation: {sheet}" if sheet.is_file() else ""
        return tuple(filter(None, (f"{self.reason}: {self.result}".removesuffix(": "), apart, kept, shown, unobserved)))


def train(recipe: Recipe, folder: Path | None = None, *, progress: Progress | None = None) -> Trained:
    """Train a model as a recipe says, observed and recorded.

    The global random state is seeded with the recipe's seed. Ctrl-C ends training between two steps, and what was
    recorded is kept.

    Args:
        recipe: What to do.
        folder: Where the run and the best weights go; it is made. By default
            ``runs/<date>-<time>-<data set>-<model>``.
        progress: Who is told meanwhile; nobody by default.

    Raises:
        RecipeError: Its parts do not fit each other, or this machine.
        DataError: The data set cannot be trained on, or is not installed.
        RunWriteError: The run cannot be written; what was written before is kept.

    Examples:
        >>> import tempfile
        >>> recipe = Recipe.of(
        ...     {"data": {"name": "pokemon"}, "model": {"name": "linear"},
        ...      "optimizer": {"name": "sgd", "lr": 0.1}, "train": {"batch_size": "all", "epochs": 12}})
        >>> trained = train(recipe, Path(tempfile.mkdtemp()) / "pokemon")
        >>> trained.reason, trained.check.passed
        ('completed', True)
    """
    progress = progress or Silent()
    with Interruption() as interruption, _threads(recipe.train.threads):
        setup = _Setup.of(recipe)
        progress.say(setup.description)
        folder = folder or new_folder(f"{recipe.data.name}-{recipe.model.name}")
        with RunWriter(folder) as writer:
            writer.state(setup.data.fact())
            writer.state(facts.Recipe(text=recipe.text))
            if setup.data.fingerprint:
                writer.state(facts.Event(step=0, what=f"SHA-256 of the data: {setup.data.fingerprint}"))
            writer.state(setup.plan)
            if recipe.augment.on:
                _show_augmentation(setup, folder)
            for warning in setup.warnings:
                progress.say(f"model: {warning}")
                writer.state(facts.Event(step=0, what=f"model: {warning}"))
            if setup.loaded:
                progress.say(str(setup.loaded))
                writer.state(facts.Event(step=0, what=str(setup.loaded)))
            # A model whose head was learnt already does not begin from nothing, and may begin far better.
            knows = setup.loaded is not None and not setup.loaded.fresh
            check = None if knows else initial_loss(setup.model, setup.loss, setup.in_order)
            if check:
                writer.state(check.fact())
                progress.say(str(check))
            _look_first(setup, writer, progress)
            with Observer(setup.model, setup.optimizer, writer) as observer:
                fitted = _follow(setup, observer, interruption, folder, progress)
            trained = _tested(setup, folder, fitted, check, observer)
            if trained.result:
                writer.state(facts.Event(step=observer.latest.step, what=trained.result))
    return trained


def subject_of(recipe: Recipe) -> Subject:
    """What a recipe would train, ready for :func:`unstuck.preflight.run_checks`.

    Raises:
        RecipeError: Its parts do not fit each other, or this machine.
        DataError: The data set cannot be trained on, or is not installed.
    """
    return _Setup.of(recipe).subject


def _look_first(setup: _Setup, writer: RunWriter, progress: Progress) -> None:
    """The checks that take no training: a line that says what is wrong, or that nothing is."""
    checklist = run_checks(setup.subject, QUICK)
    for check in checklist:
        if check.status == "failed":
            progress.say(f"{check.name}: {check.reason}; {check.advice}")
            writer.state(facts.Event(step=0, what=f"check failed: {check.name}: {check.reason}"))
    if checklist.ok:
        made = sum(check.status != "skipped" for check in checklist)
        progress.say(f"{made} checks before training: nothing wrong was found")


@dataclass(frozen=True, kw_only=True)
class _Setup:
    """Everything that training needs, made from a recipe."""

    recipe: Recipe
    data: Dataset
    batches: Batches | Augmented
    model: nn.Sequential
    loss: LossFunction
    optimizer: torch.optim.Optimizer
    schedule: LRScheduler | None
    loaded: Loaded | None
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, recipe: Recipe) -> _Setup:
        torch.manual_seed(recipe.seed)
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
            data = (quick(data, seed=recipe.seed) if section.quick else data).to(device)
        with _section("train"):
            batches = Batches(data.train, _batch_size(recipe, data), seed=recipe.seed)
            loss = _loss(recipe, data)
        with _section("augment"):
            changed = Augmented(batches, _augmenter(recipe, data)) if recipe.augment.on else batches
        with _section("model"):
            _require_its_kind(recipe.model.name, data)
            model = recipe.model.build(data.features, data.outputs)
        if recipe.init.weights != "torch":
            initialize(model, recipe.init.weights, seed=recipe.seed)
        with _section("start"):
            loaded = _begin(recipe, model)
        model.to(device)
        try:
            warnings = check_sizes(model, data.train.inputs[:1])
        except ArgumentError as error:
            raise RecipeError(f"model: {error}") from error
        with _section("optimizer"):
            optimizer = build(recipe.optimizer.name, _parameters(recipe, model), recipe.optimizer.constants)
        with _section("schedule"):
            schedule = _schedule(recipe, optimizer, steps_per_epoch=len(batches))
        return cls(
            recipe=recipe,
            data=data,
            batches=changed,
            model=model,
            loss=loss,
            optimizer=optimizer,
            schedule=schedule,
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
            validation=_evaluation(self.data, "validation"),
            regularisation=self.penalty,
            seed=self.recipe.seed % 2**32,
        )

    @property
    def plan(self) -> facts.Training:
        return facts.Training(
            epochs=self.recipe.train.epochs,
            steps_per_epoch=len(self.batches),
            patience=self.patience if len(self.data.validation) else None,
        )

    @property
    def patience(self) -> int | None:
        return None if self.recipe.train.patience == "never" else self.recipe.train.patience

    @property
    def penalty(self) -> Penalty | None:
        penalty = Penalty(l1=self.recipe.train.l1, l2=self.recipe.train.l2)
        return penalty if penalty.on else None

    @property
    def in_order(self) -> Batches:
        """The training part in batches of the same size, without drawing from the order of training."""
        return Batches(self.data.train, _batch_size(self.recipe, self.data), shuffle="never")

    @property
    def description(self) -> str:
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


def _follow(
    setup: _Setup, observer: Observer, interruption: Interruption, folder: Path, progress: Progress
) -> Fitted | None:
    """Run the loop; None if Ctrl-C ended it."""
    held_out = _evaluation(setup.data, "validation")
    settings = setup.recipe.train

    def after_epoch(epoch: Epoch) -> None:
        progress.epoch(epoch)
        if epoch.number == setup.recipe.start.thaw:
            thaw(setup.model, setup.recipe.start.freeze)

    progress.begin(epochs=settings.epochs, steps_per_epoch=len(setup.batches))
    try:
        return fit(
            setup.model,
            setup.loss,
            _Watched(setup.batches, observer, interruption, progress),
            setup.optimizer,
            validation=held_out,
            epochs=settings.epochs,
            patience=setup.patience,
            schedule=setup.schedule,
            penalty=setup.penalty,
            observer=observer,
            weights=folder / BEST_WEIGHTS,
            compiled=settings.compile,
            after_epoch=after_epoch,
        )
    except KeyboardInterrupt:
        observer.ended("interrupted")
        return None
    finally:
        progress.end()


@dataclass(frozen=True)
class _Watched:
    """Batches between which Ctrl-C is heard, progress is shown, and a run that cannot be written is noticed."""

    batches: Batches | Augmented
    observer: Observer
    interruption: Interruption
    progress: Progress

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for batch in self.interruption.between(self.batches):
            yield batch
            if isinstance(self.observer.failure, RunWriteError):
                raise self.observer.failure
            self.progress.step(self.observer.latest)


def _tested(
    setup: _Setup, folder: Path, fitted: Fitted | None, check: InitialLossCheck | None, observer: Observer
) -> Trained:
    """Put together what became of the training, the test part among it."""
    reason = fitted.reason if fitted else "interrupted"
    test = None
    if reason in ("completed", "early stopping") and len(setup.data.test):
        test = evaluate(setup.model, setup.loss, _evaluation(setup.data, "test") or ())
    return Trained(
        folder=folder,
        reason=reason,
        check=check,
        test=test,
        result=_in_words(test, setup.data) if test else "",
        unobserved=str(observer.failure or ""),
        epochs=fitted.epochs if fitted else (),
        best=fitted.best if fitted else 0,
    )


def _in_words(test: Means, data: Dataset) -> str:
    held_out = f"on {test.examples:,} held-out examples"
    if data.symbolic:
        bits = f"{test.loss / math.log(2.0):.3f} bits per character"
        return f"{bits}, {test.accuracy or 0.0:.1%} of {data.test.targets.numel():,} held-out characters told right"
    if test.accuracy is not None:
        return f"test accuracy {test.accuracy:.1%} {held_out} (loss {test.loss:.4g})"
    explained = 1.0 - test.loss / float(data.test.targets.var(correction=0))
    return f"test error {test.loss**0.5 * data.target_unit:.4g} (root mean square), R^2 {explained:.3f}, {held_out}"


def _augmenter(recipe: Recipe, data: Dataset) -> Augmenter:
    return recipe.augment.build(data, seed=recipe.seed)


def _show_augmentation(setup: _Setup, folder: Path) -> None:
    """Write the first pictures before and after, by an augmenter of their own: training's stays where it was."""
    change = _augmenter(setup.recipe, setup.data)
    pictures = setup.data.train.inputs[:SHOWN]
    file = folder / CONTACT_SHEET
    write_contact_sheet(file, change.pictures(pictures), change.pictures(change(pictures)))


def _batch_size(recipe: Recipe, data: Dataset) -> int | Literal["all"]:
    """The recipe's, which fewer examples than usual make smaller."""
    size = recipe.train.batch_size
    fewer = recipe.data.quick or recipe.data.examples is not None
    return size if size == "all" or not fewer else min(size, len(data.train))


def _evaluation(data: Dataset, part: Literal["validation", "test"]) -> Iterable[tuple[Tensor, Tensor]] | None:
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
    return LOSSES[name]


def _require_its_kind(name: str, data: Dataset) -> None:
    if data.symbolic != (name in SEQUENCE_MODELS):
        holds = "sequences of symbols" if data.symbolic else "measurements"
        others = [other for other in ARCHITECTURES if (other in SEQUENCE_MODELS) == data.symbolic]
        raise ArgumentError(f"name={name!r}: {data.name!r} holds {holds}, for which {', '.join(others)} are made")


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


def _schedule(recipe: Recipe, optimizer: torch.optim.Optimizer, *, steps_per_epoch: int) -> LRScheduler | None:
    section = recipe.schedule
    if not section.on:
        return None
    return build_schedule(
        section.name,
        optimizer,
        section.constants,
        epochs=recipe.train.epochs,
        steps_per_epoch=steps_per_epoch,
        unit=section.unit,
        warmup=section.warmup,
    )


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
def _threads(number: int | Literal["auto"]) -> Generator[None]:
    before = torch.get_num_threads()
    if number != "auto":
        torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _section(name: str) -> Generator[None]:
    """Name the section in errors of parts that know nothing of recipes."""
    try:
        yield
    except RecipeError:
        raise
    except ArgumentError as error:
        raise RecipeError(f"{name}.{error}") from error
