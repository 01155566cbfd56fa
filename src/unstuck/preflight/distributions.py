"""Distributions by layer at the start: of the activations, and of the gradients of the weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from unstuck.init.statistics import LayerStatistics
from unstuck.record.checklist import Histogram

__all__ = ["of_activations", "of_gradients"]

BINS = 40
REACH = 3.0
"""Root mean squares at which a histogram of gradients ends; a normal distribution has 0.3% beyond."""


def of_activations(layers: Iterable[LayerStatistics]) -> tuple[Histogram, ...]:
    """A histogram for each output of a layer, after its activation; exact zeros are counted apart."""
    return tuple(
        Histogram(
            of="activations",
            name=layer.layer,
            low=layer.low,
            high=layer.high,
            counts=layer.counts[1:-1],
            below=layer.counts[0],
            above=layer.counts[-1],
            zero=layer.zero,
            spread=layer.std,
        )
        for layer in layers
    )


def of_gradients(gradients: Mapping[str, Tensor]) -> tuple[Histogram, ...]:
    """A histogram for each gradient, over three root mean squares to either side; exact zeros are counted apart."""
    found: list[Histogram] = []
    for name, gradient in gradients.items():
        values = gradient.detach().double().flatten().cpu()
        values = values[values.isfinite()]
        size = float(values.square().mean().sqrt()) if len(values) else 0.0
        end = REACH * size if size > 0.0 and math.isfinite(size) else 1.0
        alive = values[values != 0.0]
        found.append(
            Histogram(
                of="gradients",
                name=name,
                low=-end,
                high=end,
                counts=tuple(int(n) for n in torch.histc(alive, bins=BINS, min=-end, max=end).tolist()),
                below=int((alive < -end).sum()),
                above=int((alive > end).sum()),
                zero=1.0 - len(alive) / max(len(values), 1),
                spread=size,
            )
        )
    return tuple(found)
