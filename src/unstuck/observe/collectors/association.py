"""Do targets have anything to do with their inputs? Pairs of both, as training met them, compared with chance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unstuck.observe.collectors.associated import association
from unstuck.observe.collectors.handwritten_losses import LossCall
from unstuck.observe.collectors.inputs import data_of
from unstuck.observe.collectors.paired_rows import SERIES, PairedRows, numbers_of_each, one_number_each
from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.user_code.module_tree import parameters
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["AssociationProbe", "TrainedAssociation"]

MOST_EXAMPLES = 1_024
"""Pairs that are kept."""

MOST_LOSSES = 4
"""Losses of a step whose targets are kept, each apart."""

COMPARING = frozenset(
    {
        *("binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "huber_loss", "kl_div"),
        *("l1_loss", "mse_loss", "nll_loss", "smooth_l1_loss"),
    }
)
"""Losses that compare each number of an output with one of the target; others may take several numbers for one."""


class TrainedAssociation:
    """Do the targets of training have to do with its inputs?

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = frozenset[Any]()

    def __init__(self, view: View) -> None:
        self._view = view
        self._pairs: dict[tuple[int, int], AssociationProbe] = {}
        self._calls = 0
        self._reason = ""

    def begin(self) -> None:
        """A sampled step begins."""
        self._calls = 0

    def loss(self, call: LossCall) -> None:
        """Take a batch with its targets."""
        number, self._calls = self._calls, self._calls + 1
        if number >= MOST_LOSSES:
            return
        known = self._pairs.get((number, 0))
        lacking = MOST_EXAMPLES - (len(known) if known is not None else 0)
        if lacking <= 0:
            return
        try:
            self._take(number, call, lacking)
        except _NotComparableError as error:
            self._reason = str(error)

    def _take(self, number: int, call: LossCall, most: int) -> None:
        parts, target = self._parts(call)
        alone = len(parts) == 1 and target.numel() == len(parts[0])
        if not alone and call.function not in COMPARING:
            raise _NotComparableError(f"what {call.function} asks for is not one number for each output")
        time_first = parts[0].dim() == SERIES and self._time_first()
        for way, rows in enumerate(numbers_of_each(parts, target, most=most, time_first=time_first)):
            if isinstance(rows, str):
                raise _NotComparableError(rows)
            self._pairs.setdefault((number, way), AssociationProbe(parts=len(parts))).add(rows)

    def _time_first(self) -> bool:
        """Whether a module of the model takes the first axis of a batch for time steps, as recurrent layers may."""
        return any(vars(module).get("batch_first") is False for module in self._view.roots.modules())

    def _parts(self, call: LossCall) -> tuple[list[Tensor], Tensor]:
        """What an example consists of, and what is asked for it; made within the model, what enters its parts."""
        view = self._view
        if view.entry is None:
            # What a weight multiplies, where there are no modules, may be a part of an example, such as one time step.
            raise _NotComparableError("without modules it is not known what an example consists of")
        if view.again:
            raise _NotComparableError("more than one batch enters the model for a loss")
        target = call.output if call.target.requires_grad else call.target
        if target.requires_grad or not is_readable(target):
            raise _NotComparableError("the targets are outputs of the model themselves, or cannot be read")
        alone = len(view.inputs) == 1 and type(view.inputs[0]) is Tensor
        given = [view.batch] if alone and view.batch is not None else data_of(view.inputs)
        parts = [part for part in given if not _is_same(part, target)]
        if (not view.ended or target.data_ptr() in view.made) and len(parts) == len(given):
            parts = _within(view)
        if not parts:
            raise _NotComparableError("the targets are the inputs themselves, or the inputs cannot be read")
        return parts, target

    def finish(self) -> Iterator[facts.Association | facts.Unpaired]:
        """The comparison that shows most; it takes tens of milliseconds."""
        found = [fact for probe in self._pairs.values() if (fact := probe.fact()) is not None]
        if found:
            yield max(found, key=lambda fact: max(fact.neighbours, fact.linear))
        elif self._reason:
            yield facts.Unpaired(reason=self._reason)


class _NotComparableError(Exception):
    """Why inputs and targets of a loss are not compared."""


@dataclass
class AssociationProbe:
    """Gather pairs on sampled steps; :meth:`fact` compares them.

    Attributes:
        parts: Tensors that an example consists of.
    """

    parts: int = 1
    _rows: list[PairedRows] = field(default_factory=list[PairedRows])
    _count: int = 0
    _told: facts.Association | None = None

    def __len__(self) -> int:
        """Pairs gathered."""
        return self._count

    def take(self, inputs: Tensor | None, target: Tensor) -> None:
        """Take a batch: inputs of shape (N, ...), targets of N numbers or class ids; others are passed by."""
        if self._count >= MOST_EXAMPLES or inputs is None or not is_readable(inputs) or not is_readable(target):
            return
        rows = one_number_each(inputs, target, most=MOST_EXAMPLES - self._count)
        if rows is not None:
            self.add(rows)

    def add(self, rows: PairedRows) -> None:
        """Add the rows of a batch, unless they are of another layout than the first."""
        if self._rows and self._rows[0].layout != rows.layout:
            return
        self._rows.append(rows)
        self._count += len(rows.values)

    def fact(self) -> facts.Association | None:
        """What the pairs so far have shown; None for too few."""
        if not self._rows:
            return None
        if self._told is None or self._count > self._told.met:
            self._told = self._compared()
        return self._told

    def _compared(self) -> facts.Association | None:
        def joined(tensors: Iterator[Tensor]) -> np.ndarray[Any, np.dtype[np.float64]]:
            return torch.cat(list(tensors)).cpu().numpy().astype(np.float64)

        aligned = [rows.aligned for rows in self._rows if rows.aligned is not None]
        return association(
            joined(rows.values for rows in self._rows),
            joined(rows.targets for rows in self._rows),
            conditions=joined(rows.conditions for rows in self._rows),
            aligned=(joined(x for x, _ in aligned), joined(y for _, y in aligned)) if aligned else None,
            classes=self._rows[0].classes,
            parts=self.parts,
        )


def _within(view: View) -> list[Tensor]:
    """The data that the modules with weights directly within the entry were given."""
    given = (inputs for module, inputs in view.inner if next(parameters(module), None) is not None)
    return [part for inputs in given for part in data_of(inputs)]


def _is_same(part: Tensor, target: Tensor) -> bool:
    return part.data_ptr() == target.data_ptr() and part.numel() == target.numel()
