"""A small part of a data set, for a first answer in seconds."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from unstuck.data.dataset import Dataset, Part

__all__ = ["quick"]

SHARE = 0.1  #: of the training part, and of the validation part

LEAST = 50  #: examples of a part that are kept where it has as many

CLASSES = 2


def quick(data: Dataset, *, seed: int = 0) -> Dataset:
    """Keep two classes, a tenth of the training part and a tenth of the validation part, but 50 examples at least.

    The test part is left out: what is tried in passing should not use it up. Inputs keep the scaling of the whole.

    Args:
        data: The whole. Of a regression, or of sequences, no class is left out.
        seed: Seed of the draw.

    Returns:
        A data set of the same shapes, with the two commonest classes as 0 and 1, in the order they had.

    Source: M. Nielsen (2015), "Neural Networks and Deep Learning", chapter 3, on choosing hyper-parameters.

    Examples:
        >>> from unstuck.data import load
        >>> small = quick(load("digits"))
        >>> len(small.train), len(small.validation), len(small.test), small.outputs
        (117, 50, 0, 2)
    """
    generator = torch.Generator().manual_seed(seed)
    by_class = data.task == "classification" and not data.symbolic and len(data.labels) > CLASSES
    kept = _commonest(data.train.targets) if by_class else None
    train, validation = (_smaller(part, kept, generator) for part in (data.train, data.validation))
    labels = data.labels if kept is None else tuple(data.labels[number] for number in kept.tolist())
    nothing = Part(data.test.inputs[:0], data.test.targets[:0])
    return replace(data, train=train, validation=validation, test=nothing, labels=labels)


def _commonest(targets: Tensor) -> Tensor:
    """The two classes with most examples, in order; of equals the first."""
    counts = targets.bincount()
    return counts.sort(descending=True, stable=True).indices[:CLASSES].sort().values


def _smaller(part: Part, kept: Tensor | None, generator: torch.Generator) -> Part:
    size = max(round(SHARE * len(part)), LEAST)
    rows = torch.arange(len(part), device=part.targets.device)
    targets = part.targets
    if kept is not None:
        rows = torch.isin(part.targets, kept).nonzero()[:, 0]
        targets = torch.searchsorted(kept, part.targets)
    order = torch.randperm(len(rows), generator=generator)[:size].to(rows.device)
    chosen = rows[order]
    return Part(part.inputs[chosen], targets[chosen])
