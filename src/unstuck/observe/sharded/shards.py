"""Statistics of parameters that are sharded over processes, from what each process measures of its own part.

Sums of squares add up over the parts, largest values and counts too, so that no process needs another one's values.
Which steps are measured is agreed without a word: :func:`~unstuck.observe.sampling.agreed` looks at their number only.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import IntEnum
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unstuck.observe import blind_spots
from unstuck.observe.collectors.parameters import SKETCH_VALUES, SNAPSHOT_VALUES
from unstuck.observe.sharded.rank_store import RankStore
from unstuck.observe.tensors.distributed import is_distributed, is_sharded
from unstuck.observe.tensors.readable import values_here
from unstuck.observe.updates import Steps
from unstuck.record import signals
from unstuck.record.signals import Signal

__all__ = ["PATIENCE_SECONDS", "GatheredShards", "ShardProbe", "has_shards", "unmeasured"]

Parts = NDArray[np.float64]
"""What one process measured at one step: shape (parameters of the optimizer + 1, columns); see :class:`Column`."""

Sample = dict[Signal, Any]

PATIENCE_SECONDS = 1.0
"""How long the end of a training waits for what other processes have measured last."""

MOST_WAITING = 8
"""Steps that may wait for other processes; of older ones the norms are given up."""


class Column(IntEnum):
    """What is measured of a part of a parameter; the last row is on all parameters, and has other columns."""

    ENTRIES = 0
    WEIGHT_SQ = 1
    WEIGHT_NONFINITE = 2
    GRADIENT_SQ = 3  #: NaN without a gradient
    GRADIENT_MAX = 4
    GRADIENT_ZEROS = 5
    GRADIENT_NONFINITE = 6
    CHANGE_SQ = 7  #: this and the following from the evenly spread entries that were copied, as if of all
    CHANGE_GRADIENT = 8  #: their product
    SPREAD_GRADIENT_SQ = 9


NOW_SQ, BEFORE_SQ, PRODUCT = range(3)
"""Columns of the last row: squares of a sketch of this step's gradient and of that before, and their product."""


def has_shards(optimizer: Steps) -> bool:
    """Whether an optimizer holds parameters of which this process has a part only, and can read it."""
    return bool(_sharded(optimizer))


def unmeasured(parameters: Iterable[Tensor], *, gathered: bool) -> Iterator[str]:
    """What is missing of parameters that are spread over processes, in the words of :mod:`.blind_spots`.

    Args:
        parameters: Those of a training.
        gathered: Whether the other processes measure their parts too.
    """
    spread = [parameter for parameter in parameters if is_sharded(parameter)]
    readable = [values_here(parameter) is not None for parameter in spread]
    if not all(readable):
        yield blind_spots.FLATTENED
    if any(readable) and not gathered:
        yield blind_spots.SHARDED


def holders(tensor: Tensor) -> list[int]:
    """The ranks whose parts make up a sharded ``DTensor``, each value once: of several copies the one that is here."""
    mesh: Any = cast("Any", tensor).device_mesh
    placements: Any = cast("Any", tensor).placements
    here = mesh.get_coordinate()
    index = tuple(
        at if placement.is_replicate() else slice(None) for at, placement in zip(here, placements, strict=True)
    )
    return [int(rank) for rank in mesh.mesh[index].flatten()]


