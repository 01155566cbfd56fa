"""A training that is one of many, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from unstuck.train.fit import Epoch, Reason
from unstuck.train.penalty import Penalty

__all__ = ["Member", "MemberResult"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Member:
    """A training that is to be one of many: the arguments of :func:`unstuck.train.fit`.

    Attributes:
        model: What learns; it gets its best weights in the end, as ``fit`` leaves them.
        optimizer: A fresh one, of its parameters.
        data: Batches for each epoch anew. Members that are given the same object share its batches; of others each
            batch must be of the same size as theirs.
        validation: Batches that steer training. Members that are given the same object share them.
        epochs: Passes over the data, at most.
        patience: Epochs without a better one after which it stops; None never stops.
        schedules: Stepped after each step; a plateau after each epoch.
        penalty: L1 and L2.
        state: State of the CPU's random generator in which it begins, which decides on its dropout; by default that in
            which the global one is.
    """

    model: nn.Module
    optimizer: Optimizer
    data: Iterable[tuple[Tensor, Tensor]]
    validation: Iterable[tuple[Tensor, Tensor]] | None = None
    epochs: int = 20
    patience: int | None = 10
    schedules: tuple[LRScheduler, ...] = ()
    penalty: Penalty | None = None
    state: Tensor | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class MemberResult:
    """What became of one training.

    Attributes:
        reason: completed, early stopping, diverged, or stopped by ``after_epoch``.
        why: What ``after_epoch`` said, where that stopped it.
        epochs: Every epoch, in order: means over the training part, and over the validation part.
        best: Number of the epoch whose weights the model has now; 0 where it has those of the last step.
        losses: The training loss of every step.
        model: The model.
        alone: Why it was trained by itself; empty where it was one of several trained as one.
    """

    reason: Reason
    why: str = ""
    epochs: tuple[Epoch, ...]
    best: int
    losses: NDArray[np.float64]
    model: nn.Module
    alone: str = ""

    @property
    def accuracies(self) -> list[float | None]:
        """The validation accuracy after each epoch; None where there are no classes, or no validation part."""
        return [None if epoch.validation is None else epoch.validation.accuracy for epoch in self.epochs]
