"""Is a table of positions added along the axis of examples, or the same row of it at all positions?"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from unstuck.observe.autograd.graph import GraphWalk, place_in_graph
from unstuck.observe.collectors.equal_rows import equal_along, looked_up
from unstuck.observe.collectors.made_values import SUMS
from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.user_code.frames import user_place
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["AddedTables"]

MOST_STEPS = 3
"""Sampled steps in which sums are looked at."""

AXES = 3


class AddedTables:
    """Look for rows of a table that are added to a batch of sequences, one to each example or one for all positions.

    Args:
        view: What is known of the step; what is found is written there.
    """

    measures: tuple[Signal, ...] = ()
    functions = SUMS

    def __init__(self, view: View) -> None:
        self._view = view
        self._equal: dict[tuple[int, ...], tuple[int, str, tuple[str | None, int | None]]] = {}
        self._told: set[int] = set()

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Look at a sum of sequences of vectors."""
        view = self._view
        if type(output) is not Tensor or output.dim() != AXES or not (view.embedded or self._given()):
            return
        looking = view.samples < MOST_STEPS
        tensors = [part for part in args[:2] if isinstance(part, Tensor)]
        if len(tensors) != 2 or not (looking or view.updates >= view.followed_from):
            return
        for table in tensors:
            self._note(table, output)
            if looking and table.shape != output.shape and self._by_example(table, output):
                file, line = user_place(1)
                examples, positions = output.shape[:2]
                view.notice(
                    facts.AddedTable(
                        step=view.updates,
                        examples=examples,
                        positions=positions,
                        where=view.where,
                        file=file,
                        line=line,
                    )
                )

    def _note(self, table: Tensor, output: Tensor) -> None:
        """Keep where a summand comes from that is the same at all positions, though it has an axis of them.

        What is trained may be so at first, as a table of zeros; that has a row for each position all the same.
        """
        view = self._view
        if all(one.ids.shape != output.shape[:2] for one in view.embedded):
            return
        lengths = equal_along(table, output)
        equal = [length for length, same in lengths.items() if same]
        if len(equal) < len(lengths) and (len(lengths) == 1 or equal):
            self._told.update(lengths.keys() - {*equal})
        if not equal or (table.requires_grad and not view.updates):
            return
        place = place_in_graph(table if table.requires_grad else output)
        view.equal += [(place, length) for length in equal if place is not None]
        rows = looked_up(table, min(equal)) if len(equal) == len(lengths) else None
        if rows is not None:
            self._equal[tuple(equal)] = (rows, view.where, user_place(2))

    def backward_of_ids(self, graph: GraphWalk) -> None:
        """State which tables tell no positions apart, unless something else that was added does."""
        del graph
        for lengths, (rows, where, (file, line)) in self._equal.items():
            if not self._told.intersection(lengths):
                self._view.notice(
                    facts.EqualPositions(
                        step=self._view.updates, lengths=lengths, rows=rows, where=where, file=file, line=line
                    )
                )
        self.forget_ids()

    def forget_ids(self) -> None:
        """The step is over, and maybe no backward pass was walked."""
        self._equal.clear()
        self._told.clear()

    def _by_example(self, table: Tensor, output: Tensor) -> bool:
        """Whether each row of the first axis, which is that of the ids, gets a row of a table for all positions."""
        examples, positions = output.shape[:2]
        if table.shape[:-1] != (examples, 1) or examples == positions or min(examples, positions) < 2:
            return False
        shapes = [one.ids.shape for one in self._view.embedded] or [self._given()]
        if (examples, positions) not in shapes or not is_readable(table):
            return False
        return self._is_kept(table) and bool((table != table[:1]).any())

    def _given(self) -> tuple[int, ...]:
        """Examples and positions of a batch that is itself of sequences, of numbers or vectors."""
        batch = self._view.batch
        return tuple(batch.shape[:2]) if batch is not None and 2 <= batch.dim() <= AXES else ()

    def _is_kept(self, table: Tensor) -> bool:
        """Whether it is a part of what a module keeps, and no condition that was made for these examples."""
        module, memory = self._view.module, table.untyped_storage().data_ptr()
        kept = [*module.buffers(recurse=False), *module.parameters(recurse=False)] if module is not None else []
        return any(is_readable(one) and one.untyped_storage().data_ptr() == memory for one in kept) or isinstance(
            table._base, nn.Parameter
        )
