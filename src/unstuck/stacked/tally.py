"""Means over batches for each member, fetched many at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.func import vmap

from unstuck.train.tally import TOGETHER, Means, counting

__all__ = ["MemberTally"]


class MemberTally:
    """Collect losses, outputs and targets of batches, of all members at once: a :class:`~unstuck.train.Tally` for each.

    Args:
        members: How many.
        yes_or_no: As in :class:`~unstuck.train.Tally`.

    Attributes:
        diverged: For each member whether a loss that is NaN or infinite was seen.

    Examples:
        >>> tally = MemberTally(2)
        >>> outputs = torch.tensor([[[2.0, 0.0]], [[0.0, 2.0]]])
        >>> tally.add(torch.tensor([0.5, 1.5]), outputs, torch.tensor([0]), own=False)
        >>> [means.accuracy for means in tally.means()]
        [1.0, 0.0]
    """

    def __init__(self, members: int, *, yes_or_no: bool = False) -> None:
        self._yes_or_no = yes_or_no
        self.diverged = np.zeros(members, np.bool_)
        self._batches: list[tuple[Tensor, Tensor, Tensor, bool]] = []
        self._losses = np.zeros(members)
        self._hits = np.zeros(members)
        self._examples = self._judged = 0

    def add(self, losses: Tensor, outputs: Tensor, targets: Tensor, *, own: bool) -> None:
        """Add a batch.

        Args:
            losses: (M,).
            outputs: (M, N, ...).
            targets: (N, ...), or (M, N, ...) where each member has its own.
            own: Whether each has.
        """
        self._batches.append((losses.detach(), outputs, targets, own))
        if len(self._batches) == TOGETHER:
            self.reduce()

    def reduce(self) -> None:
        """Look at the batches that were added."""
        if not self._batches:
            return
        losses = torch.stack([batch[0] for batch in self._batches]).double().cpu().numpy()
        sizes = [batch[2].shape[1 if batch[3] else 0] for batch in self._batches]
        self._losses += np.array(sizes) @ losses
        self._examples += sum(sizes)
        self.diverged |= ~np.isfinite(losses).all(axis=0)
        outputs = torch.cat([batch[1] for batch in self._batches], dim=1)
        own = self._batches[0][3]
        targets = torch.cat([batch[2] for batch in self._batches], dim=1 if own else 0)
        count = counting(outputs[0], targets[0] if own else targets, yes_or_no=self._yes_or_no)
        if count:
            self._hits += vmap(count, in_dims=(0, 0 if own else None))(outputs, targets).cpu().numpy()
            self._judged += targets[0].numel() if own else targets.numel()
        self._batches.clear()

    def keep(self, positions: Sequence[int]) -> None:
        """Go on with some of the members."""
        self.reduce()
        chosen = list(positions)
        self.diverged, self._losses, self._hits = self.diverged[chosen], self._losses[chosen], self._hits[chosen]

    def means(self) -> list[Means]:
        """The means over everything added, for each member."""
        self.reduce()
        if not self._examples:
            return [Means(loss=float("nan"), accuracy=None, examples=0) for _ in self._losses]
        return [
            Means(
                loss=float(loss) / self._examples,
                accuracy=float(hit) / self._judged if self._judged else None,
                examples=self._examples,
            )
            for loss, hit in zip(self._losses, self._hits, strict=True)
        ]
