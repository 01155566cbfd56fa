"""The weights that a training passed through, read from beside its run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from unstuck.errors import MissingPackageError, WeightsError
from unstuck.preflight import Subject
from unstuck.preflight.arrangement import Each
from unstuck.record import Run, facts
from unstuck.train import toml
from unstuck.train.best import BEST_WEIGHTS, weights_format
from unstuck.train.checkpoint import setup_of
from unstuck.train.finetune import load_weights, thaw
from unstuck.train.kept import CHECKPOINTS
from unstuck.train.recipe import Recipe
from unstuck.train.setup import Setup

__all__ = ["WeightPath", "path_of_files", "weight_path"]


@dataclass(frozen=True, kw_only=True)
class WeightPath:
    """The weights of a training at several times.

    Attributes:
        subject: The training, with the last of these weights.
        names: When they were, in order.
        states: The weights by name, at each time.
    """

    subject: Subject
    names: tuple[str, ...]
    states: tuple[Mapping[str, Tensor], ...]


def weight_path(run: Run) -> WeightPath | None:
    """Read the weights that a training has kept: at the start and after each epoch, or at the start and the best ones.

    Args:
        run: A run of ``unstuck train``; with ``train.checkpoints`` in its recipe it keeps the weights of each epoch.

    Returns:
        None where it is not one of ``unstuck train``, or has left no weights.

    Raises:
        RecipeError: The recipe does not fit this machine, or is of a release that this one does not read.
        DataError: The data set cannot be trained on.
        WeightsError: A file of weights is damaged, or of another network.
        MissingPackageError: What the data set or the weights need is not installed.
        ArgumentError: The data are not those that were trained on.
    """
    files = sorted((run.path / CHECKPOINTS).glob("epoch-*.safetensors"))
    names = [f"epoch {int(file.stem.partition('-')[2])}" for file in files]
    setup = setup_of(run)
    if setup is None:
        return None
    states: list[Mapping[str, Tensor]] = []
    if not files:
        files, names = [run.path / BEST_WEIGHTS], ["the start", "the best epoch"]
        states.append(_copied(_before_training(run)))
    for file in files:
        load_weights(setup.model, file)
        states.append(_copied(setup.model))
    if setup.recipe.start.freeze:
        thaw(setup.model)  # what learns later on is a part of the path too
    return WeightPath(subject=setup.subject, names=tuple(names), states=tuple(states))


def path_of_files(subject: Subject, files: Sequence[Path]) -> WeightPath:
    """Read weights that a script has saved: by safetensors, or ``torch.save(model.state_dict(), file)``.

    Args:
        subject: A training by the same model; it gets the last of the weights.
        files: The files, in order; what is in them under ``"model"`` or ``"state_dict"`` is taken too.

    Raises:
        WeightsError: A file is missing, damaged, no mapping of names to tensors, or of another network.
        MissingPackageError: safetensors is not installed, and a file is one of its kind.
    """
    states: list[Mapping[str, Tensor]] = []
    model = subject.model.model if isinstance(subject.model, Each) else subject.model
    for file in files:
        state = _read(file)
        try:
            model.load_state_dict(state)
        except RuntimeError as error:
            raise WeightsError(f"{file}: weights of another network: {' '.join(str(error).split())}") from error
        states.append(_copied(model))
    return WeightPath(subject=subject, names=tuple(file.stem for file in files), states=tuple(states))


def _read(file: Path) -> Mapping[str, Any]:
    if not file.is_file():
        raise WeightsError(f"{file}: there is no such file; give one that the script has saved")
    try:
        if file.suffix == ".safetensors":
            return weights_format().torch.load_file(file)
        state = torch.load(file, map_location="cpu", weights_only=True)
    except MissingPackageError:
        raise
    except Exception as error:  # whatever a damaged file raises in either library
        told = (str(error) or type(error).__name__).splitlines()[0]
        raise WeightsError(
            f"{file}: cannot be read ({told}); a file of safetensors, or of torch.save(model.state_dict(), file), is "
            "accepted"
        ) from error
    for key in ("model", "state_dict", "model_state_dict"):
        if isinstance(state, Mapping) and isinstance(state.get(key), Mapping):
            state = state[key]
    if not isinstance(state, Mapping):
        raise WeightsError(f"{file}: it holds {type(state).__name__}; model.state_dict() is accepted")
    return state


def _before_training(run: Run) -> nn.Module:
    """The model as its recipe draws it, or loads it, by its seed."""
    recipe = run.fact(facts.Recipe)
    assert recipe is not None, "its recipe has been read already"
    return Setup.of(Recipe.of(toml.parse(recipe.text, source=str(run.path)))).model


def _copied(model: nn.Module) -> Mapping[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}
