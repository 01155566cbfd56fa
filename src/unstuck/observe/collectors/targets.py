"""The targets of the loss: classes or real values, their distribution, their order in the batch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from unstuck.observe.collectors.target_outputs import TargetOutputsProbe
from unstuck.observe.tensors.readable import is_readable
from unstuck.record import signals
from unstuck.record.facts import LossClasses, LossTarget
from unstuck.record.signals import Signal

__all__ = ["IGNORED", "TargetProbe"]

MOST_CLASSES = 4_096
"""Classes counted one by one; with more, only their number is kept."""

MOST_DISTINCT = 16
"""Distinct real values listed; more than that is a continuous target."""

DISTRIBUTION_LOSSES = frozenset({"cross_entropy", "kl_div"})
"""Losses that take a distribution over classes, along axis 1."""

CLASS_LOSSES = frozenset({"cross_entropy", "nll_loss", "multi_margin_loss"})

IGNORED = -100
"""The class id that torch's losses leave out unless they are told another."""

BINARY_LOSSES = {"binary_cross_entropy": 0.5, "binary_cross_entropy_with_logits": 0.0}
"""Losses of one probability an example, each with the output above which the answer is yes."""

WIDTHS = {"huber_loss": "delta", "smooth_l1_loss": "beta"}
"""Losses that go over from a square to an absolute value, and the argument that says where."""

FORGETTING = 4.0
"""Recalls weigh the n-th sample as n ** FORGETTING, so that they speak of the last part of the training."""


