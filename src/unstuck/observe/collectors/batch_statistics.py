"""Are the statistics by which batch norms normalise those of the data, or those of a few chance neighbours?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from unstuck.observe.collectors.copied_norms import BatchNorm
from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.readable import is_readable
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["BatchStatistics", "noise_of_means"]

ASKED_FROM = (100, 200, 400)
"""Updates from which a norm is asked, once for each: by then its running statistics know the data."""

CHANNELS = 1
"""Axis of the channels."""


class BatchStatistics:
    """Compare the mean of a batch with the running mean, in each channel of each batch norm that is trained.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = frozenset[Any]()
    kinds = BatchNorm

    def __init__(self, view: View) -> None:
        self._view = view
        self._asked = Counter[str]()
        self._found: list[facts.BatchStatistics] = []

    def module(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        """Take what enters a norm, before that changes its running statistics."""
        where, step = self._view.where, self._view.updates
        asked = self._asked[where]
        if asked == len(ASKED_FROM) or step < ASKED_FROM[asked] or not self._view.learning:
            return
        self._asked[where] += 1
        if inputs and isinstance(inputs[0], Tensor):
            noise = noise_of_means(module, inputs[0])
            if noise is not None:
                examples, values = len(inputs[0]), inputs[0].numel() // inputs[0].shape[CHANNELS]
                self._found.append(
                    facts.BatchStatistics(step=step, where=where, examples=examples, noise=noise, values=values)
                )

    def facts(self) -> Iterator[facts.BatchStatistics]:
        """What was found."""
        found, self._found = self._found, []
        yield from found


def noise_of_means(norm: Any, batch: Tensor) -> float | None:
    r"""How far the means of a batch are from those of the data, over the spread of the data.

    .. math:: \frac{1}{C} \sum_c \min\left(1, \frac{(\mu_c^B - \mu_c)^2}{\sigma_c^2}\right)

    of :math:`C` channels, with the mean :math:`\mu_c^B` of the batch and the running statistics :math:`\mu_c` and
    :math:`\sigma_c^2`. Of :math:`n` independent values it is about :math:`1 / n`, and hardly changes as long as
    training moves slowly.

    Args:
        norm: A batch norm.
        batch: What it is given, shape (examples, channels) or (examples, channels, ...).

    Returns:
        None where it does not normalise by the batch, or by the batches of several processes.

    Examples:
        >>> torch.manual_seed(0), noise_of_means(nn.BatchNorm1d(1000), torch.randn(2, 1000))  # doctest: +ELLIPSIS
        (..., 0.3...)
        >>> noise_of_means(nn.BatchNorm1d(1000), torch.randn(100, 1000)) < 0.02
        True
    """
    if not norm.training or isinstance(norm, nn.SyncBatchNorm) or norm.running_mean is None:
        return None
    if not all(map(is_readable, (batch, norm.running_mean, norm.running_var))) or batch.dim() <= CHANNELS:
        return None
    axes = [axis for axis in range(batch.dim()) if axis != CHANNELS]
    means = batch.detach().float().mean(dim=axes)
    distances = (means - norm.running_mean).square() / norm.running_var.clamp(min=torch.finfo(torch.float32).tiny)
    return float(distances.clamp(max=1.0).mean())
