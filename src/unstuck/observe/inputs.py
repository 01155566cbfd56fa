"""What the model takes in, by feature, over the sampled batches."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from unstuck.observe.distributed import is_distributed
from unstuck.record import facts, signals
from unstuck.record.signals import Signal

__all__ = ["InputProbe", "first_tensor"]

MOST_FEATURES = 4_096
"""Features whose means and deviations are kept; of more, evenly spread ones."""

VALUES = 1_000_000
"""Values of a batch that are looked at; of a larger batch, evenly spread examples."""

FIRST_LAYER = 8
"""Batches of which the size at the first layer is taken."""

KindOf = Literal["image", "table", "sequence", "ids", "other"]


def first_tensor(values: Any) -> Tensor | None:
    """The first tensor in nested tuples, lists and dictionaries; None also where its values are on other processes."""
    if isinstance(values, Tensor):
        return None if is_distributed(values) else values
    if isinstance(values, dict):
        values = list(values.values())
    if isinstance(values, tuple | list):
        for value in values:
            found = first_tensor(value)
            if found is not None:
                return found
    return None


@dataclass
class InputProbe:
    """Accumulate the moments of each feature."""

    _shape: tuple[int, ...] = ()
    _kind: KindOf = "other"
    _count: int = 0
    _examples: int = 0
    _sums: Tensor | None = None
    _squares: Tensor | None = None
    _range: Tensor | None = None
    _batch: dict[Signal, Tensor] = field(default_factory=dict[Signal, Tensor])
    _first_layer: list[Tensor] = field(default_factory=list[Tensor])

    @torch.no_grad()
    def reach(self, batch: Tensor) -> None:
        """Take what reaches the first layer with weights, of the first few batches."""
        if len(self._first_layer) < FIRST_LAYER and batch.is_floating_point() and batch.numel():
            self._first_layer.append(batch.detach().double().square().mean().sqrt())

    @torch.no_grad()
    def observe(self, batch: Tensor) -> None:
        """Take one batch, of shape (N, ...)."""
        batch = batch.detach()
        self._shape = tuple(batch.shape)
        self._kind = _kind_of(batch)
        self._batch = {}
        if self._kind == "ids" or not batch.numel():
            return
        examples = batch[:: max(1, batch.numel() // VALUES)] if batch.dim() > 1 else batch
        features = _by_feature(examples, self._kind).double()
        finite = torch.nan_to_num(features, nan=0.0, posinf=0.0, neginf=0.0)
        sums, squares = finite.sum(dim=0), finite.square().sum(dim=0)
        bounds = torch.stack(torch.aminmax(features))
        if self._sums is None or self._squares is None or self._range is None or self._sums.shape != sums.shape:
            self._sums, self._squares, self._range = sums, squares, bounds
            self._count, self._examples = len(features), len(batch)
        else:
            self._sums, self._squares = self._sums + sums, self._squares + squares
            self._range = torch.stack(
                [torch.minimum(self._range[0], bounds[0]), torch.maximum(self._range[1], bounds[1])]
            )
            self._count, self._examples = self._count + len(features), self._examples + len(batch)
        std, mean = torch.std_mean(finite, correction=0)
        nonfinite = (~examples.isfinite()).sum()
        self._batch = {signals.INPUT_MEAN: mean, signals.INPUT_STD: std, signals.INPUT_NONFINITE: nonfinite}

    def batch(self) -> dict[Signal, Tensor]:
        """The latest batch's numbers by signal, one-element tensors; each batch is handed out once."""
        batch, self._batch = self._batch, {}
        return batch

    def fact(self) -> facts.Inputs | None:
        """All that the batches so far have shown; None before the first."""
        if not self._shape:
            return None
        if self._sums is None or self._squares is None or self._range is None:
            return facts.Inputs(shape=self._shape, kind_of=self._kind, examples=0, minimum=0.0, maximum=0.0)
        means = self._sums / self._count
        stds = (self._squares / self._count - means.square()).clamp_min(0.0).sqrt()
        reached = torch.stack(self._first_layer).median().item() if self._first_layer else None
        stride = -(-len(means) // MOST_FEATURES)
        low, high = self._range.tolist()
        return facts.Inputs(
            shape=self._shape,
            kind_of=self._kind,
            examples=self._examples,
            minimum=low,
            maximum=high,
            feature_means=tuple(means[::stride].tolist()),
            feature_stds=tuple(stds[::stride].tolist()),
            first_layer=reached,
        )


def _kind_of(batch: Tensor) -> KindOf:
    if not batch.is_floating_point():
        return "ids"
    kinds: dict[int, KindOf] = {2: "table", 3: "sequence", 4: "image"}
    return kinds.get(batch.dim(), "other")


def _by_feature(batch: Tensor, kind: KindOf) -> Tensor:
    """Shape (observations, features): channels of images, the last dimension of tables and sequences."""
    if kind == "image":
        return batch.movedim(1, -1).reshape(-1, batch.shape[1])
    if kind in ("table", "sequence"):
        return batch.reshape(-1, batch.shape[-1])
    return batch.reshape(-1, 1)
