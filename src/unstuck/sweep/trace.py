"""What is noted of a training while it runs: every loss, and at some steps how far each parameter moved."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unstuck.stacked import Stack
from unstuck.train import Epoch

__all__ = ["Gauge", "StackGauge", "Trace"]

T = TypeVar("T")

Norms = NDArray[np.float64]

FIRST = 3
"""Steps at the start that are all measured: what goes wrong at once goes wrong there."""

AN_EPOCH = 2
"""Steps of an epoch that are measured later."""


@dataclass
class Trace:
    """What is noted of one training.

    Attributes:
        losses: The loss of each step.
        steps: The steps that were measured, with the norms of each parameter's weights before the update, of the
            update, and of the gradient, each of shape (parameters,).
        epochs: What each epoch came to.
    """

    losses: list[float] = field(default_factory=list[float])
    steps: dict[int, tuple[Norms, Norms, Norms]] = field(default_factory=dict[int, tuple[Norms, Norms, Norms]])
    epochs: list[Epoch] = field(default_factory=list[Epoch])
    _seen: int = 0
    _finite: bool = True

    @property
    def broken(self) -> bool:
        """Whether a loss was not finite; none is looked at twice, for one that is not finite ends a training."""
        self._finite = self._finite and math.isfinite(sum(self.losses[self._seen :]))
        self._seen = len(self.losses)
        return not self._finite

    @property
    def suspicious(self) -> bool:
        """Whether the last epoch was no better than the start, so that rules had better look at it.

        They cost some hundredths of a second, which a training whose loss falls need not pay.
        """
        return self.broken or (bool(self.epochs) and not self._last < self._start - 0.1 * abs(self._start))

    @property
    def climbs(self) -> bool:
        """Whether the last epoch was worse than the start."""
        return self.broken or (bool(self.epochs) and self._last > self._start)

    @property
    def _last(self) -> float:
        return self.epochs[-1].train.loss

    @property
    def _start(self) -> float:
        steps = max(len(self.losses) // len(self.epochs), 1)
        return float(np.median(self.losses[: min(5, steps)]))


class Gauge:
    """Measure one model between its steps.

    Args:
        model: The model.
        steps_per_epoch: Steps of an epoch.

    Examples:
        >>> model = nn.Linear(2, 1)
        >>> gauge = Gauge(model, steps_per_epoch=8)
        >>> for weights in gauge.between(range(2)):
        ...     _ = model.weight.data.mul_(1.5)
        >>> before, update, _ = gauge.trace.steps[0]
        >>> round(float(update[0] / before[0]), 6)
        0.5
    """

    def __init__(self, model: nn.Module, *, steps_per_epoch: int) -> None:
        self.trace = Trace()
        self._parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self._every = max(steps_per_epoch // AN_EPOCH, 1)
        self._step = 0
        self._before: list[Tensor] | None = None
        self._losses: list[Tensor] = []

    def between(self, batches: Iterable[T]) -> Iterator[T]:
        """Yield the batches, and measure before and after the steps that are made of them."""
        for batch in batches:
            if self._step < FIRST or self._step % self._every == 0:
                self._before = [parameter.detach().clone() for parameter in self._parameters]
            yield batch
            if self._before is not None:
                self._measure(self._before)
                self._before = None
            self._step += 1

    def noted(self, loss: Tensor) -> None:
        """Note the loss of a step; it is fetched at the end of the epoch."""
        self._losses.append(loss.detach())

    def epoch(self, epoch: Epoch) -> None:
        """Note what an epoch came to."""
        if self._losses:
            self.trace.losses += torch.stack(self._losses).double().tolist()
            self._losses.clear()
        self.trace.epochs.append(epoch)

    def _measure(self, before: list[Tensor]) -> None:
        with torch.no_grad():
            now = [parameter.detach() for parameter in self._parameters]
            weights = [old.norm() for old in before]
            moved = [(new - old).norm() for new, old in zip(now, before, strict=True)]
            gradients = [_gradient(parameter).norm() for parameter in self._parameters]
        self.trace.steps[self._step] = (_numbers(weights), _numbers(moved), _numbers(gradients))


def _gradient(parameter: Tensor) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad


class StackGauge:
    """Measure the members of a stack between its steps.

    Args:
        members: How many there are.
        steps_per_epoch: Steps of an epoch.

    Attributes:
        traces: What is noted of each.
    """

    def __init__(self, members: int, *, steps_per_epoch: int) -> None:
        self.traces = [Trace() for _ in range(members)]
        self._every = max(steps_per_epoch // AN_EPOCH, 1)
        self._step = 0
        self._before: list[dict[str, Tensor]] | None = None
        self._losses: list[tuple[tuple[int, ...], Tensor]] = []

    def before(self, stack: Stack) -> None:
        """Keep the weights, if the step is one that is measured."""
        if self._step < FIRST or self._step % self._every == 0:
            self._before = [
                {name: p.detach().clone() for name, p in part.items() if p.requires_grad} for part in stack.parameters
            ]

    def after(self, stack: Stack, losses: Tensor) -> None:
        """Note the losses, and how far each member moved."""
        self._losses.append((stack.members, losses.detach()))
        if self._before is not None:
            rows = [_stacked_norms(old, part) for old, part in zip(self._before, stack.parameters, strict=True)]
            weights, moved, gradients = (np.concatenate(parts) for parts in zip(*rows, strict=True))
            for place, member in enumerate(stack.members):
                self.traces[member].steps[self._step] = weights[place], moved[place], gradients[place]
            self._before = None
        self._step += 1

    def epoch(self, member: int, epoch: Epoch) -> Trace:
        """Note what an epoch of a member came to; what is known of it by now."""
        for members, losses in self._losses:
            for own, loss in zip(members, losses.tolist(), strict=True):
                self.traces[own].losses.append(loss)
        self._losses.clear()
        self.traces[member].epochs.append(epoch)
        return self.traces[member]


def _stacked_norms(before: dict[str, Tensor], part: dict[str, Tensor]) -> tuple[Norms, Norms, Norms]:
    """Norms of weights, updates and gradients, each of shape (members, parameters)."""
    now = [part[name].detach() for name in before]
    old = list(before.values())
    gradients = [_gradient(part[name]) for name in before]
    kinds = (old, [new - was for new, was in zip(now, old, strict=True)], gradients)
    norms = (torch.stack([value.flatten(1).norm(dim=1).double() for value in values], dim=1) for values in kinds)
    weights, moved, slopes = (each.cpu().numpy() for each in norms)
    return weights, moved, slopes


def _numbers(norms: list[Tensor]) -> Norms:
    return torch.stack([norm.double() for norm in norms]).cpu().numpy()
