"""Whether the examples of a batch, which a loss sets against each other, are more alike than those of all batches."""

from __future__ import annotations

import torch
from torch import Tensor

from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.user_code.frames import user_place
from unstuck.record import facts

__all__ = ["AlikeBatches", "between_over_within"]

FEWEST = 8
"""Batches below which their means are not compared."""

MOST_BATCHES = 64

FEATURES = 256
"""Values of an example that are looked at, evenly spread over it."""


def between_over_within(means: Tensor, variances: Tensor, examples: int) -> float | None:
    r"""The F ratio of batches, over all features: :math:`N \sum_f \mathrm{Var}(\bar x_f) / \sum_f \overline{s^2_f}`.

    Args:
        means: Means of the features, a batch a row.
        variances: Their variances within each batch, likewise.
        examples: Examples of a batch.

    Returns:
        About 1 for batches that are drawn at random; None where nothing varies.

    Examples:
        >>> batches = torch.arange(40.0).reshape(8, 5, 1)
        >>> between_over_within(batches.mean(dim=1), batches.var(dim=1), 5)
        300.0
    """
    within = float(variances.mean(dim=0).sum())
    return examples * float(means.var(dim=0).sum()) / within if within > 0.0 else None


class AlikeBatches:
    """Keep means and variances of the batches of a loss that ranks each example's partner among the others."""

    def __init__(self) -> None:
        self._step = -1
        self._examples = 0
        self._place: tuple[str | None, int | None] = (None, None)
        self._means: list[Tensor] = []
        self._variances: list[Tensor] = []

    def take(self, batch: Tensor | None, step: int) -> None:
        """Take the batch of such a loss.

        Args:
            batch: Its examples, one a row.
            step: The step, of which one batch is taken.
        """
        if self._step == step or batch is None or batch.dim() < 2 or not batch.is_floating_point():
            return
        self._step = step
        if len(batch) != (self._examples or len(batch)) or len(self._means) >= MOST_BATCHES or not is_readable(batch):
            return
        self._examples, self._place = len(batch), user_place(2)
        rows = batch.flatten(1)
        some = rows[:, :: -(-rows.shape[1] // FEATURES)].double()
        variance, mean = torch.var_mean(some, dim=0)
        if not self._means or len(mean) == len(self._means[0]):
            self._means.append(mean.cpu())
            self._variances.append(variance.cpu())

    def fact(self) -> facts.AlikeBatches | None:
        """What was found."""
        if len(self._means) < FEWEST:
            return None
        ratio = between_over_within(torch.stack(self._means), torch.stack(self._variances), self._examples)
        if ratio is None:
            return None
        return facts.AlikeBatches(
            batches=len(self._means),
            examples=self._examples,
            ratio=ratio,
            file=self._place[0],
            line=self._place[1],
        )
