"""Models that differ in numbers, trained as one."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from unstuck.errors import ArgumentError
from unstuck.optim.optimizer import ObservedOptimizer
from unstuck.stacked.chunk import Chunk
from unstuck.stacked.errors import CannotStackError
from unstuck.stacked.masks import mark
from unstuck.stacked.methods import method_of
from unstuck.stacked.room import TOGETHER
from unstuck.stacked.structure import require_one_structure
from unstuck.stacked.tally import MemberTally
from unstuck.stacked.update import require_one_method
from unstuck.train.losses import LossFunction, takes_logits_of_yes
from unstuck.train.penalty import Penalty
from unstuck.train.tally import Means

__all__ = ["Batch", "Stack"]

Batch = tuple[Any, Any]


class Stack:
    r"""Train models of one structure as one: parameters stacked, each layer one operation for all.

    Member m takes the steps that it would take alone, :math:`w_m \leftarrow w_m + u(w_m, \nabla L_m(w_m); \theta_m)`,
    with the numbers :math:`\theta_m` of its own optimizer, which schedules may change meanwhile. Members may differ
    in their weights, in the numbers of their optimizers, in their dropout rates, in what they learn from.

    The models keep their values until :meth:`hand_back`.

    Args:
        models: A model for each member.
        loss: Of outputs and targets, its mean over the batch.
        optimizers: A fresh optimizer for each model: of :mod:`unstuck.optim`, or one of torch's that has a counterpart
            there.
        penalties: L1 and L2 of each member; none by default.
        states: State of the CPU's random generator in which each member begins, which decides on its dropout; by
            default the state in which the global one is now, for all.
        together: Members whose layers are one operation, 64 by default; fewer take less memory.

    Raises:
        CannotStackError: The members differ in more, or have hooks; later, at the first step, where an operation of the
            model cannot be done for all at once. Their models are as they were.
        ArgumentError: There is no member, or not one optimizer for each.

    Examples:
        >>> from unstuck.optim import SGD
        >>> models = [nn.Linear(2, 1) for _ in range(3)]
        >>> rates = (0.01, 0.1, 1.0)
        >>> stack = Stack(models, nn.functional.mse_loss, [SGD(m.parameters(), lr=r) for m, r in zip(models, rates)])
        >>> stack.step(torch.ones(4, 2), torch.ones(4, 1)).shape
        torch.Size([3])
        >>> stack.drop([1])
        >>> stack.members
        (0, 2)
        >>> stack.hand_back()
    """

    def __init__(
        self,
        models: Sequence[nn.Module],
        loss: LossFunction,
        optimizers: Sequence[Optimizer],
        *,
        penalties: Sequence[Penalty | None] | None = None,
        states: Sequence[Tensor] | None = None,
        together: int | None = None,
    ) -> None:
        _check(models, optimizers, together)
        require_one_structure(models)
        methods = [method_of(optimizer) for optimizer in optimizers]
        require_one_method(methods)
        self._loss = loss
        self._skeleton = _skeleton(models[0])
        size = together or TOGETHER
        state = torch.get_rng_state()
        given: list[Sequence[Any]] = [
            models,
            methods,
            penalties or [None] * len(models),
            states or [state] * len(models),
        ]
        self._chunks = [
            self._chunk(*(values[first : first + size] for values in given)) for first in range(0, len(models), size)
        ]
        self._members = list(range(len(models)))

    def _chunk(
        self,
        models: Sequence[nn.Module],
        methods: Sequence[ObservedOptimizer],
        penalties: Sequence[Penalty | None],
        states: Sequence[Tensor],
    ) -> Chunk:
        return Chunk(self._skeleton, models, self._loss, methods, penalties, states)

    @property
    def members(self) -> tuple[int, ...]:
        """Numbers of the members that are still trained."""
        return tuple(self._members)

    @property
    def parameters(self) -> tuple[dict[str, Tensor], ...]:
        """The parameters of :attr:`members` by name, each of shape (M, ...), in as many parts as it takes."""
        return tuple(chunk.parameters for chunk in self._chunks)

    def step(self, inputs: Any, targets: Any) -> Tensor:
        """Take a step of every member on a batch that they share.

        Returns:
            The loss of each of :attr:`members`.

        Raises:
            CannotStackError: At the first step: the model's operations cannot be done for all at once.
        """
        return self.step_each([(inputs, targets)] * len(self._members))

    def step_each(self, batches: Sequence[Batch], tally: MemberTally | None = None) -> Tensor:
        """Take a step of every member, each on a batch of its own, all of one size.

        Args:
            batches: A pair of inputs and targets for each of :attr:`members`; those of one object are shared.
            tally: Where losses and outputs are counted.
        """
        self._skeleton.train()
        return self._each(batches, Chunk.step, tally)

    def evaluate(self, data: Iterable[Batch] | Iterable[Sequence[Batch]], *, own: bool = False) -> list[Means]:
        """Mean loss and accuracy of every member, in evaluation mode.

        Args:
            data: Batches; or, where each member has its own, lists of a batch for each.
            own: Whether each has its own.
        """
        self._skeleton.eval()
        tally = self.tally()
        for batch in data:
            self._each(batch if own else [batch] * len(self._members), Chunk.evaluate, tally)  # type: ignore[arg-type]
        return tally.means()

    def tally(self) -> MemberTally:
        """An empty tally of the members."""
        return MemberTally(len(self._members), yes_or_no=takes_logits_of_yes(self._loss))

    def _each(
        self, batches: Sequence[Batch], call: Callable[..., tuple[Tensor, Any]], tally: MemberTally | None
    ) -> Tensor:
        losses: list[Tensor] = []
        outputs: list[Any] = []
        first = 0
        for chunk in self._chunks:
            own = batches[first : first + len(chunk)]
            first += len(chunk)
            shared = all(batch is own[0] for batch in own)
            inputs, targets = own[0] if shared else (torch.stack(parts) for parts in zip(*own, strict=True))
            loss, output = call(chunk, inputs, targets, own=not shared)
            losses.append(loss)
            outputs.append(output)
        together = losses[0] if len(losses) == 1 else torch.cat(losses)
        if tally is not None:
            shared = all(batch is batches[0] for batch in batches)
            targets = batches[0][1] if shared else torch.stack([batch[1] for batch in batches])
            tally.add(together, outputs[0] if len(outputs) == 1 else torch.cat(outputs), targets, own=not shared)
        return together

    def drop(self, members: Iterable[int]) -> None:
        """Go on without some members, whose values go into their models first.

        Raises:
            ArgumentError: One is not among :attr:`members`.
        """
        leaving = list(members)
        for member in leaving:
            self._require(member)
        self.hand_back(leaving)
        going: list[Chunk] = []
        first = 0
        for chunk in self._chunks:
            numbers = self._members[first : first + len(chunk)]
            first += len(chunk)
            staying = [k for k, number in enumerate(numbers) if number not in leaving]
            if staying and len(staying) < len(chunk):
                chunk.keep(staying)
            if staying:
                going.append(chunk)
        self._chunks = going
        self._members = [number for number in self._members if number not in leaving]

    def hand_back(self, members: Iterable[int] | None = None, *, optimizer: bool = True) -> None:
        """Write values into the members' own models and optimizers, which can then go on alone.

        Args:
            members: Their numbers; all by default.
            optimizer: Whether running values of the optimizer are written too.
        """
        for member in self._members if members is None else members:
            position = self._require(member)
            for chunk in self._chunks:
                if position < len(chunk):
                    chunk.hand_back(position, optimizer=optimizer)
                    break
                position -= len(chunk)

    def _require(self, member: int) -> int:
        if member not in self._members:
            raise ArgumentError(f"member={member!r}: one that is still trained is accepted, of {self._members}")
        return self._members.index(member)


def _check(models: Sequence[nn.Module], optimizers: Sequence[Optimizer], together: int | None) -> None:
    if not models or len(models) != len(optimizers):
        raise ArgumentError(
            f"optimizers: received {len(optimizers)} for {len(models)} models; accepted is one for each, and one model "
            "at least"
        )
    if together is not None and together < 1:
        raise ArgumentError(f"together={together!r}: a whole number from 1 is accepted")


def _skeleton(model: nn.Module) -> nn.Module:
    """A copy without values, which is called with those of all members."""
    try:
        made = copy.deepcopy(model).to("meta")
    except Exception as error:
        raise CannotStackError(f"the model cannot be copied: {error}") from error
    mark(made)
    return made
