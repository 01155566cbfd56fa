"""What each output shall give over the examples: all that the loss of a constant for each output follows from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from unstuck.record.facts import TargetOutputs

__all__ = ["TargetOutputsProbe"]

MOST_OUTPUTS = 1_024
"""Outputs that are looked at: of larger targets so many, chosen once at random."""

MOST_CLASSES = 4_096
"""Entries of a distribution over classes above which nothing is said of it."""

MOST_ROWS = 1_024
"""Examples that are kept for a loss whose best constant is no mean, half of them let go when there are more."""

KEPT_OUTPUTS = 64
"""Outputs that are kept of each of these."""

FORGETTING = 1.0
"""The n-th batch weighs n ** FORGETTING: targets that drift, as those of Q-learning, are known as they are late
in the training, when the loss is compared with them."""

Kind = Literal["real", "binary", "distribution"]


@dataclass
class TargetOutputsProbe:
    """Accumulate, for each output, the mean and the scatter of its targets over the examples of sampled batches.

    Attributes:
        kind: What targets are: numbers, probabilities of one event each, or distributions over classes along axis 1.
        keeps: Whether examples are kept, for the losses of absolute differences.
        width: Difference at which a loss goes over from a square to an absolute value; 0 for the absolute value alone.
    """

    kind: Kind = "real"
    keeps: bool = False
    width: float = 0.0
    _shape: tuple[int, ...] | None = None
    _chosen: Tensor | None = None
    _total: int = 0
    _sums: Tensor | None = None
    _batches: int = 0
    _rows: list[Tensor] = field(default_factory=list[Tensor])
    _stride: int = 1
    _varies: bool = False

    def take(self, target: Tensor, positive: Tensor | None = None) -> None:
        """Take a batch.

        Args:
            target: Shape (N, ...), N examples; of distributions (N, C, ...).
            positive: Weight of the positives, which broadcasts to ``target``; None where there is none.
        """
        if not target.numel() or self._varies:
            return
        shape = tuple(target.shape[1:2]) if self.kind == "distribution" else tuple(target.shape[1:])
        if self._shape is not None and shape != self._shape:
            self._varies = True  # sequences of several lengths: no output is the same in all of them
            return
        self._shape = shape
        values = self._columns(target)
        weights = None if positive is None else self._columns(positive.expand(target.shape))
        self._add(values, weights)
        if self.keeps:
            self._keep(values)

    def _columns(self, target: Tensor) -> Tensor:
        """The targets, shape (examples, outputs that are looked at)."""
        if self.kind == "distribution":
            rows = target.movedim(1, -1).reshape(-1, target.shape[1])
            self._total = target.shape[1]
            return rows[:: -(-rows.numel() // (MOST_OUTPUTS * 64))].double()
        rows = target.reshape(len(target), -1) if target.dim() else target.reshape(1, 1)
        self._total = rows.shape[1]
        if self._total > MOST_OUTPUTS:
            rows = rows.index_select(1, self._choice(rows.device))
        return rows.double()

    def _choice(self, device: torch.device) -> Tensor:
        """Places of the outputs that are looked at, the same each time."""
        chosen = self._chosen
        if chosen is None or chosen.device != device:
            generator = torch.Generator().manual_seed(0)
            chosen = torch.randint(self._total, (MOST_OUTPUTS,), generator=generator).unique().to(device)
            self._chosen = chosen
        return chosen

    def _add(self, values: Tensor, weights: Tensor | None) -> None:
        columns = values.shape[1]
        count = values.new_full((columns,), len(values))
        weight = values.new_ones(columns) if weights is None else weights.mean(dim=0)
        own = values.new_zeros(columns)
        if self.kind == "binary":
            own = _binary_entropy(values, values.new_ones(1) if weights is None else weights).sum(dim=0)
        elif self.kind == "distribution":
            own = torch.special.entr(values.clamp(min=0.0)).sum(dim=0)
        sums = torch.stack([count, values.sum(dim=0), values.square().sum(dim=0), own, weight * len(values)])
        self._batches += 1
        if self._sums is not None and self._sums.device == sums.device:
            sums = sums + self._sums * max(0.0, 1.0 - FORGETTING / self._batches)
        self._sums = sums

    def _keep(self, values: Tensor) -> None:
        if (self._batches - 1) % self._stride:
            return
        self._rows.append(values[:MOST_ROWS, :KEPT_OUTPUTS].clone())
        if len(self._rows) > 1 and sum(map(len, self._rows)) > MOST_ROWS:
            self._rows = self._rows[::2]
            self._stride *= 2

    def summary(self) -> TargetOutputs | None:
        """What the targets so far have shown; None where nothing can be said of each output."""
        if self._sums is None or self._varies or (self._total > MOST_CLASSES > 0 and self.kind == "distribution"):
            return None
        count, total, squares, own, weight = self._sums.cpu().double()
        mean, weight = total / count, weight / count
        scatter = (squares / count - mean.square()).clamp(min=0.0)
        examples = float(count[0])
        # As of N examples, of which the mean was taken.
        variance = scatter * examples / (examples - 1.0) if examples > 1.0 else scatter
        return TargetOutputs(
            outputs=self._total,
            examples=examples,
            variance=float(variance.mean()),
            deviation=self._deviation() if self.keeps else None,
            mean_entropy=self._mean_entropy(mean, variance / examples, weight),
            entropy=None if self.kind == "real" else float((own / count).mean()) * self._entries,
        )

    @property
    def _entries(self) -> int:
        """Entries that the entropy of one output is the sum over."""
        return self._total if self.kind == "distribution" else 1

    def _mean_entropy(self, mean: Tensor, error: Tensor, weight: Tensor) -> float | None:
        """Entropy of the mean targets; what a mean of few examples lacks of it, half its curvature, is added."""
        if self.kind == "real":
            return None
        inside = (mean > 0.0) & ((mean < 1.0) | (self.kind == "distribution"))
        if self.kind == "distribution":
            lacks = torch.where(inside, error / mean.clamp(min=1e-12) / 2.0, 0.0)
            return float((torch.special.entr(mean.clamp(min=0.0)) + lacks).sum())
        lacks = torch.where(inside, error / (mean * (1.0 - mean)).clamp(min=1e-12) / 2.0, 0.0)
        return float((_binary_entropy(mean, weight) + lacks).mean())

    def _deviation(self) -> float | None:
        """Loss of the best constant of each output under the absolute value, or under that of Huber."""
        if not self._rows:
            return None
        rows = torch.cat([kept.cpu() for kept in self._rows])
        constant = rows.median(dim=0).values
        if not self.width:
            return float((rows - constant).abs().mean())
        for _ in range(20):  # iteratively reweighted least squares
            weights = self.width / (rows - constant).abs().clamp(min=self.width)
            constant = (weights * rows).sum(dim=0) / weights.sum(dim=0)
        return float(torch.nn.functional.huber_loss(constant.expand_as(rows), rows, delta=self.width))


def _binary_entropy(share: Tensor, weight: Tensor) -> Tensor:
    """Least binary cross-entropy against a target that is a share of positives, which weigh ``weight`` each."""
    positive, negative = weight * share.clamp(0.0, 1.0), 1.0 - share.clamp(0.0, 1.0)
    both = positive + negative
    return -torch.xlogy(positive, positive / both) - torch.xlogy(negative, negative / both)
