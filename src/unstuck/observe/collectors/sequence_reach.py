"""Which positions of a sequence does an output rest on: those behind it, the one with its answer, padding?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from unstuck.observe.autograd.extra_pass import CHECKPOINTS, MOST_NODES, runs_program_code
from unstuck.observe.autograd.graph import GraphWalk, Place, nodes
from unstuck.observe.autograd.order import forgets_order
from unstuck.observe.autograd.positions import between, by_position, keeping_positions, statistics_over_positions
from unstuck.observe.collectors.embedded_ids import Embedded
from unstuck.observe.collectors.handwritten_losses import LossCall
from unstuck.observe.collectors.inputs import data_of
from unstuck.observe.collectors.scored_outputs import Scored, scored_outputs
from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.distributed import alone
from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.user_code.frames import user_place
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["SequenceReaches"]

ASKED_FROM = (0, 16, 128)
"""Updates from which it is asked for the first time, once more, and for the last time."""

NEVER = 2**63

MOST_LOSSES = 4
"""Losses of a step that are followed back to ids."""

ANY = 1e-4
"""Share of the positions behind an output below which there is nothing but rounding, as of a Fourier transform."""

PROCESSES = "to ask would need a pass of all processes at once; masks are judged by what attention is seen to be given"
"""Why nothing is asked where several processes train together, in words."""

TORCHS = ("torch.", "torch._higher_order_ops")


class SequenceReaches:
    """Follow outputs back to the vectors of the ids, by one extra backward pass, at three steps of a training.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = frozenset[Any]()
    kinds = nn.RNNBase

    def __init__(self, view: View) -> None:
        self._view = view
        self._calls: list[tuple[LossCall, tuple[str | None, int | None]]] = []
        self._recurrent: list[tuple[Any, list[Any]]] = []
        self._entered: list[Any] = []
        self._asked = 0
        self._found: list[facts.SequenceReach | facts.UnfollowedSequence | facts.Unread] = []
        self._said = False

    @property
    def _due(self) -> bool:
        return self._view.updates >= self._view.followed_from

    def module(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        """Note what a layer that goes from position to position begins with."""
        if self._due:
            self._entered = [tensor.grad_fn for tensor in data_of(inputs) if tensor.grad_fn is not None]

    def output(self, module: nn.Module, output: Any) -> None:
        """Note what it gives for each position."""
        if self._due and isinstance(output, tuple) and output:
            values: Any = output[0]
            values = values.data if isinstance(values, PackedSequence) else values
            if isinstance(values, Tensor) and values.grad_fn is not None:
                self._recurrent.append((values.grad_fn, self._entered))

    def loss_of_ids(self, call: LossCall) -> None:
        """Take a loss, to be followed back at the backward pass."""
        if self._due and len(self._calls) < MOST_LOSSES and is_readable(call.output):
            place = (call.site.file, call.site.line) if call.handwritten else user_place(1)
            self._calls.append((call, place))

    def backward_of_ids(self, graph: GraphWalk) -> None:
        """Ask, if an extra backward pass runs no code of the program's."""
        view = self._view
        taken, self._calls = self._calls, []
        calls = [(call, place) for call, place in taken if not runs_program_code(call.output)]
        if len(calls) < len(taken):
            self._say_why(taken, CHECKPOINTS)
        elif taken and not alone():
            self._say_why(taken, PROCESSES)
        if not calls or view.hooked or not alone() or not all(map(_of_torch, graph.custom)):
            return
        with torch.enable_grad():  # of our own work no graph is kept otherwise
            found = [fact for call, place in calls if (fact := self._follow(call, place)) is not None]
        self._recurrent.clear()
        if found:
            self._asked += 1
            view.followed_from = (*ASKED_FROM, NEVER)[self._asked]
            self._found += found

    def _say_why(self, calls: Iterable[tuple[LossCall, tuple[str | None, int | None]]], why: str) -> None:
        """State once why outputs that belong to sequences of ids are not followed back to them, and what is known."""
        if self._said or self._asked:
            return
        view = self._view
        pairs = ((place, scored_outputs(call, one)) for call, place in calls for one in view.embedded)
        known = [(place, scored) for place, scored in pairs if scored is not None]
        if not known:
            return
        self._said = True
        step, (place, scored) = view.updates, max(known, key=lambda found: found[1].offset is not None)
        self._found.append(facts.Unread(step=step, collector=type(self).__name__, error=why))
        self._found.append(
            facts.UnfollowedSequence(
                step=step,
                length=scored.length,
                offset=scored.offset,
                positions=scored.positions,
                sequences=sum(not _are_places(other.ids) for other in view.embedded),
                file=place[0],
                line=place[1],
            )
        )

    def forget_ids(self) -> None:
        """The step is over, and maybe no backward pass was walked."""
        self._calls.clear()
        self._recurrent.clear()
        self._view.attended.clear()
        self._entered = []

    release = forget_ids

    def facts(self) -> Iterator[facts.SequenceReach | facts.UnfollowedSequence | facts.Unread]:
        """What was found."""
        found, self._found = self._found, []
        yield from found

    def _follow(self, call: LossCall, place: tuple[str | None, int | None]) -> facts.SequenceReach | None:
        """The sequence of ids on which the answer rests least, of those in which the targets stand."""
        if not call.output.requires_grad:
            return None
        known = [
            (one, scored)
            for one in self._view.embedded
            if one.vectors.requires_grad and (scored := scored_outputs(call, one)) is not None
        ]
        placed = [pair for pair in known if pair[1].offset is not None] or known
        reaches = [fact for one, scored in placed if (fact := self._reach(call, one, scored)) is not None]
        if not reaches:
            return None
        least = min(reaches, key=lambda fact: (fact.answer, fact.on_padding or 0.0))
        alike = any(fact.alike for fact in reaches)  # other sequences, as of positions, are no tokens
        sequences = len({one.ids.data_ptr() for one in self._view.embedded if one.ids.shape == known[0][0].ids.shape})
        answers = len({one.ids.data_ptr() for one, scored in known if scored.offset is not None})
        counts = {"sequences": max(sequences, 1), "answers": max(answers, 1)}
        return replace(least, alike=alike, **counts, file=place[0], line=place[1])

    def _reach(self, call: LossCall, one: Embedded, scored: Scored) -> facts.SequenceReach | None:
        norms = by_position(call.output, one.vectors, scored.weights)
        if norms is None or one.vectors.dim() != one.ids.dim() + 1:
            return None
        profile = _Profile(scored.rows(norms).double().square(), scored.chosen)
        if not profile.total:
            return None
        padding = None if one.padding is None else scored.rows(one.padding)
        graph = between(call.output, one.vectors)
        fact = facts.SequenceReach(
            step=self._view.updates,
            length=scored.length,
            offset=scored.offset,
            positions=scored.positions,
            statistics=statistics_over_positions(graph),
            padding=None if padding is None else float(padding.double().mean()),
            on_padding=None if padding is None else profile.share(padding),
            blank=padding is not None and not bool(one.vectors.detach()[one.padding].any()),
            unread=None if scored.chosen is not None else profile.unread(padding),
            cut=_cut(one.ids, self._view.batch),
            alike=forgets_order(graph, one.vectors.grad_fn, scored.examples, scored.length, self._equal(scored.length)),
            each=scored.chosen is not None,
            attended=self._attended(one.vectors.grad_fn),
        )
        if scored.chosen is None:
            return fact
        fact = replace(
            fact,
            earlier=profile.share(profile.distance < 0),
            own=profile.share(profile.distance == 0),
            answer=0.0 if scored.offset is None else profile.share(profile.distance == scored.offset),
            later=profile.share(profile.distance > 0),
        )
        asked = profile.distance > 0 if scored.offset else profile.distance == 0
        if scored.offset is None or scored.offset < 0 or profile.share(asked) <= ANY:
            return fact
        lengths = {scored.length, scored.kept}
        blocked = keeping_positions(graph, scored.examples, lengths, recurrent=self._within_recurrent())
        apart = by_position(call.output, one.vectors, scored.weights, blocked)
        squares = None if apart is None else scored.rows(apart).double().square()
        kept = 0.0 if squares is None else float((squares * asked).sum())
        return replace(fact, direct=(kept / profile.total) ** 0.5)

    def _equal(self, length: int) -> set[Place]:
        """What tells no positions apart, of as many, though it has an axis of them."""
        return {place for place, positions in self._view.equal if positions == length}

    def _attended(self, vectors: Any) -> tuple[str, ...]:
        """The modules whose attention has keys that come from some vectors."""
        found = (where for keys, where in self._view.attended if vectors in nodes(keys, most=MOST_NODES))
        return tuple(dict.fromkeys(found))

    def _within_recurrent(self) -> set[Any]:
        """The nodes of recurrent layers by which their outputs come from their inputs."""
        found: set[Any] = set()
        for first, entered in self._recurrent:
            pending, stop = [first], {*entered}
            while pending:
                node = pending.pop()
                if node is not None and node not in found and node not in stop:
                    found.add(node)
                    pending += [successor for successor, _ in node.next_functions]
        return found


@dataclass(frozen=True)
class _Profile:
    """Squares of gradients, shape (examples, positions), and the position of each example's output."""

    squares: Tensor
    chosen: Tensor | None

    @property
    def total(self) -> float:
        return float(self.squares.sum())

    @property
    def distance(self) -> Tensor:
        assert self.chosen is not None
        return torch.arange(self.squares.shape[1], device=self.squares.device) - self.chosen.unsqueeze(1)

    def share(self, positions: Tensor) -> float:
        return (float((self.squares * positions).sum()) / self.total) ** 0.5

    def unread(self, padding: Tensor | None) -> float:
        """Share of the positions that no example's output depends on, of those that hold anything."""
        real = torch.ones_like(self.squares, dtype=torch.bool) if padding is None else ~padding
        held = real.any(dim=0)
        never = ((self.squares == 0) | ~real).all(dim=0) & held
        return float(never.sum() / held.sum().clamp(min=1))


def _cut(ids: Tensor, batch: Tensor | None) -> int:
    """Positions of the batch that the ids are a part of, and that were left out; padding, one id for most, is none."""
    if batch is None or batch.dim() != ids.dim() or batch.dtype != ids.dtype or len(batch) != len(ids):
        return 0
    longer = batch.shape[1] - ids.shape[1]
    if longer <= 0 or batch.untyped_storage().data_ptr() != ids.untyped_storage().data_ptr():
        return 0
    first = int(ids.storage_offset() - batch.storage_offset()) // max(1, batch.stride(1))
    left = torch.cat([batch[:, :first], batch[:, first + ids.shape[1] :]], dim=1)
    return round(float((left != left.mode(dim=0).values).double().mean(dim=0).sum()))


def _are_places(ids: Tensor) -> bool:
    """Whether all examples, along one axis or the other, have the same ids, as of positions."""
    return bool((ids == ids[:1]).all()) or bool((ids == ids[:, :1]).all())


def _of_torch(function: type[Any]) -> bool:
    """Whether an autograd function is PyTorch's own."""
    return function.__module__.startswith(TORCHS)
