"""Is a table of positions added along the axis of examples?"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

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
    """Look for rows of a buffer or a parameter that are added to a batch of sequences, one row to each example.

    Args:
        view: What is known of the step; what is found is written there.
    """

    measures: tuple[Signal, ...] = ()
    functions = SUMS

    def __init__(self, view: View) -> None:
        self._view = view

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Look at a sum behind a lookup of ids."""
        view = self._view
        if not view.embedded or view.samples >= MOST_STEPS or type(output) is not Tensor or output.dim() != AXES:
            return
        tensors = [part for part in args[:2] if isinstance(part, Tensor)]
        for table in tensors:
            if len(tensors) == 2 and table.shape != output.shape and self._by_example(table, output):
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

    def _by_example(self, table: Tensor, output: Tensor) -> bool:
        """Whether each row of the first axis, which is that of the ids, gets a row of a table for all positions."""
        examples, positions = output.shape[:2]
        if table.shape[:-1] != (examples, 1) or examples == positions or min(examples, positions) < 2:
            return False
        if all(one.ids.shape != (examples, positions) for one in self._view.embedded) or not is_readable(table):
            return False
        return self._is_kept(table) and bool((table != table[:1]).any())

    def _is_kept(self, table: Tensor) -> bool:
        """Whether it is a part of what a module keeps, and no condition that was made for these examples."""
        module, memory = self._view.module, table.untyped_storage().data_ptr()
        kept = [*module.buffers(recurse=False), *module.parameters(recurse=False)] if module is not None else []
        return any(is_readable(one) and one.untyped_storage().data_ptr() == memory for one in kept) or isinstance(
            table._base, nn.Parameter
        )