@dataclass
class TargetProbe:
    """Accumulate what the targets of sampled batches show."""

    _shape: tuple[int, ...] = ()
    _classes: int | None = None
    _counts: Tensor | None = None
    _moments: list[Tensor] = field(default_factory=list[Tensor])
    _range: tuple[Tensor, Tensor] | None = None
    _distinct: set[float] = field(default_factory=set[float])
    _integers: Tensor | None = None
    _row_sums: tuple[Tensor, Tensor] | None = None
    _answers: Tensor | None = None
    _answered: int = 0
    _each: TargetOutputsProbe | None = None

    def observe(
        self, loss: str, output: Tensor, target: Tensor, arguments: Mapping[str, Any] | None = None
    ) -> dict[Signal, Tensor]:
        """Take one batch of targets.

        Args:
            loss: Name of the loss function.
            output: The model's output, shape (N, C, ...) for class ids.
            target: Class ids, shape (N, ...), or real values.
            arguments: What else the loss was given by name.

        Returns:
            The batch's numbers by signal, one-element tensors.
        """
        self._shape = tuple(target.shape)
        if not target.numel():
            return {}
        arguments = arguments or {}
        values = target.detach().reshape(-1)
        # Integers, booleans and half precisions alike; class ids fit float64 exactly.
        self._range = _bounds(values.double(), self._range)
        if loss in CLASS_LOSSES and not target.is_floating_point():
            return self._observe_classes(output, target, int(arguments.get("ignore_index", IGNORED)))
        self._observe_each(loss, target, arguments)
        batch = self._observe_real(values.double(), target)
        single, dense = target.numel() == len(target), target.dim() > 2
        if loss in BINARY_LOSSES and (single or dense) and target.numel() == output.numel():
            seen = self._observe_binary(output.reshape(-1) > BINARY_LOSSES[loss], values > 0.5)
            batch.update(seen if single else {})
        return batch

    def _observe_each(self, loss: str, target: Tensor, arguments: Mapping[str, Any]) -> None:
        """Take real targets output by output, as this loss compares them."""
        if arguments.get("weight") is not None:
            return  # what examples or classes weigh is not followed here
        distribution = loss in DISTRIBUTION_LOSSES and target.dim() > 1
        if self._each is None:
            kind = "distribution" if distribution else "binary" if loss in BINARY_LOSSES else "real"
            width = float(arguments.get(WIDTHS.get(loss, ""), 1.0)) if loss in WIDTHS else 0.0
            self._each = TargetOutputsProbe(kind=kind, keeps=loss in WIDTHS or loss == "l1_loss", width=width)
        if loss == "kl_div" and arguments.get("log_target"):
            target = target.exp()
        smoothing = float(arguments.get("label_smoothing", 0.0))
        if distribution and smoothing:
            target = target * (1.0 - smoothing) + smoothing / target.shape[1]
        positive = arguments.get("pos_weight")
        self._each.take(target, positive if isinstance(positive, Tensor) and is_readable(positive) else None)

    def _observe_classes(self, output: Tensor, target: Tensor, ignored: int) -> dict[Signal, Tensor]:
        axis = 1 if output.dim() > 1 else 0
        self._classes = output.shape[axis]
        counted = target != ignored
        flat = torch.where(counted, target, -1).reshape(-1)
        batch: dict[Signal, Tensor] = {}
        counts = _count(flat, self._classes) if self._classes <= MOST_CLASSES else None
        if counts is not None:
            known = self._counts
            self._counts = counts if known is None or known.shape != counts.shape else known + counts
            batch[signals.TARGET_TOP] = counts.amax() / counts.sum().clamp(min=1)
        predicted = output.argmax(dim=axis) if output.dim() == target.dim() + 1 else None
        if predicted is not None and predicted.shape == target.shape:
            right = (predicted == target) & counted
            batch[signals.ACCURACY] = right.sum() / counted.sum()  # of none that count: not a number
            if counts is not None:
                batch[signals.PREDICTION_TOP] = _count(predicted.reshape(-1), self._classes).amax() / predicted.numel()
                self._answer(_count(flat[right.reshape(-1)], self._classes), counts)
        if target.dim() == 1 and len(flat) > 1:
            batch[signals.TARGET_REPEATS] = (flat[1:] == flat[:-1]).float().mean()
        return batch

    def _observe_binary(self, predicted: Tensor, positive: Tensor) -> dict[Signal, Tensor]:
        right = predicted == positive
        self._answer(
            torch.stack([(right & ~positive).sum(), (right & positive).sum()]),
            torch.stack([(~positive).sum(), positive.sum()]),
        )
        share, yes = positive.float().mean(), predicted.float().mean()
        return {
            signals.ACCURACY: right.float().mean(),
            signals.TARGET_TOP: torch.maximum(share, 1 - share),
            signals.PREDICTION_TOP: torch.maximum(yes, 1 - yes),
        }

    def _answer(self, right: Tensor, asked: Tensor) -> None:
        """Add how many of each class were told rightly, and how many there were, to fading sums."""
        answers = torch.stack([right, asked]).double()
        self._answered += 1
        if self._answers is not None and self._answers.shape == answers.shape:
            answers = answers + self._answers * max(0.0, 1.0 - FORGETTING / self._answered)
        self._answers = answers

    def _observe_real(self, values: Tensor, target: Tensor) -> dict[Signal, Tensor]:
        self._moments.append(torch.stack([values.new_tensor(len(values)), values.sum(), values.square().sum()]))
        if len(self._distinct) <= MOST_DISTINCT and values.device.type == "cpu":
            self._distinct.update(values[:1_024].tolist())
        whole = (values == values.round()).all()
        self._integers = whole if self._integers is None else self._integers & whole
        if target.dim() == 2 and target.shape[1] > 1:
            self._row_sums = _bounds(target.double().sum(dim=1), self._row_sums)
        std, mean = torch.std_mean(values, correction=0)
        batch = {signals.TARGET_MEAN: mean, signals.TARGET_STD: std}
        rows = target.reshape(len(target), -1)[:, 0].double() if target.dim() else values
        if len(rows) > 2:
            centred = rows - rows.mean()
            batch[signals.TARGET_AUTOCORRELATION] = (centred[1:] * centred[:-1]).mean() / centred.square().mean()
        return batch

    def summary(self) -> tuple[LossTarget, LossClasses]:
        """What the targets so far have shown: of themselves, and of their classes."""
        low, high = (None, None) if self._range is None else map(float, self._range)
        mean = variance = None
        right, asked = ([], []) if self._answers is None else self._answers.tolist()
        if self._moments:
            count, total, squares = torch.stack(self._moments).sum(dim=0).tolist()
            self._moments = [torch.tensor([count, total, squares], dtype=torch.float64)]
            mean = total / count
            variance = max(0.0, squares / count - mean * mean)
        target = LossTarget(
            shape=self._shape,
            type="class" if self._classes is not None else "real" if self._moments else "none",
            mean=mean,
            variance=variance,
            minimum=low,
            maximum=high,
            distinct=min(len(self._distinct), MOST_DISTINCT + 1) or None,
            integers=None if self._integers is None else bool(self._integers),
            row_sums=None if self._row_sums is None else (float(self._row_sums[0]), float(self._row_sums[1])),
            each=None if self._each is None else self._each.summary(),
        )
        classes = LossClasses(
            number=self._classes,
            counts=() if self._counts is None else tuple(int(n) for n in self._counts.tolist()),
            recalls=tuple(r / a if a else math.nan for r, a in zip(right, asked, strict=True)),
            recall_examples=tuple(asked),
        )
        return target, classes


def _bounds(values: Tensor, known: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor]:
    """Smallest and greatest of the values and of what was known."""
    low, high = torch.aminmax(values)
    if known is None or known[0].device != low.device:
        return low, high
    return torch.minimum(known[0], low), torch.maximum(known[1], high)


def _count(ids: Tensor, classes: int) -> Tensor:
    """How often each class occurs, shape (classes,); bincount would fetch the greatest id from an accelerator."""
    if ids.device.type == "cpu":
        low, high = torch.aminmax(ids) if ids.numel() else (0, 0)
        known = ids if low >= 0 and high < classes else ids[(ids >= 0) & (ids < classes)]
        return torch.bincount(known, minlength=classes)
    numbers = torch.arange(classes, device=ids.device)
    return torch.stack([(part.reshape(-1, 1) == numbers).sum(dim=0) for part in ids.split(65_536)]).sum(dim=0)
