"""The training loop of many members as one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

from unstuck.errors import ArgumentError, DataError
from unstuck.stacked.member import Member, MemberResult
from unstuck.stacked.stack import Batch, Stack
from unstuck.stacked.tally import MemberTally
from unstuck.train.best import Best
from unstuck.train.fit import Epoch, Reason
from unstuck.train.losses import LossFunction
from unstuck.train.tally import TOGETHER, Means

__all__ = ["AfterEpoch", "Watch", "fit_stacked"]

AfterEpoch = Callable[[int, Epoch], str | None]
"""Called with a member's number and its epoch; what it returns is why that member is stopped, None lets it go on."""


class Watch(Protocol):
    """Who looks at a stack before and after its steps."""

    def before(self, stack: Stack) -> None:
        """A step is about to be made."""
        ...

    def after(self, stack: Stack, losses: torch.Tensor) -> None:
        """A step was made, with the loss of each of the stack's members."""
        ...


def fit_stacked(
    members: Sequence[Member],
    loss: LossFunction,
    *,
    after_epoch: AfterEpoch | None = None,
    together: int | None = None,
    watch: Watch | None = None,
) -> tuple[MemberResult, ...]:
    """Train members as one; for each the same comes out as of :func:`unstuck.train.fit`.

    A member that diverges, has lost patience or is stopped leaves, and the rest goes on without it.

    Args:
        members: What to train: models of one structure, with optimizers that differ in numbers only.
        loss: Of outputs and targets, its mean over the batch.
        after_epoch: Called with a member's number and epoch; a text that it returns is why that member is stopped.
        together: Members whose layers are one operation, as in :class:`Stack`.
        watch: Who looks at the stack before and after each step.

    Returns:
        What became of each.

    Raises:
        CannotStackError: They cannot be trained as one; the models are as they were, while batches may have been drawn.
        ArgumentError: There is no member, or batches of one step differ in size.
        DataError: There is no batch.

    Examples:
        >>> import torch
        >>> from unstuck.data import Batches, load
        >>> data = load("pokemon")
        >>> batches = Batches(data.train, "all")
        >>> models = [torch.nn.Linear(data.features[0], data.outputs) for _ in range(3)]
        >>> rates = (0.001, 0.01, 0.1)
        >>> fitted = fit_stacked(
        ...     [Member(model=m, optimizer=torch.optim.SGD(m.parameters(), lr=r), data=batches, epochs=2)
        ...      for m, r in zip(models, rates)],
        ...     torch.nn.functional.cross_entropy)
        >>> [(result.reason, len(result.losses)) for result in fitted]
        [('completed', 2), ('completed', 2), ('completed', 2)]
    """
    if not members:
        raise ArgumentError("members: received none; accepted is at least one")
    state = torch.get_rng_state()
    stack = Stack(
        [member.model for member in members],
        loss,
        [member.optimizer for member in members],
        penalties=[member.penalty for member in members],
        states=[state if member.state is None else member.state for member in members],
        together=together,
    )
    return _Loop(members, stack, after_epoch, watch).run()


class _Course:
    """How far a member has come."""

    def __init__(self, member: Member) -> None:
        self.member = member
        self.best = Best(member.model, patience=member.patience)
        self.epochs: list[Epoch] = []
        self.losses: list[float] = []
        self.reason: Reason = "completed"
        self.why = ""

    def reschedule(self, epoch: Epoch) -> None:
        """Step the schedules that count epochs."""
        held_out = epoch.validation
        for schedule in self.member.schedules:
            if isinstance(schedule, ReduceLROnPlateau):
                schedule.step(held_out.loss if held_out and held_out.examples else epoch.train.loss)

    def result(self) -> MemberResult:
        self.best.restore()
        return MemberResult(
            reason=self.reason,
            why=self.why,
            epochs=tuple(self.epochs),
            best=self.best.epoch,
            losses=np.array(self.losses),
            model=self.member.model,
        )


