"""One call for a model of one's own, and the same for recipes and functions that are named."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from unstuck.errors import ArgumentError
from unstuck.find_lr.in_process import InProcess, Practice
from unstuck.find_lr.result import FoundRate
from unstuck.find_lr.search import Effort, search
from unstuck.preflight import returned_by
from unstuck.preflight.subject import Penalty
from unstuck.train import Recipe
from unstuck.train.setup import Setup
from unstuck.train.threads import threads

__all__ = ["find_in_function", "find_in_recipe", "find_learning_rate"]


def find_learning_rate(
    model: nn.Module,
    loss: Any,
    batches: Iterable[Any],
    optimizer: Optimizer,
    *,
    effort: Effort | None = None,
    accumulate: int = 1,
    max_norm: float | None = None,
    scaler: torch.amp.GradScaler | None = None,
    autocast: AbstractContextManager[Any] | None = None,
    regularisation: Penalty | None = None,
    seed: int = 0,
) -> FoundRate:
    """Search for the learning rate that a model should be trained with.

    Three methods train the model for some updates from where it stands, and put everything back: an exponential range
    test, the way of the course (times ten until it is too much, then fine steps), and short trainings of a grid, of
    which the suggestion comes. Model, buffers, gradients, optimizer, generators and loader are afterwards as they were
    before, to the last bit; a schedule is never stepped.

    Args:
        model: The model, with the weights to begin from.
        loss: Of outputs and targets; None where the model returns it.
        batches: What one epoch iterates over: a loader, a list of batches. It must give the same again.
        optimizer: Its optimizer; groups keep the ratio of their rates.
        effort: How much is tried.
        accumulate: Batches whose gradients are averaged for one update.
        max_norm: The gradient is clipped to this norm; None does not clip.
        scaler: The gradient scaler of mixed precision; updates that it skips are left out.
        autocast: Entered around model and loss.
        regularisation: A penalty on the model, added to the loss.
        seed: Seed of the order of batches, and of whatever the model draws.

    Returns:
        The rate with its band, or why no rate is of use, and what each method found.

    Raises:
        ArgumentError: The parts do not fit each other, the optimizer holds none of the model's parameters, the batches
            can be read only once, or the loss is no number before anything is trained.
        DataError: There is no batch.

    Examples:
        >>> from unstuck.data import Batches, load
        >>> data = load("diabetes")
        >>> model = nn.Linear(10, 1)
        >>> optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
        >>> found = find_learning_rate(model, nn.functional.mse_loss, Batches(data.train, 31), optimizer)
        >>> 0.01 < found.rate < 0.3, optimizer.param_groups[0]["lr"]
        (True, 1e-06)
    """
    if not isinstance(effort, Effort | None):  # pyright: ignore[reportUnnecessaryIsInstance]  # users err
        raise ArgumentError(f"effort={effort!r}: an unstuck.find_lr.Effort is accepted, or None")
    practice = Practice(
        accumulate=accumulate,
        max_norm=max_norm,
        scaler=scaler,
        autocast=nullcontext() if autocast is None else autocast,
        regularisation=regularisation,
    )
    with InProcess(model, loss, batches, optimizer, practice=practice, seed=seed) as trainer:
        return search(trainer, effort or Effort())


def find_in_recipe(recipe: Recipe, *, effort: Effort | None = None) -> FoundRate:
    """Search for the rate of what a recipe would train.

    Raises:
        RecipeError: Its parts do not fit each other, or this machine.
        DataError: The data set cannot be trained on.
        MissingPackageError: What the data set needs is not installed.
    """
    with threads(recipe.train.threads):
        setup = Setup.of(recipe)
        return find_learning_rate(
            setup.model,
            setup.loss,
            setup.batches,
            setup.optimizer,
            effort=(effort or Effort()).for_training(recipe.train.epochs * len(setup.batches)),
            regularisation=setup.penalty,
            seed=recipe.seed % 2**32,
        )


def find_in_function(target: str, *, effort: Effort | None = None, seed: int = 0) -> FoundRate:
    """Search for the rate of what a function of the user's returns, as :func:`unstuck.preflight.from_factory` takes it.

    Raises:
        ArgumentError: There is no such function, or it returns no optimizer.
    """
    given = returned_by(target)
    if given.get("optimizer") is None:
        raise ArgumentError(
            f"target={target!r}: it returns no optimizer, and a rate is that of an optimizer; return "
            "(model, loss, data, optimizer)"
        )
    return find_learning_rate(
        given["model"],
        given["loss"],
        given["data"],
        given["optimizer"],
        effort=effort,
        regularisation=given.get("regularisation"),
        seed=seed,
    )
