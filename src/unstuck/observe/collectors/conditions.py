"""Do conditions, such as the class that a generator is asked for, say anything of the examples that they stand with?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unstuck.observe.collectors.associated import association
from unstuck.record import facts

__all__ = ["Conditions"]

MOST_EXAMPLES = 1_024
"""Examples that are compared."""

VALUES = 128
"""Values of an example that are kept, evenly spread over it."""

BESIDE = 64
"""Values that are kept of what enters beside an example."""

REPEATED = 5
"""Examples for each value of a condition, from which it is one of few kinds."""

MOST = 0.5
"""Share of one kind above which it is asked what sets it apart."""

RANGES = 32
"""Ranges of a number of many values, such as a time, in which levels of noise are compared."""

DIFFER = 0.01
"""Spread of levels over the highest, from which they differ."""

PURE = 1e-3
"""Share of a target that is not its noise, below which it is noise and nothing else."""

WIDE = 16
"""Values of an example, from which noise is known apart from it by chance."""

TELLS = 0.3
"""Share of the variance of levels of noise that a time step explains at least, and a class never."""

Floats = NDArray[np.float64]


@dataclass
class Conditions:
    """Gather examples without their noise, and what entered beside them; :meth:`fact` compares both."""

    _examples: list[Tensor] = field(default_factory=list[Tensor])
    _beside: list[Tensor] = field(default_factory=list[Tensor])
    _levels: list[Tensor] = field(default_factory=list[Tensor])
    _count: int = 0

    @property
    def full(self) -> bool:
        """Whether as many examples are known as are compared."""
        return self._count >= MOST_EXAMPLES

    def take(
        self, noise: Tensor, given: Tensor, target: Tensor, beside: Sequence[Tensor], *, levels: Tensor | None = None
    ) -> None:
        """Add a batch.

        Args:
            noise: What was added, shape (N, F).
            given: The noisy examples, likewise.
            target: What is asked for, likewise.
            beside: What entered the model beside them, N rows each.
            levels: What the noise of each example was multiplied by; None where that is not known.
        """
        if self.full or not beside:
            return
        asked = target - noise * ((noise * target).sum() / (noise * noise).sum().clamp(min=1e-300))
        levels = levels if levels is not None else _level(noise, given, asked)
        if levels is not None:
            self._add(torch.cat([given - levels[:, None] * noise, asked], dim=1), levels, beside)

    def take_whole(self, examples: Tensor, beside: Sequence[Tensor]) -> None:
        """Add a batch without noise, shape (N, F), that a model is asked to give back."""
        if beside and not self.full:
            self._add(examples, examples.new_zeros(len(examples)), beside)

    def _add(self, examples: Tensor, levels: Tensor, beside: Sequence[Tensor]) -> None:
        columns = torch.cat([part.reshape(len(examples), -1)[:, :BESIDE].double() for part in beside], dim=1)
        if self._beside and self._beside[0].shape[1] != columns.shape[1]:
            return
        self._examples.append(examples[:, :: -(-examples.shape[1] // VALUES)].clone())
        self._beside.append(columns)
        self._levels.append(levels.clone())
        self._count += len(examples)

    def fact(self, place: tuple[str | None, int | None]) -> facts.Condition | None:
        """What the examples so far have shown; None where what stands beside them is no kind that many share."""
        if not self._examples:
            return None
        examples, beside, levels = (_joined(parts) for parts in (self._examples, self._beside, self._levels))
        kinds = _kinds(beside, levels)
        if kinds is None:
            return None
        shares = np.bincount(kinds) / len(kinds)
        commonest = kinds == shares.argmax()
        return facts.Condition(
            examples=len(kinds),
            kinds=len(shares),
            commonest=float(shares.max()),
            related=_related(examples, kinds),
            apart=_related(examples, commonest) if shares.max() > MOST else None,
            file=place[0],
            line=place[1],
        )


def _related(examples: Floats, kinds: NDArray[Any]) -> float | None:
    """How far examples, and their squares, tell kinds, in standard deviations of chance."""
    found = association(np.hstack([examples, np.square(examples)]), kinds.astype(np.float64))
    return None if found is None else max(found.neighbours, found.linear)


def _level(noise: Tensor, given: Tensor, asked: Tensor) -> Tensor | None:
    """By what the noise of each row is multiplied, by least squares with what else is asked for; None if too vague."""
    squares, within = (noise * noise).sum(dim=1), (noise * given).sum(dim=1)
    if float((asked * asked).sum()) < PURE * float(squares.sum()):
        return within / squares.clamp(min=1e-300) if noise.shape[1] >= WIDE else None
    others, both = (asked * asked).sum(dim=1), (noise * asked).sum(dim=1)
    area = (squares * others - both * both).clamp(min=1e-300)
    return (others * within - both * (asked * given).sum(dim=1)) / area if noise.shape[1] > 1 else None


def _joined(parts: Sequence[Tensor]) -> Floats:
    return torch.cat(list(parts))[:MOST_EXAMPLES].cpu().numpy().astype(np.float64)


def _kinds(beside: Floats, levels: Floats) -> NDArray[np.intp] | None:
    """Numbers of the kinds that examples are of, by all columns that say nothing of the level of noise."""
    beside = beside[:, beside.std(axis=0) > 0.0]
    varied = levels.std() > DIFFER * np.abs(levels).max()
    told = [varied and _tells(column, levels) for column in beside.T]
    others = [_few(column) for column, tells in zip(beside.T, told, strict=True) if not tells]
    columns = [ids for ids in others if ids is not None]
    if not columns or len(columns) < len(others) or (varied and not any(told)):
        return None
    return _few(np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)[1].reshape(-1))


def _few(column: NDArray[Any]) -> NDArray[np.intp] | None:
    values, ids = np.unique(column, return_inverse=True)
    return ids.reshape(-1) if len(values) * REPEATED <= len(column) else None


def _tells(column: Floats, levels: Floats) -> bool:
    """Whether a column of few values, or of ranges of many, explains levels of noise, by their ranks."""
    ids = _few(column)
    if ids is None:
        ids = column.argsort().argsort() * RANGES // len(column)
    ranks = levels.argsort().argsort() - 0.5 * (len(levels) - 1)
    between = float(np.square(np.bincount(ids, weights=ranks)) @ (1.0 / np.bincount(ids).clip(1)))
    return between > TELLS * float(np.square(ranks).sum())
