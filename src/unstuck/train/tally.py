"""Means over batches, fetched many at a time: training seldom waits for a number that nobody needs yet."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["TOGETHER", "Means", "Tally", "counting"]

TOGETHER = 16
"""Batches reduced at once; after so many the losses are looked at, the one moment at which the host waits."""


@dataclass(frozen=True, kw_only=True)
class Means:
    """Means over examples.

    Attributes:
        loss: Mean loss.
        accuracy: Share of examples whose class was given the largest output, or whose one output is above 0 where the
            class is 1 and not where it is 0; None where the targets are no classes.
        examples: Examples they are taken over.
    """

    loss: float
    accuracy: float | None
    examples: int


class Tally:
    """Collect losses, outputs and targets of batches; a batch costs three appends, sixteen cost one reduction.

    Args:
        yes_or_no: Whether real targets are classes too, 1 and 0, of which outputs above 0 say the first.

    Attributes:
        diverged: Whether a loss that is NaN or infinite was seen, noticed at most :data:`TOGETHER` batches later.

    Examples:
        >>> tally = Tally()
        >>> outputs, targets = torch.tensor([[2.0, 0.0], [0.0, 1.0], [3.0, 0.0]]), torch.tensor([0, 1, 1])
        >>> tally.add(torch.tensor(0.5), outputs, targets)
        >>> tally.add(torch.tensor(1.5), outputs[:1], targets[:1])
        >>> tally.means()
        Means(loss=0.75, accuracy=0.75, examples=4)
    """

    def __init__(self, *, yes_or_no: bool = False) -> None:
        self._yes_or_no = yes_or_no
        self.diverged = False
        self._losses: list[Tensor] = []
        self._outputs: list[Tensor] = []
        self._targets: list[Tensor] = []
        self._loss_sum = 0.0
        self._hits = 0
        self._examples = 0
        self._judged = 0

    def add(self, loss: Tensor, outputs: Tensor, targets: Tensor) -> None:
        """Add a batch; nothing is computed yet.

        Args:
            loss: Its mean loss, a scalar.
            outputs: (N, C, ...) or (N, K).
            targets: (N, ...) class ids, or numbers.
        """
        self._losses.append(loss.detach())
        self._outputs.append(outputs.detach())
        self._targets.append(targets)
        if len(self._losses) == TOGETHER:
            self._reduce()

    def means(self) -> Means:
        """The means over everything added.

        Returns:
            NaN as the loss where nothing was added.
        """
        self._reduce()
        if not self._examples:
            return Means(loss=float("nan"), accuracy=None, examples=0)
        accuracy = self._hits / self._judged if self._judged else None
        return Means(loss=self._loss_sum / self._examples, accuracy=accuracy, examples=self._examples)

    def _reduce(self) -> None:
        if not self._losses:
            return
        losses: list[float] = torch.stack(self._losses).tolist()
        sizes = [len(targets) for targets in self._targets]
        self._loss_sum += sum(loss * size for loss, size in zip(losses, sizes, strict=True))
        self._examples += sum(sizes)
        self.diverged = self.diverged or not all(map(math.isfinite, losses))
        count = counting(self._outputs[0], self._targets[0], yes_or_no=self._yes_or_no)
        if count:
            targets = torch.cat(self._targets)
            self._hits += int(count(torch.cat(self._outputs), targets))
            self._judged += targets.numel()
        self._losses.clear()
        self._outputs.clear()
        self._targets.clear()


def counting(outputs: Tensor, targets: Tensor, *, yes_or_no: bool) -> Callable[[Tensor, Tensor], Tensor] | None:
    """How right answers are counted among outputs for targets of this kind; None where there is no right or wrong.

    Args:
        outputs: Some outputs.
        targets: Their targets.
        yes_or_no: Whether real targets are classes too, as in :class:`Tally`.
    """
    if _are_classes(outputs, targets):
        return _right_classes
    return _right_answers if yes_or_no and outputs.shape == targets.shape else None


def _right_classes(outputs: Tensor, targets: Tensor) -> Tensor:
    # One output alone says yes above 0: its largest is always itself.
    said = outputs.argmax(dim=1) if outputs.shape[1] > 1 else (outputs > 0).squeeze(1)
    return (said == targets).sum()


def _right_answers(outputs: Tensor, targets: Tensor) -> Tensor:
    return ((outputs > 0) == (targets > 0.5)).sum()


def _are_classes(outputs: Tensor, targets: Tensor) -> bool:
    """Whether targets are one class id for each row (or pixel) of outputs."""
    whole = not targets.dtype.is_floating_point and not targets.dtype.is_complex and targets.dtype != torch.bool
    return whole and outputs.ndim >= 2 and outputs.shape[:1] + outputs.shape[2:] == targets.shape
