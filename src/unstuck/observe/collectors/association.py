"""Do targets have anything to do with their inputs? Pairs of both, as training met them, held against chance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unstuck.observe.collectors.handwritten_losses import LossCall
from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.readable import is_readable
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["AssociationProbe", "TrainedAssociation", "association"]

MOST_EXAMPLES = 1_024
"""Pairs that are kept."""

FEWEST = 100
"""Distinct pairs below which nothing is said."""

VALUES = 256
"""Values of an example that are kept, evenly spread over it; of ids, how often each occurs, folded to as many."""

NEIGHBOURS = 5
COMPONENTS = 32
FEWEST_POSITIONS = 8
"""Examples that have all classes once each by chance in 8! / 8^8 = 0.2% of batches."""

PERMUTATIONS = 60
"""Shuffles of the targets that tell what chance gives."""

Floats = NDArray[np.float64]


class TrainedAssociation:
    """Do the targets of training have to do with its inputs?

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = frozenset[Any]()

    def __init__(self, view: View) -> None:
        self._view = view
        self._pairs = AssociationProbe()

    def loss(self, call: LossCall) -> None:
        """Take a batch with its targets."""
        # What a weight multiplies, where there are no modules, may be a part of an example, such as one time step.
        if self._view.entry is not None and not self._view.in_parts:
            self._pairs.take(self._view.batch, call.target)

    def finish(self) -> Iterator[facts.Association]:
        """The comparison; it takes tens of milliseconds."""
        fact = self._pairs.fact()
        if fact is not None:
            yield fact


@dataclass
class AssociationProbe:
    """Gather pairs on sampled steps; :meth:`fact` compares them."""

    _inputs: list[Tensor] = field(default_factory=list[Tensor])
    _targets: list[Tensor] = field(default_factory=list[Tensor])
    _count: int = 0
    _told: facts.Association | None = None

    def __len__(self) -> int:
        """Pairs gathered."""
        return self._count

    def take(self, inputs: Tensor | None, target: Tensor) -> None:
        """Take a batch: inputs of shape (N, ...), targets of N numbers or class ids; others are passed by."""
        if self._count >= MOST_EXAMPLES or inputs is None or not is_readable(inputs) or not is_readable(target):
            return
        if inputs.dim() < 1 or not inputs.numel():
            return
        if len(inputs) != target.numel() or inputs.is_complex() or target.is_complex() or _positions(target):
            return
        rows = _rows(inputs.detach()[: MOST_EXAMPLES - self._count])
        if self._inputs and self._inputs[0].shape[1:] != rows.shape[1:]:
            return
        self._inputs.append(rows)
        self._targets.append(target.detach().reshape(-1)[: len(rows)].double())
        self._count += len(rows)

    def fact(self) -> facts.Association | None:
        """What the pairs so far have shown; None for too few."""
        if not self._inputs:
            return None
        if self._told is None or self._count > self._told.met:
            inputs, targets = torch.cat(self._inputs).cpu().numpy(), torch.cat(self._targets).cpu().numpy()
            self._told = association(inputs.astype(np.float64), targets)
        return self._told


