"""A training by a recipe as it was left: its data, its loss, and the best weights that it found."""

from __future__ import annotations

from unstuck.errors import ArgumentError
from unstuck.preflight import Subject
from unstuck.record import Run, facts
from unstuck.train import toml
from unstuck.train.best import BEST_WEIGHTS
from unstuck.train.finetune import load_weights
from unstuck.train.recipe import Recipe
from unstuck.train.setup import Setup

__all__ = ["FINGERPRINT", "checkpoint", "setup_of"]

FINGERPRINT = "SHA-256 of the data: "
"""How the event begins that names the data, where they are files of one's own."""


def checkpoint(run: Run) -> Subject | None:
    """Put a recorded training together again, with the best weights of its epochs.

    Args:
        run: The run.

    Returns:
        None where it is not one of ``unstuck train``, or has left no weights.

    Raises:
        RecipeError: The recipe does not fit this machine, or is of a release that this one does not read.
        DataError: The data set cannot be trained on.
        WeightsError: The file of weights is damaged, or of another network.
        MissingPackageError: What the data set or the weights need is not installed.
        ArgumentError: The data are not those that were trained on.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from unstuck.train import train
        >>> short = {"epochs": 2, "batch_size": 5}
        >>> recipe = Recipe.of({"data": {"name": "pokemon"}, "model": {"name": "linear"}, "train": short})
        >>> trained = train(recipe, Path(tempfile.mkdtemp()))
        >>> with Run.open(trained.folder) as run:
        ...     type(checkpoint(run).optimizer).__name__
        'Adam'
    """
    setup = setup_of(run)
    if setup is None:
        return None
    load_weights(setup.model, run.path / BEST_WEIGHTS)
    return setup.subject


def setup_of(run: Run) -> Setup | None:
    """Put together what a run was trained with; the weights are those that its recipe draws.

    Returns:
        None where it is not one of ``unstuck train``, or has left no weights.

    Raises:
        RecipeError: The recipe does not fit this machine, or is of a release that this one does not read.
        DataError: The data set cannot be trained on.
        MissingPackageError: What the data set needs is not installed.
        ArgumentError: The data are not those that were trained on.
    """
    recipe = run.fact(facts.Recipe)
    if recipe is None or not recipe.text or not (run.path / BEST_WEIGHTS).is_file():
        return None
    table = toml.parse(recipe.text, source=str(run.path))
    freeze = table.get("start", {}).get("freeze")
    table["start"] = {"freeze": freeze} if freeze else {}
    setup = Setup.of(Recipe.of(table))
    recorded = {event.what for event in run.facts(facts.Event) if event.what.startswith(FINGERPRINT)}
    if recorded and setup.data.fingerprint and f"{FINGERPRINT}{setup.data.fingerprint}" not in recorded:
        raise ArgumentError(f"{run.path}: its data have changed since it was trained; put the former ones back")
    return setup
