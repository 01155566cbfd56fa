"""From a recipe and the keys to sweep to what is best."""

from __future__ import annotations

from pathlib import Path

from unstuck.errors import ArgumentError, RunWriteError
from unstuck.record.folder import new_folder
from unstuck.sweep.attempt import Try
from unstuck.sweep.locally import Locally
from unstuck.sweep.result import Result
from unstuck.sweep.show import Quiet, Show
from unstuck.sweep.space import Space
from unstuck.sweep.storage import JOURNAL
from unstuck.sweep.strategy import CoarseToFine, Strategy
from unstuck.sweep.study import NAME, Study
from unstuck.sweep.work import RETRY_SECONDS, Trainer, work
from unstuck.train.setup import Setup

__all__ = ["folder_of", "join", "sweep", "try_first"]


def sweep(
    space: Space,
    folder: Path | None = None,
    *,
    strategy: Strategy | None = None,
    storage: str | Path | None = None,
    name: str = NAME,
    trainer: Trainer | None = None,
    show: Show | None = None,
    retry: float = RETRY_SECONDS,
) -> Result:
    """Train settings of a recipe until the best is known, with its spread over seeds.

    Whoever calls this with the same arguments goes on where an earlier call, killed or not, stopped, or works beside
    it: in other processes, and, with a database or a server as the storage, on other machines.

    Args:
        space: The recipe and the keys to sweep: :func:`~unstuck.sweep.read_space`.
        folder: Where the study's journal goes; it is made. By default ``runs/<date>-<time>-sweep``.
        strategy: How it is decided what is tried; from coarse to fine by default.
        storage: Where the study is kept, in place of a journal in the folder: an address of a database or a server.
        name: Name of the study, of several in one storage.
        trainer: What makes the tries; this process by default.
        show: Who is told meanwhile; nobody by default.
        retry: Seconds for which a storage that does not answer is tried again.

    Raises:
        RecipeError: The recipe's parts do not fit each other.
        DataError: The data set cannot be trained on.
        MissingPackageError: Optuna, or what the recipe needs, is not installed.
        StudyError: The study is of another sweep, or its storage cannot be reached or is gone.
        RunWriteError: The folder may not be written.
        KeyboardInterrupt: Ctrl-C; the same call goes on later.

    Examples:
        >>> import tempfile
        >>> from unstuck.sweep import Plan, read_space
        >>> linear = ["data.name=pokemon", "model={name='linear'}", "optimizer={name='sgd'}"]
        >>> small = [*linear, "train={batch_size='all', epochs=5}"]
        >>> space = read_space("mlp", over=["optimizer.lr=1e-3, 1e-1"], overrides=small)
        >>> result = sweep(space, Path(tempfile.mkdtemp()), strategy=CoarseToFine(plan=Plan(seeds=1)))
        >>> result.best.setting
        {'optimizer.lr': 0.1}
    """
    strategy, show = strategy or CoarseToFine(), show or Quiet()
    strategy.check(space)
    try_first(space)
    folder = folder_of(folder or new_folder("sweep"))
    study = Study(space, storage or folder / JOURNAL, name=name, how=strategy.how)
    return join(study, strategy, folder, trainer=trainer, show=show, retry=retry)


def join(
    study: Study,
    strategy: Strategy,
    folder: Path,
    *,
    trainer: Trainer | None = None,
    show: Show | None = None,
    retry: float = RETRY_SECONDS,
) -> Result:
    """Work on a study that was begun.

    Args:
        study: The study.
        strategy: How it is decided what is tried, as when it was begun.
        folder: Where outcomes are kept that cannot be told to it.
        trainer: What makes the tries.
        show: Who is told meanwhile.
        retry: Seconds for which a storage that does not answer is tried again.

    Raises:
        ArgumentError: The recipe refuses whatever is tried.
        StudyError: The storage is gone.
        KeyboardInterrupt: Ctrl-C.
    """
    show = show or Quiet()
    try:
        known = work(study, strategy, trainer or Locally(), show=show, folder=folder, retry=retry)
    finally:
        show.end()
    refused = [one.outcome.said for one in known.values() if one.outcome.reason in ("refused", "failed")]
    if known and len(refused) == len(known):
        raise ArgumentError(f"none of {len(known)} settings could be trained; the first: {refused[0]}")
    return Result.of(study.space, known, strategy=strategy.name, finished=True)


def try_first(space: Space) -> None:
    """Build the recipe as it stands, so that what it lacks is said before anything is written.

    Raises:
        RecipeError: Its parts do not fit each other, or this machine.
        DataError: The data set cannot be trained on.
        MissingPackageError: What it needs is not installed.
    """
    Setup.of(space.recipe(Try(setting=space.stands, stage="coarse", seed=space.seed)))


def folder_of(folder: Path) -> Path:
    """Make the folder of a sweep, where it is not there.

    Raises:
        RunWriteError: It may not be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunWriteError(
            f"{folder}: the sweep cannot be written ({error.strerror}); choose another folder with --out, or free space"
        ) from error
    return folder