def association(inputs: Floats, targets: Floats) -> facts.Association | None:
    """How far targets of neighbours agree, and how much of them a line explains, in standard deviations of chance.

    The first statistic is the mean, over examples, of the targets' product with the mean target of the five nearest
    other examples; the second the squared norm of the targets' projection onto the leading principal components of the
    inputs. Targets are centred, classes as indicators. Both are compared with the same for shuffled targets.

    Args:
        inputs: Shape (N, F).
        targets: Shape (N,): class ids, or real numbers.

    Returns:
        The comparison; None for fewer than a hundred distinct examples, or constant inputs or targets.

    Examples:
        >>> import numpy as np
        >>> generator = np.random.default_rng(0)
        >>> x = generator.normal(size=(400, 3))
        >>> label = (x[:, 0] * x[:, 1] > 0).astype(float)
        >>> found, shuffled = association(x, label), association(x, generator.permutation(label))
        >>> found.neighbours > 8, shuffled.neighbours < 4, shuffled.linear < 4
        (True, True, True)
    """
    met = len(inputs)
    finite = np.isfinite(inputs).all(axis=1) & np.isfinite(targets)
    inputs, first = np.unique(inputs[finite], axis=0, return_index=True)  # equal examples are no neighbours
    targets = targets[finite][first]
    if len(inputs) < FEWEST:
        return None
    spread = inputs.std(axis=0)
    varies = spread > 1e-9 * np.abs(inputs).max(axis=0, initial=1e-300)
    centred = _centred(targets)
    if not varies.any() or not centred.any():
        return None
    scaled = (inputs[:, varies] - inputs[:, varies].mean(axis=0)) / spread[varies]
    near = _neighbours(scaled)
    values, vectors = np.linalg.eigh(scaled.T @ scaled)  # ten times faster than the singular values of the inputs
    kept = min(COMPONENTS, len(inputs) // 4, int((values > 1e-12 * values[-1]).sum()))
    left = scaled @ (vectors[:, -kept:] / np.sqrt(values[-kept:]))
    generator = np.random.default_rng(0)
    shuffled = [generator.permutation(centred) for _ in range(PERMUTATIONS)]
    by_neighbours = [float((y * y[near].mean(axis=1)).sum()) for y in (centred, *shuffled)]
    by_line = [float(np.square(left.T @ y).sum()) for y in (centred, *shuffled)]
    return facts.Association(
        met=met,
        examples=len(inputs),
        neighbours=_standing(by_neighbours),
        linear=_standing(by_line),
        explained=float(1.0 - np.square(centred - centred[near].mean(axis=1)).sum() / np.square(centred).sum()),
        told=_told(centred, near) if centred.shape[1] > 1 else None,
    )


def _told(centred: Floats, near: NDArray[np.intp]) -> float:
    """Share of examples whose class most of their neighbours have; ties are won by the lower class."""
    indicators = centred - centred.min(axis=0)
    return float((indicators[near].sum(axis=1).argmax(axis=1) == indicators.argmax(axis=1)).mean())


def _positions(target: Tensor) -> bool:
    """Whether class ids count the examples of the batch, in any order, as where each is to be told from the others."""
    ids = target.detach().reshape(-1)
    if ids.is_floating_point() or ids.dtype == torch.bool or len(ids) < FEWEST_POSITIONS:
        return False
    return torch.equal(ids.sort().values, torch.arange(len(ids), dtype=ids.dtype, device=ids.device))


def _standing(values: list[float]) -> float:
    """The first value in standard deviations of the others from their mean."""
    others = np.array(values[1:])
    return float((values[0] - others.mean()) / max(float(others.std(ddof=1)), 1e-300))


def _centred(targets: Floats) -> Floats:
    """Shape (N, K): indicators of few distinct values, the values themselves of many; less their mean."""
    distinct = np.unique(targets)
    several = len(distinct) > 64 or (distinct != np.round(distinct)).any()
    columns = targets[:, None] if several else (targets[:, None] == distinct).astype(np.float64)
    return columns - columns.mean(axis=0)


def _neighbours(rows: Floats) -> NDArray[np.intp]:
    """The nearest other rows of each, shape (N, NEIGHBOURS)."""
    square = np.square(rows).sum(axis=1)
    distance = square[:, None] + square - 2.0 * (rows @ rows.T)
    np.fill_diagonal(distance, np.inf)
    return np.argpartition(distance, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]


def _rows(batch: Tensor) -> Tensor:
    """Shape (N, at most VALUES), a copy."""
    flat = batch.reshape(len(batch), -1)
    if flat.dtype not in (torch.int32, torch.int64):  # those are ids; bytes are pixels
        return flat[:, :: -(-flat.shape[1] // VALUES)].float().clone()
    counts = torch.zeros(len(flat), VALUES, device=flat.device)
    return counts.scatter_add_(1, flat.long().remainder(VALUES), torch.ones_like(flat, dtype=torch.float32))
