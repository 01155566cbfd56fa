"""What model and loss were given in a step whose loss was thrown, beside what they are given in ordinary steps."""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unstuck.observe.autograd.outside import Given, entered, given, holds_data
from unstuck.observe.collectors.handwritten_losses import LossCall
from unstuck.observe.collectors.view import View
from unstuck.observe.torch_hooks.drawn_batches import places_of
from unstuck.observe.user_code.frames import user_names, user_values
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["ThrownBatches"]

MOST_KEPT = 512
"""Ordinary steps kept of one tensor; of more, every second."""

MOST_TENSORS = 16
"""Tensors that are told apart: beyond that a graph is unrolled in time, and new ones are those of longer sequences."""

MOST_ROWS = 16

MOST_PLACES = 1024
"""Examples of a batch whose places in the data set are recorded."""

OUT_OF_RANGE = 5.0
"""Times the usual from which a row is named."""

Key = tuple[str, str]


@dataclass
class _Usual:
    """The greatest absolute values of one tensor in ordinary steps, as logarithms."""

    steps: list[int] = field(default_factory=list[int])
    logs: list[float] = field(default_factory=list[float])

    def take(self, step: int, largest: float) -> None:
        self.steps.append(step)
        self.logs.append(math.log(largest))
        if len(self.logs) >= MOST_KEPT:
            del self.steps[::2], self.logs[::2]


@dataclass(frozen=True)
class _Thrown:
    """A step whose loss was thrown: of each tensor the greatest absolute value of each row."""

    step: int
    loss: float
    limit: float
    tensors: dict[Key, tuple[tuple[int, ...], Tensor]]
    places: tuple[int, ...]


class ThrownBatches:
    """Look at tensors from outside, before the update of their step.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = frozenset[Any]()

    def __init__(self, view: View) -> None:
        self._view = view
        self._usual: dict[Key, _Usual] = {}
        self._thrown: list[_Thrown] = []
        self._stated = 0
        self._target: weakref.ref[Tensor] | None = None
        self._names: set[str] = set()

    def begin(self) -> None:
        """A sampled step begins."""
        self._target = None

    def loss(self, call: LossCall) -> None:
        """Remember the target, which the graph of a loss that is written out does not keep."""
        if call.target.is_floating_point():
            self._target = weakref.ref(call.target)

    def ordinary(self, loss: Tensor) -> None:
        """Take in what is usual."""
        greatest: dict[Key, float] = {}
        found = given(loss)
        if self._target is not None and not _has_target(found):
            found.extend(self._name_of())
        for role, place, values in found:
            greatest[role, place] = max(greatest.get((role, place), 0.0), float(values.detach().abs().max()))
        for key, largest in greatest.items():
            if (key in self._usual or len(self._usual) < MOST_TENSORS) and 0.0 < largest < math.inf:
                self._usual.setdefault(key, _Usual()).take(self._view.updates, largest)

    def thrown(self, loss: Tensor, limit: float) -> None:
        """Look at what was given in this step."""
        tensors: dict[Key, tuple[tuple[int, ...], Tensor]] = {}
        found = given(loss)
        if self._names and not _has_target(found):
            found.extend(self._by_name())
        for role, place, values in found:
            greatest = _by_row(values)
            known = tensors.get((role, place))
            if (role, place) in self._usual and (known is None or greatest.max() > known[1].max()):
                tensors[role, place] = (tuple(values.shape), greatest)
        places = places_of([*entered(loss), *(values for _, _, values in found)])[:MOST_PLACES]
        self._thrown.append(_Thrown(self._view.updates, loss.item(), limit, tensors, places))

    def _name_of(self) -> Iterator[Given]:
        """The target of this step under the user's name for it."""
        target = None if self._target is None else self._target()
        if target is not None and holds_data(target):
            for name in list(user_names({id(target)}).values())[: MOST_TENSORS - len(self._names)]:
                self._names.add(name)
                yield Given("target", name, target)

    def _by_name(self) -> Iterator[Given]:
        """What has such a name in a step of which nothing else was seen."""
        for name, value in user_values(self._names).items():
            if isinstance(value, Tensor) and holds_data(value):
                yield Given("target", name, value)

    def facts(self) -> Iterator[facts.ThrownBatch]:
        """Those that are new."""
        new, self._stated = self._thrown[self._stated :], len(self._thrown)
        yield from map(self._fact, new)

    def finish(self) -> Iterator[facts.ThrownBatch]:
        """All of them, now that what came after them is known."""
        yield from map(self._fact, self._thrown)

    def _fact(self, thrown: _Thrown) -> facts.ThrownBatch:
        tensors = tuple(
            _described(key, shape, rows, self._usual[key], thrown.step) for key, (shape, rows) in thrown.tensors.items()
        )
        return facts.ThrownBatch(
            step=thrown.step, loss=thrown.loss, level=thrown.limit, tensors=tensors, places=thrown.places
        )


def _has_target(found: Sequence[Given]) -> bool:
    return any(one.role == "target" for one in found)


def _by_row(tensor: Tensor) -> Tensor:
    values = tensor.detach().abs().double()
    return values.reshape(len(values), -1).amax(dim=1) if values.dim() else values.reshape(1)


def _described(key: Key, shape: tuple[int, ...], rows: Tensor, usual: _Usual, step: int) -> facts.ThrownTensor:
    logs, steps = np.array(usual.logs), np.array(usual.steps)
    middle, later = float(np.median(logs)), logs[steps > step]
    beyond = torch.nonzero(rows > OUT_OF_RANGE * math.exp(middle)).reshape(-1)
    return facts.ThrownTensor(
        what="target" if key[0] == "target" else "input",
        place=key[1],
        shape=shape,
        largest=float(rows.max()),
        usual=math.exp(middle),
        spread=float(1.4826 * np.median(np.abs(logs - middle))),
        high=float(np.exp(np.quantile(logs, 0.95))),
        later=float(np.exp(np.median(later))) if len(later) else None,
        seen=len(logs),
        rows=len(beyond),
        first_rows=tuple(int(row) for row in beyond[:MOST_ROWS]),
    )
