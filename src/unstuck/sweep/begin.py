"""The sweep that a command line asks for: a new one, or one that was begun."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unstuck.errors import ArgumentError
from unstuck.record.folder import new_folder
from unstuck.report.page import write_page
from unstuck.sweep.course import Plan
from unstuck.sweep.locally import Locally
from unstuck.sweep.on_ray import OnRay
from unstuck.sweep.result import Result
from unstuck.sweep.search import folder_of, try_first
from unstuck.sweep.space import Space, read_space
from unstuck.sweep.storage import JOURNAL
from unstuck.sweep.strategy import CoarseToFine, Sampled, Strategy, strategy_of
from unstuck.sweep.study import Study
from unstuck.sweep.work import Trainer
from unstuck.train.recipe import DEFAULT

__all__ = ["BEST_RECIPE", "Begun", "begin"]

BEST_RECIPE = "best.toml"
"""Name of the file of the best recipe inside a sweep's folder."""

SAMPLED = 64
"""Tries of a sampler that is given no number."""


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A sweep that can be worked on.

    Attributes:
        study: Its study.
        strategy: How it is decided what is tried.
        trainer: What makes the tries.
        folder: Where its page and its recipe go.
        source: The recipe, as the user named it.
        again: What goes on with it, behind ``unstuck sweep``.
    """

    study: Study
    strategy: Strategy
    trainer: Trainer
    folder: Path
    source: str
    again: str

    @property
    def space(self) -> Space:
        """What is swept."""
        return self.study.space

    @property
    def description(self) -> str:
        """The keys with their coarse values, and how they are searched."""
        keys = (
            f"{axis.key} over {', '.join(map(axis.written, axis.coarse))}{_beyond(axis.range)}"
            for axis in self.space.axes
        )
        return f"{'; '.join(keys)}; {self.strategy.name}"

    @property
    def best_recipe(self) -> Path:
        """Where the recipe of the best setting goes."""
        return self.folder / BEST_RECIPE

    def write_best(self, result: Result) -> Path:
        """Write the recipe of the best setting.

        Raises:
            RunWriteError: The file may not be written.
        """
        return write_page(self.best_recipe, result.text, what="recipe")


def begin(
    recipe: str | None,
    *,
    over: Sequence[str] = (),
    overrides: Sequence[str] = (),
    quick: bool = False,
    sampler: str = "",
    pruner: str = "",
    tries: int | None = None,
    seeds: int = 3,
    folder: Path | None = None,
    storage: str = "",
    name: str = "sweep",
    ray: str | None = None,
) -> Begun:
    """Begin a sweep, or go on with one.

    Args:
        recipe: A recipe, or the folder of a sweep, which is then gone on with. With a storage and neither recipe nor
            keys the study there is.
        over: Keys and their values.
        overrides: ``KEY=VALUE`` that replace what stands in the recipe.
        quick: Whether orders of magnitude are sought on two classes and a tenth of the data.
        sampler: A sampler of Optuna's and its arguments; empty for coarse to fine.
        pruner: A pruner of Optuna's and its arguments.
        tries: Settings that are tried at most.
        seeds: Seeds of the best settings.
        folder: Where everything goes; a new folder by default.
        storage: Where the study is kept; a journal in the folder by default.
        name: Name of the study.
        ray: Address of a Ray cluster to train on; this process trains by default.

    Raises:
        ArgumentError: What is asked for cannot be swept, or does not go together.
        StudyError: The study is of another sweep, or cannot be reached.
        DataError: The data set cannot be trained on.
        MissingPackageError: Optuna, or what the recipe needs, is not installed.
        RunWriteError: The folder may not be written.
    """
    known = Path(recipe) if recipe is not None and Path(recipe).is_dir() else None
    if known is not None or (recipe is None and storage and not over):
        if over or overrides or quick or sampler or pruner or tries:
            raise ArgumentError(
                f"{recipe or storage}: a sweep that was begun goes on as it was; leave the options away"
            )
        return _go_on(known, folder, storage, name, ray)
    if pruner and not sampler:
        raise ArgumentError(f"--pruner {pruner}: it goes with --sampler; without one, rules stop what need not go on")
    source = recipe or DEFAULT
    space = read_space(source, over=over, overrides=overrides, quick=quick)
    if quick and sampler:
        raise ArgumentError("--quick: it goes with orders of magnitude; a sampler has none: --set data.quick=true")
    plan = Plan(seeds=seeds, tries=tries or (SAMPLED if sampler else Plan().tries))
    strategy = Sampled(sampler=sampler, pruner=pruner, plan=plan) if sampler else CoarseToFine(plan=plan)
    strategy.check(space)
    try_first(space)
    place = folder_of(folder or new_folder("sweep"))
    study = Study(space, storage or place / JOURNAL, name=name, how=strategy.how, source=source)
    return _begun(study, strategy, place, storage, ray)


def _go_on(known: Path | None, folder: Path | None, storage: str, name: str, ray: str | None) -> Begun:
    if known is not None and not storage and not (known / JOURNAL).is_file():
        raise ArgumentError(f"{known}: this folder holds no sweep, which has a {JOURNAL}; give a recipe to begin one")
    place = folder_of(folder or known or new_folder("sweep"))
    study = Study(None, storage or place / JOURNAL, name=name)
    return _begun(study, strategy_of(study.how), place, storage, ray)


def _begun(study: Study, strategy: Strategy, folder: Path, storage: str, ray: str | None) -> Begun:
    trainer: Trainer = Locally() if ray is None else OnRay(ray)
    again = shlex.quote(str(folder)) + (f" --storage {shlex.quote(storage)} --study {study.name}" if storage else "")
    return Begun(study=study, strategy=strategy, trainer=trainer, folder=folder, source=study.source, again=again)


def _beyond(numbers: object) -> str:
    return " and beyond" if getattr(numbers, "open", False) else ""