class _Loop:
    def __init__(
        self, members: Sequence[Member], stack: Stack, after_epoch: AfterEpoch | None, watch: Watch | None
    ) -> None:
        self._courses = [_Course(member) for member in members]
        self._stack, self._after_epoch, self._watch = stack, after_epoch, watch
        for member in members:
            # Schedules warn of optimizers that have not stepped, which these never do by themselves.
            setattr(member.optimizer, "_opt_called", True)  # noqa: B010
        self._by_step = {
            number: steps
            for number, member in enumerate(members)
            if (steps := [plan for plan in member.schedules if not isinstance(plan, ReduceLROnPlateau)])
        }

    def run(self) -> tuple[MemberResult, ...]:
        number = 0
        while self._stack.members:
            number += 1
            means = self._train_epoch(number)
            held_out = self._evaluate()
            for k, member in enumerate(self._stack.members):
                self._end_epoch(member, number, means[k], held_out[k])
            self._leave()
        return tuple(course.result() for course in self._courses)

    def _train_epoch(self, number: int) -> list[Means]:
        """One pass of all members; one whose loss is no longer finite leaves meanwhile."""
        stack = self._stack
        tally = stack.tally()
        seen: list[torch.Tensor] = []
        batches = _in_step([self._courses[member].member.data for member in stack.members])
        keep: list[int] | None = None
        for all_of_them in batches:
            own = all_of_them if keep is None else [all_of_them[k] for k in keep]
            seen.append(self._step(own, tally))
            for member in stack.members if self._by_step else ():
                for schedule in self._by_step.get(member, ()):
                    schedule.step()
            if len(seen) == TOGETHER:
                self._note(seen)
                staying = self._drop_diverged(number, tally)
                keep = staying if keep is None else [keep[k] for k in staying]
                if not keep:
                    return []
        self._note(seen)
        self._drop_diverged(number, tally)
        return tally.means()

    def _step(self, batches: Sequence[Batch], tally: MemberTally) -> torch.Tensor:
        if self._watch is None:
            return self._stack.step_each(batches, tally)
        self._watch.before(self._stack)
        losses = self._stack.step_each(batches, tally)
        self._watch.after(self._stack, losses)
        return losses

    def _note(self, seen: list[torch.Tensor]) -> None:
        if seen:
            for member, losses in zip(self._stack.members, torch.stack(seen, dim=1).tolist(), strict=True):
                self._courses[member].losses.extend(losses)
            seen.clear()

    def _drop_diverged(self, number: int, tally: MemberTally) -> list[int]:
        """Let those go whose loss is not finite; positions of the others."""
        means = tally.means()
        if not tally.diverged.any():
            return list(range(len(means)))
        gone = [member for k, member in enumerate(self._stack.members) if tally.diverged[k]]
        for k, member in enumerate(self._stack.members):
            if member in gone:
                course = self._courses[member]
                course.reason = "diverged"
                epoch = Epoch(number=number, train=means[k], validation=None)
                course.epochs.append(epoch)
                if self._after_epoch:
                    self._after_epoch(member, epoch)
        staying = [k for k in range(len(means)) if not tally.diverged[k]]
        self._stack.drop(gone)
        tally.keep(staying)
        return staying

    def _evaluate(self) -> list[Means | None]:
        held_out = [self._courses[member].member.validation for member in self._stack.members]
        if any(data is None for data in held_out):
            return [None] * len(held_out)
        given = cast("list[Iterable[Batch]]", held_out)
        return list(self._stack.evaluate(_in_step(given), own=True)) if given else []

    def _end_epoch(self, member: int, number: int, train: Means, held_out: Means | None) -> None:
        course = self._courses[member]
        penalty = course.member.penalty
        better = held_out is not None and held_out.examples
        if better or penalty:
            self._stack.hand_back([member], optimizer=False)
        cost = float(penalty(course.member.model).detach()) if penalty else 0.0
        epoch = Epoch(number=number, train=train, validation=held_out, penalty=cost)
        course.epochs.append(epoch)
        course.reschedule(epoch)
        why = self._after_epoch(member, epoch) if self._after_epoch else None
        if held_out is not None and held_out.examples:
            course.best.offer(number, held_out)
            if course.best.hopeless(number):
                course.reason = "early stopping"
                return
        if why is not None:
            course.reason, course.why = "stopped", why

    def _leave(self) -> None:
        """Let those go that have come to their end."""
        ended = [
            member
            for member in self._stack.members
            if self._courses[member].reason != "completed"
            or len(self._courses[member].epochs) >= self._courses[member].member.epochs
        ]
        if ended:
            self._stack.drop(ended)


def _in_step(data: Sequence[Iterable[Batch]]) -> Iterator[list[Batch]]:
    """A batch for each member, step by step; what is given to several is read once.

    Raises:
        ArgumentError: Batches of a step differ in size, or one has fewer of them.
        DataError: There is none.
    """
    sources = {id(own): own for own in data}
    order = list(sources)
    places = [order.index(id(own)) for own in data]
    steps = 0
    iterators: list[Iterator[Any]] = [iter(own) for own in sources.values()]
    for step in zip(*iterators, strict=True):
        if len({batch[1].shape for batch in step}) > 1:
            raise ArgumentError("data: batches of one step differ in size; members that are stacked need equal sizes")
        yield [step[place] for place in places]
        steps += 1
    if not steps:
        raise DataError("data: there is no batch in it; give at least one example")
