"""Train settings that differ in numbers only as one, and stop those that a rule says are hopeless."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch

from unstuck.errors import UnstuckError
from unstuck.observe.torch_hooks.allocator import keep_freed_memory
from unstuck.stacked import CannotStackError, Member, fit_stacked
from unstuck.stacked.recipes import groups
from unstuck.sweep.alone import Ticks, outcome_of, point
from unstuck.sweep.attempt import Outcome, Try
from unstuck.sweep.judge import Judge, Reason
from unstuck.sweep.space import Space
from unstuck.sweep.trace import StackGauge
from unstuck.train import Epoch
from unstuck.train.setup import Prepared, Setup, evaluation, prepare

__all__ = ["alike", "train_stacked"]


def alike(space: Space, tries: Sequence[Try]) -> list[list[Try]]:
    """Tries by what can be one stack, as far as their recipes say; what a recipe refuses is by itself.

    Examples:
        >>> from unstuck.sweep.space import read_space
        >>> space = read_space("mlp", over=["optimizer.lr", "model.hidden=[8], [16]"])
        >>> rates = [{"optimizer.lr": rate, "model.hidden": [width]} for width in (8, 16) for rate in (0.1, 0.2)]
        >>> [len(group) for group in alike(space, [Try(setting=setting, stage="coarse") for setting in rates])]
        [2, 2]
    """
    found: list[list[Try]] = []
    known, recipes = list[Try](), []
    for attempt in tries:
        try:
            recipes.append(space.recipe(attempt))
            known.append(attempt)
        except UnstuckError:
            found.append([attempt])
    return [*([known[number] for number in group] for group in groups(recipes)), *found]


def train_stacked(space: Space, tries: Sequence[Try], *, after_epoch: Ticks | None = None) -> list[tuple[Try, Outcome]]:
    """Train tries of one group of :func:`alike` as one; for each the same comes out as of ``train_alone``.

    Args:
        space: What they are of.
        tries: The tries.
        after_epoch: Called after each epoch of each.

    Raises:
        CannotStackError: They cannot be trained as one.
        UnstuckError: A recipe is refused.
    """
    keep_freed_memory()
    with torch.random.fork_rng(devices=[]):
        return _Stacked(space, tries, after_epoch).run()


class _Stacked:
    def __init__(self, space: Space, tries: Sequence[Try], after_epoch: Ticks | None) -> None:
        self._tries, self._after_epoch = list(tries), after_epoch
        self._setups: list[Setup] = []
        self._members: list[Member] = []
        prepared: dict[tuple[int, bool], Prepared] = {}
        shared: dict[tuple[int, bool], Member] = {}
        for attempt in tries:
            recipe, place = space.recipe(attempt), (attempt.seed, attempt.quick)
            if recipe.train.compile or recipe.start.thaw is not None:
                raise CannotStackError("train.compile and start.thaw want each model by itself")
            if place not in prepared:
                prepared[place] = prepare(recipe)
            setup = Setup.of(recipe, prepared[place])
            member = _member(setup, shared.get(place))
            shared.setdefault(place, member)
            self._setups.append(setup)
            self._members.append(member)
        self._gauge = StackGauge(len(self._tries), steps_per_epoch=len(self._setups[0].batches))
        self._curves: list[list[tuple[float, float, float]]] = [[] for _ in self._tries]
        self._reasons: dict[int, Reason] = {}
        self._begin = time.perf_counter()

    def run(self) -> list[tuple[Try, Outcome]]:
        """Train, and say what became of each."""
        self._begin = time.perf_counter()
        made = fit_stacked(self._members, self._setups[0].loss, after_epoch=self._over, watch=self._gauge)
        return [
            (
                attempt,
                outcome_of(self._setups[k], made[k], self._curves[k], self._reasons.get(k), stacked=len(self._tries)),
            )
            for k, attempt in enumerate(self._tries)
        ]

    def _over(self, member: int, epoch: Epoch) -> str | None:
        trace = self._gauge.epoch(member, epoch)
        seconds = (time.perf_counter() - self._begin) / len(self._tries)
        self._curves[member].append(point(seconds, epoch))
        reason = self._after_epoch(self._tries[member], epoch) if self._after_epoch else None
        reason = reason or Judge(self._setups[member]).stops(trace)
        if reason is not None:
            self._reasons[member] = reason
        return None if reason is None else reason.said


def _member(setup: Setup, like: Member | None) -> Member:
    """A member of a stack; it shares the batches of one of equal data and seed."""
    return Member(
        model=setup.model,
        optimizer=setup.optimizer,
        data=setup.batches if like is None else like.data,
        validation=evaluation(setup.data, "validation") if like is None else like.validation,
        epochs=setup.recipe.train.epochs,
        patience=setup.patience,
        schedules=setup.schedules,
        penalty=setup.penalty,
        state=torch.get_rng_state(),
    )