class ShardProbe:
    """Measure this process's part of an optimizer's parameters, around a step, and leave it for the other processes.

    Args:
        store: Where they find it.
    """

    def __init__(self, store: RankStore) -> None:
        self._store = store
        self._number = store.next_number()
        self._stride = 1
        self._olds: dict[int, Tensor] = {}
        self._sketch: tuple[int, Tensor] | None = None

    def topic(self, step: int) -> str:
        """Under which name the parts of a step are found."""
        return f"{self._number}/{step}"

    @torch.no_grad()
    def before(self, optimizer: Steps) -> None:
        """Copy the weights that may change, of a large model an evenly spread part."""
        weights = {i: part.reshape(-1) for i, (p, part) in _sharded(optimizer).items() if p.requires_grad}
        self._stride = max(1, -(-sum(w.numel() for w in weights.values()) // SNAPSHOT_VALUES))
        self._olds = {i: w[:: self._stride].clone() for i, w in weights.items()}

    @torch.no_grad()
    def after(self, optimizer: Steps, step: int) -> Parts:
        """Measure, and leave what was measured."""
        sharded = {i: (part, _gradient(p, part)) for i, (p, part) in _sharded(optimizer).items()}
        rows = [[math.nan] * len(Column) for group in optimizer.param_groups for _ in group["params"]]
        measured = [self._measure(*parts, self._olds.get(i)) for i, parts in sharded.items()]
        columns: list[list[float]] = torch.stack(measured).tolist() if measured else []
        for i, values in zip(sharded, columns, strict=True):
            rows[i] = values
        self._olds = {}
        gradients = [gradient for _, gradient in sharded.values() if gradient is not None]
        parts = np.array([*rows, self._compare(gradients, step)])
        self._store.put(self.topic(step), parts)
        return parts

    def _measure(self, part: Tensor, gradient: Tensor | None, old: Tensor | None) -> Tensor:
        """The columns of one part of a parameter, and of its gradient."""
        weights = part.reshape(-1)
        values: dict[Column, Tensor | float] = {
            Column.ENTRIES: float(weights.numel()),
            Column.WEIGHT_SQ: _square(weights),
            Column.WEIGHT_NONFINITE: (~weights.isfinite()).sum(),
        }
        if gradient is not None:
            values |= {
                Column.GRADIENT_SQ: _square(gradient),
                Column.GRADIENT_MAX: gradient.abs().max() if gradient.numel() else 0.0,
                Column.GRADIENT_ZEROS: gradient.numel() - gradient.count_nonzero(),
                Column.GRADIENT_NONFINITE: (~gradient.isfinite()).sum(),
            }
        if old is not None:
            change = weights[:: self._stride] - old
            scale = weights.numel() / max(change.numel(), 1)
            values[Column.CHANGE_SQ] = _square(change) * scale
            if gradient is not None:
                spread = gradient[:: self._stride].double()
                values[Column.CHANGE_GRADIENT] = (change.double() * spread).sum() * scale
                values[Column.SPREAD_GRADIENT_SQ] = _square(spread) * scale
        missing = torch.full((), math.nan, dtype=torch.float64, device=weights.device)
        return torch.stack([torch.as_tensor(values.get(column, missing)).to(missing) for column in Column])

    def _compare(self, gradients: Collection[Tensor], step: int) -> list[float]:
        """The last row: how this gradient compares with that of the step before."""
        stride = max(1, -(-sum(g.numel() for g in gradients) // SKETCH_VALUES))
        now = torch.cat([g[::stride].double() for g in gradients]) if gradients else torch.empty(0)
        before, self._sketch = self._sketch, (step, now)
        row = [math.nan] * len(Column)
        if before is not None and before[0] == step - 1 and before[1].shape == now.shape:
            row[NOW_SQ], row[BEFORE_SQ] = float(now.dot(now)), float(before[1].dot(before[1]))
            row[PRODUCT] = float(now.dot(before[1]))
        return row


def _sharded(optimizer: Steps) -> dict[int, tuple[Tensor, Tensor]]:
    """The sharded parameters of an optimizer with their parts on this process, by their number in it."""
    listed = (parameter for group in optimizer.param_groups for parameter in group["params"])
    parts = {i: (p, values_here(p)) for i, p in enumerate(listed) if is_sharded(p)}
    return {i: (parameter, part) for i, (parameter, part) in parts.items() if part is not None}


def _gradient(parameter: Tensor, part: Tensor) -> Tensor | None:
    """The gradient of a part, flat; None where there is none, or where it is cut into other parts."""
    gradient = parameter.grad
    if gradient is None or not is_distributed(gradient):
        return None
    alike = cast("Any", gradient).placements == cast("Any", parameter).placements
    values = values_here(gradient) if alike else None
    return values.reshape(-1) if values is not None and values.shape == part.shape else None


def _square(tensor: Tensor) -> Tensor:
    return torch.linalg.vector_norm(tensor, dtype=torch.float64).square()


class GatheredShards:
    """The statistics of a sharded training on the rank that records it: a sample waits until all its parts are there.

    Args:
        store: Where the parts of the other ranks are found.

    Attributes:
        missed: Samples whose parts never came.
    """

    def __init__(self, store: RankStore) -> None:
        self.missed = 0
        self._store = store
        self._probe = ShardProbe(store)
        self._waiting: dict[int, _Waiting] = {}

    def before(self, optimizer: Steps) -> None:
        """See :meth:`ShardProbe.before`."""
        self._probe.before(optimizer)

    def after(self, step: int, sample: Sample, optimizer: Steps, parameters: Sequence[Tensor]) -> Sample:
        """Measure this rank's part, hold back what other ranks complete, and return the rest of the sample.

        Args:
            step: Number of the step that was taken.
            sample: What was measured of it without the sharded parameters.
            optimizer: Who took it.
            parameters: Those whose values the sample has, in its order.
        """
        numbers = {id(parameter): i for i, (parameter, _) in _sharded(optimizer).items()}
        places = {
            at: (numbers[id(parameter)], holders(parameter))
            for at, parameter in enumerate(parameters)
            if id(parameter) in numbers
        }
        held = {signal: list(sample[signal]) for signal in COMPLETED if signal in sample}
        self._waiting[step] = _Waiting(held, self._probe.after(optimizer, step), places, self._store.rank)
        return {signal: values for signal, values in sample.items() if signal not in held}

    def complete(self, *, patience: float = 0.0) -> Iterator[tuple[int, Sample]]:
        """The samples whose parts are all there, in the order of their steps.

        Args:
            patience: Seconds to wait for those that are not, before they are given up; 0 does neither.
        """
        until = time.monotonic() + patience
        for step, waiting in list(self._waiting.items()):
            topic, others = self._probe.topic(step), waiting.others
            there = self._store.has(topic, others)
            while not there and not self._store.failed and time.monotonic() < until:
                time.sleep(0.01)
                there = self._store.has(topic, others)
            if not there and not patience and len(self._waiting) <= MOST_WAITING:
                return
            del self._waiting[step]
            parts = self._parts(topic, others, waiting.own.shape) if there else None
            self.missed += parts is None
            yield step, waiting.held if parts is None else waiting.completed(parts)

    def _parts(self, topic: str, ranks: Sequence[int], shape: tuple[int, ...]) -> dict[int, Parts] | None:
        """What other ranks have left; None where it is of another optimizer than ours, or the store is gone."""
        parts = {rank: self._store.get(topic, rank) for rank in ranks}
        known = {
            rank: part.reshape(shape)
            for rank, part in parts.items()
            if part is not None and part.size == shape[0] * shape[1]
        }
        return known if len(known) == len(parts) else None


class _Waiting:
    """A sample whose numbers of sharded parameters are missing.

    Args:
        held: What is known of it.
        own: This rank's part.
        places: For each sharded parameter of the sample its row in the parts, and the ranks that make it up.
        rank: This rank.
    """

    def __init__(self, held: Sample, own: Parts, places: Mapping[int, tuple[int, list[int]]], rank: int) -> None:
        self.held, self.own, self._places, self._rank = held, own, places, rank
        self._ranks = sorted({holder for _, ranks in places.values() for holder in ranks})
        self.others = [holder for holder in self._ranks if holder != rank]

    def completed(self, parts: dict[int, Parts]) -> Sample:
        """The sample with these numbers filled in."""
        parts = {**parts, self._rank: self.own}
        for at, (row, ranks) in self._places.items():
            for signal, value in _whole(np.stack([parts[rank][row] for rank in ranks])).items():
                if signal in self.held:
                    self.held[signal][at] = value
        total = np.stack([parts[rank][-1] for rank in self._ranks]).sum(0)
        if total[NOW_SQ] > 0 and total[BEFORE_SQ] > 0:
            cosine = total[PRODUCT] / math.sqrt(total[NOW_SQ] * total[BEFORE_SQ])
            self.held[signals.GRADIENT_COSINE] = float(cosine)
        return self.held


COMPLETED = (
    *(signals.GRADIENT_NORM, signals.GRADIENT_MAX, signals.GRADIENT_ZEROS, signals.GRADIENT_NONFINITE),
    *(signals.WEIGHT_NORM, signals.WEIGHT_NONFINITE),
    *(signals.UPDATE_NORM, signals.UPDATE_RATIO, signals.UPDATE_GRADIENT_COSINE),
)
"""Signals of which a process knows a part only."""


def _whole(rows: Parts) -> dict[Signal, float]:
    """The statistics of one parameter from its parts, of shape (ranks, columns)."""
    total = dict(zip(Column, rows.sum(0).tolist(), strict=True))
    weight, change = math.sqrt(total[Column.WEIGHT_SQ]), math.sqrt(total[Column.CHANGE_SQ])
    lengths = math.sqrt(total[Column.CHANGE_SQ] * total[Column.SPREAD_GRADIENT_SQ])
    return {
        signals.WEIGHT_NORM: weight,
        signals.WEIGHT_NONFINITE: total[Column.WEIGHT_NONFINITE],
        signals.GRADIENT_NORM: math.sqrt(total[Column.GRADIENT_SQ]),
        signals.GRADIENT_MAX: float(rows[:, Column.GRADIENT_MAX].max()),
        signals.GRADIENT_ZEROS: total[Column.GRADIENT_ZEROS] / total[Column.ENTRIES],
        signals.GRADIENT_NONFINITE: total[Column.GRADIENT_NONFINITE],
        signals.UPDATE_NORM: change,
        signals.UPDATE_RATIO: change / weight if weight > 0 else math.nan,
        signals.UPDATE_GRADIENT_COSINE: total[Column.CHANGE_GRADIENT] / lengths if lengths > 0 else math.nan,
    }
