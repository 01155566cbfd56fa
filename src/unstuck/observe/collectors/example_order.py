"""Do the outputs and the targets of a batch stand in one order, where the program sorts its examples?"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from unstuck.observe.autograd.extra_pass import runs_program_code
from unstuck.observe.autograd.graph import GraphWalk
from unstuck.observe.collectors.batch_dependence import row_behind
from unstuck.observe.collectors.handwritten_losses import LossCall
from unstuck.observe.collectors.inputs import data_of
from unstuck.observe.collectors.reordered import FEWEST, PICKS, Reordered, order_of, same_data
from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.distributed import alone
from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.user_code.frames import user_site
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["ExampleOrder"]

MOST = 16
"""Tensors of a step whose entries were put in another order."""

MOST_STEPS = 8
"""Sampled steps in which it is asked."""


class ExampleOrder:
    """Follow examples that a program sorts from the batch to their outputs, by one extra backward pass.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = PICKS

    def __init__(self, view: View) -> None:
        self._view = view
        self._call: LossCall | None = None
        self._given: list[Tensor] = []
        self._asked = False

    def release(self) -> None:
        """Let go of the tensors."""
        self._call, self._given = None, []

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Take what the program puts in another order."""
        view = self._view
        if self._asked or view.samples >= MOST_STEPS or type(output) is not Tensor or output.requires_grad:
            return
        found = order_of(function, args, kwargs) if len(view.reordered) < MOST else None
        if found is not None and is_readable(output):
            source, order = found
            view.reordered.append(Reordered(source.detach(), output.detach(), order, user_site(2)))

    def loss(self, call: LossCall) -> None:
        """Take a loss of a step in which examples were sorted, if its outputs have one target."""
        if not self._asked and self._view.reordered and is_readable(call.target):
            known, self._call, self._given = self._call, call, data_of(self._view.inputs)
            # One output with two targets, as where examples are mixed, belongs to none of them alone.
            self._asked = known is not None and known.output is call.output

    def backward(self, graph: GraphWalk) -> None:
        """Ask, if an extra backward pass runs no code of the program's."""
        view, call = self._view, self._call
        self._call = None
        if call is None or self._asked or view.batch is None or view.first is None or view.hooked or graph.custom:
            return
        output, count = call.output, len(view.batch) if view.batch.dim() else 0
        if count < FEWEST or not output.requires_grad or len(output) % count or len(call.target) != len(output):
            return
        if not alone() or runs_program_code(output):
            return
        self._asked = True
        each, middle = len(output) // count, count // 2
        with torch.enable_grad():  # of our own work no graph is kept otherwise
            row = row_behind(output[middle * each : (middle + 1) * each], view.first, count)
        target = self._target(call.target, middle)
        if row is None or target is None:
            return
        first = view.reordered[0]
        view.noticed.append(
            facts.ExampleOrder(
                step=view.updates,
                examples=count,
                output=self._before(view.batch, view.in_batch(row)),
                target=target,
                file=first.site.file,
                line=first.site.line,
            )
        )

    def _before(self, values: Tensor, row: int) -> int:
        """Where a row of some values stood before they were sorted."""
        made = next((one for one in self._view.reordered if same_data(values, [one.result])), None)
        return row if made is None else int(made.order[row])

    def _target(self, target: Tensor, row: int) -> int | None:
        """Where a target stood; None where something was sorted along of which it may have been made."""
        before = self._before(target, row)
        if before != row or any(same_data(target, [one.result]) for one in self._view.reordered):
            return before
        given = [part for part in self._given if part.numel()]
        rest = (one for one in self._view.reordered if not one.is_sorted and not same_data(one.result, given))
        return None if any(not self._within(one) for one in rest) else row

    def _within(self, one: Reordered) -> bool:
        """Whether the model itself has sorted it, of what it was given."""
        return same_data(one.source, self._given)
