"""Recipes that differ in numbers, trained as one."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from unstuck.errors import ArgumentError
from unstuck.observe.torch_hooks.allocator import keep_freed_memory
from unstuck.stacked.alone import fit_alone
from unstuck.stacked.errors import CannotStackError
from unstuck.stacked.fit import AfterEpoch, fit_stacked
from unstuck.stacked.member import Member, MemberResult
from unstuck.stacked.room import members_at_once
from unstuck.train.recipe import Recipe
from unstuck.train.setup import Prepared, Setup, evaluation, prepare

__all__ = ["groups", "train_stacked"]


def train_stacked(
    recipes: Sequence[Recipe], *, after_epoch: AfterEpoch | None = None, together: int | None = None
) -> tuple[MemberResult, ...]:
    """Train recipes, those as one that differ in numbers only; each comes out as of :func:`unstuck.train.train`.

    Nothing is recorded. Recipes are stacked that agree on data, batch size, loss, network and method, and differ in
    seed, initialisation, rate, momentum, decay, schedules, penalties, dropout rate, epochs or patience. What cannot be
    stacked is trained one after another, and :attr:`MemberResult.alone` says why. The global random state is as before.

    Args:
        recipes: What to train.
        after_epoch: Called with a recipe's number and epoch; a text that it returns is why that one is stopped.
        together: Members whose layers are one operation; by default as many as find room (:func:`members_at_once`).

    Returns:
        What became of each, in their order.

    Raises:
        RecipeError: A recipe's parts do not fit each other, or this machine.
        DataError: A data set cannot be trained on.
        MissingPackageError: What a data set needs is not installed.
        ArgumentError: There is no recipe.

    Examples:
        >>> short = {"data": {"name": "pokemon"}, "model": {"name": "linear"}, "train": {"epochs": 2, "batch_size": 5}}
        >>> recipes = [Recipe.of({**short, "optimizer": {"name": "sgd", "lr": rate}}) for rate in (0.01, 0.1)]
        >>> [len(result.epochs) for result in train_stacked(recipes)]
        [2, 2]
    """
    if not recipes:
        raise ArgumentError("recipes: received none; accepted is at least one")
    keep_freed_memory()
    results: dict[int, MemberResult] = {}
    with torch.random.fork_rng(devices=[]):
        for numbers in groups(recipes):
            results.update(zip(numbers, _train_group(recipes, numbers, after_epoch, together), strict=True))
    return tuple(results[number] for number in range(len(recipes)))


def groups(recipes: Sequence[Recipe]) -> list[list[int]]:
    """Numbers of the recipes that can be one stack, as far as the recipes say.

    Examples:
        >>> narrow, wide = ({"model": {"hidden": [width]}} for width in (8, 16))
        >>> groups([Recipe.of(narrow), Recipe.of(wide), Recipe.of({**narrow, "seed": 1})])
        [[0, 2], [1]]
    """
    found: dict[str, list[int]] = {}
    for number, recipe in enumerate(recipes):
        found.setdefault(_in_common(recipe), []).append(number)
    return list(found.values())


def _in_common(recipe: Recipe) -> str:
    """What recipes of one stack agree on."""
    table: dict[str, Any] = recipe.model_dump(mode="json")
    for free in ("seed", "init", "schedule", "momentum", "shows"):
        del table[free]
    for free in ("epochs", "patience", "l1", "l2"):
        del table["train"][free]
    # Numbers may differ, switches may not.
    table["optimizer"] = {
        key: value for key, value in table["optimizer"].items() if isinstance(value, bool) or key == "name"
    }
    if "dropout" in table["model"]:
        table["model"]["dropout"] = table["model"]["dropout"] > 0.0
    return json.dumps(table, sort_keys=True)


def _train_group(
    recipes: Sequence[Recipe], numbers: Sequence[int], after_epoch: AfterEpoch | None, together: int | None
) -> Sequence[MemberResult]:
    own = [recipes[number] for number in numbers]
    prepared: dict[int, Prepared] = {}

    def asked(member: int, epoch: Any) -> str | None:
        return after_epoch(numbers[member], epoch) if after_epoch else None

    with _threads(own[0].train.threads):
        if len(own) == 1:
            return [fit_alone(*_member(own[0], prepared), 0, asked, "no other recipe has its network, data and method")]
        try:
            _require_stackable(own[0])
            members, losses = zip(*_members(own, prepared), strict=True)
            room = together or _room(own[0], members[0], prepared[own[0].seed])
            return fit_stacked(members, losses[0], after_epoch=asked, together=room)
        except CannotStackError as error:
            why = str(error)
        return [fit_alone(*_member(recipe, prepared), k, asked, why) for k, recipe in enumerate(own)]


def _room(recipe: Recipe, member: Member, prepared: Prepared) -> int:
    part = prepared[0].train
    size = recipe.train.batch_size
    return members_at_once(member.model, part.inputs[:2], len(part) if size == "all" else size)


def _require_stackable(recipe: Recipe) -> None:
    if recipe.start.thaw is not None:
        raise CannotStackError("start.thaw lets layers learn in the middle of a training")
    if recipe.train.compile:
        raise CannotStackError("train.compile wants each model compiled")


def _members(recipes: Sequence[Recipe], prepared: dict[int, Prepared]) -> list[tuple[Member, Any]]:
    """A member of each recipe; those of one seed share their batches."""
    made = [_member(recipe, prepared) for recipe in recipes]
    first: dict[int, Member] = {}
    shared: list[tuple[Member, Any]] = []
    for recipe, (member, loss) in zip(recipes, made, strict=True):
        like = first.setdefault(recipe.seed, member)
        shared.append((_sharing(member, like), loss))
    return shared


def _sharing(member: Member, like: Member) -> Member:
    return replace(member, data=like.data, validation=like.validation)


def _member(recipe: Recipe, prepared: dict[int, Prepared]) -> tuple[Member, Any]:
    if recipe.seed not in prepared:
        prepared[recipe.seed] = prepare(recipe)
    setup = Setup.of(recipe, prepared[recipe.seed])
    state: Tensor = torch.get_rng_state()
    member = Member(
        model=setup.model,
        optimizer=setup.optimizer,
        data=setup.batches,
        validation=evaluation(setup.data, "validation"),
        epochs=recipe.train.epochs,
        patience=setup.patience,
        schedules=setup.schedules,
        penalty=setup.penalty,
        state=state,
    )
    return member, setup.loss


@contextmanager
def _threads(number: int | str) -> Generator[None]:
    before = torch.get_num_threads()
    if isinstance(number, int):
        torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
