"""From a recipe to a recorded training."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from torch import Tensor

from unstuck.data import Augmented, Batches, Dataset, write_contact_sheet
from unstuck.errors import RunWriteError
from unstuck.observe import Observer
from unstuck.preflight import QUICK, InitialLossCheck, Subject, initial_loss, run_checks
from unstuck.record import RunWriter, facts
from unstuck.record.folder import new_folder
from unstuck.record.invocation import invocation
from unstuck.train.best import BEST_WEIGHTS, weights_format
from unstuck.train.checkpoint import FINGERPRINT
from unstuck.train.evaluate import evaluate
from unstuck.train.finetune import thaw
from unstuck.train.fit import Epoch, Fitted, Reason, fit
from unstuck.train.interruption import Interruption
from unstuck.train.kept import keep
from unstuck.train.progress import Progress, Silent
from unstuck.train.recipe import Recipe
from unstuck.train.setup import Setup, augmenter, evaluation
from unstuck.train.tally import Means
from unstuck.train.threads import threads

__all__ = ["Trained", "subject_of", "train"]

CONTACT_SHEET = "augmentation.png"
"""Name of the file that shows pictures before and after augmentation, inside a run's folder."""

SHOWN = 16
"""Pictures on it."""


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
        seconds: How long the loop took, evaluations and watching included.
    """

    folder: Path
    reason: Reason | Literal["interrupted"]
    check: InitialLossCheck | None
    test: Means | None = None
    result: str = ""
    unobserved: str = ""
    epochs: tuple[Epoch, ...] = ()
    best: int = 0
    seconds: float = 0.0

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
        DataError: The data set cannot be trained on.
        MissingPackageError: What the data set or the best weights need is not installed.
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
    with Interruption() as interruption, threads(recipe.train.threads):
        setup = Setup.of(recipe)
        progress.say(setup.description)
        weights_format()  # better missed now than at the end of the first epoch
        folder = folder or new_folder(f"{recipe.data.name}-{recipe.model.name}")
        with RunWriter(folder) as writer:
            writer.state(setup.data.fact())
            writer.state(facts.Recipe(text=recipe.text))
            writer.describe(replace(invocation("unstuck", ["train"], module=True), stdin="nothing", stdin_file=""))
            if setup.data.fingerprint:
                writer.state(facts.Event(step=0, what=f"{FINGERPRINT}{setup.data.fingerprint}"))
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
            began = time.perf_counter()
            with Observer(setup.model, setup.optimizer, writer) as observer:
                fitted = _follow(setup, observer, interruption, folder, progress)
            seconds = time.perf_counter() - began
            trained = replace(_tested(setup, folder, fitted, check, observer), seconds=seconds)
            if trained.result:
                writer.state(facts.Event(step=observer.latest.step, what=trained.result))
    return trained


def subject_of(recipe: Recipe) -> Subject:
    """What a recipe would train, ready for :func:`unstuck.preflight.run_checks`.

    Raises:
        RecipeError: Its parts do not fit each other, or this machine.
        DataError: The data set cannot be trained on.
        MissingPackageError: What the data set needs is not installed.
    """
    return Setup.of(recipe).subject


def _look_first(setup: Setup, writer: RunWriter, progress: Progress) -> None:
    """The checks that take no training: a line that says what is wrong, or that nothing is."""
    checklist = run_checks(setup.subject, QUICK)
    for check in checklist:
        if check.status == "failed":
            progress.say(f"{check.name}: {check.reason}; {check.advice}")
            writer.state(facts.Event(step=0, what=f"check failed: {check.name}: {check.reason}"))
    if checklist.ok:
        made = sum(check.status != "skipped" for check in checklist)
        progress.say(f"{made} checks before training: nothing wrong was found")


def _follow(
    setup: Setup, observer: Observer, interruption: Interruption, folder: Path, progress: Progress
) -> Fitted | None:
    """Run the loop; None if Ctrl-C ended it."""
    held_out = evaluation(setup.data, "validation")
    settings = setup.recipe.train

    def after_epoch(epoch: Epoch) -> None:
        progress.epoch(epoch)
        if epoch.number == setup.recipe.start.thaw:
            thaw(setup.model, setup.recipe.start.freeze)
        if settings.checkpoints:
            keep(setup.model, folder, epoch.number)

    if settings.checkpoints:
        keep(setup.model, folder, 0)
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
            schedule=setup.schedules,
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
    setup: Setup, folder: Path, fitted: Fitted | None, check: InitialLossCheck | None, observer: Observer
) -> Trained:
    """Put together what became of the training, the test part among it."""
    reason = fitted.reason if fitted else "interrupted"
    test = None
    if reason in ("completed", "early stopping") and len(setup.data.test):
        test = evaluate(setup.model, setup.loss, evaluation(setup.data, "test") or ())
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


def _show_augmentation(setup: Setup, folder: Path) -> None:
    """Write the first pictures before and after, by an augmenter of their own: training's stays where it was."""
    change = augmenter(setup.recipe, setup.data)
    pictures = setup.data.train.inputs[:SHOWN]
    file = folder / CONTACT_SHEET
    write_contact_sheet(file, change.pictures(pictures), change.pictures(change(pictures)))
