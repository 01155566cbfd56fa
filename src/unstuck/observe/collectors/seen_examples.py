"""Recognise examples again: has this batch, or a validation example, been trained on before?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from unstuck.observe.collectors.inputs import whole_examples
from unstuck.observe.collectors.shared_windows import SharedWindows
from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.user_code.frames import user_trail

__all__ = ["SeenExamples", "recognised", "signatures"]

FEATURES = 4_096
"""Values of an example that its signature is made of, evenly spread over it."""

MOST_EXAMPLES = 50_000
"""Signatures remembered; later examples are looked up but not added."""


def signatures(batch: Tensor) -> list[float] | None:
    """One number for each example, equal for equal examples and almost surely different otherwise.

    Args:
        batch: Shape (N, ...), any real type.

    Returns:
        N numbers; None where the batch holds no examples to tell apart.
    """
    if not is_readable(batch) or batch.dim() == 0 or not batch.numel() or batch.is_complex():
        return None
    flat = batch.detach().reshape(len(batch), -1)
    flat = flat[:, :: -(-flat.shape[1] // FEATURES)].double()
    # As good as drawn at random, and always the same: no two sets of values have equal sums but for rounding.
    weights = (torch.arange(1, flat.shape[1] + 1, dtype=torch.float64, device=flat.device).sin() * 1e4).frac() + 1.5
    # Not by a product of matrices, which rounds a row by its place in the batch.
    numbers: list[float] = ((flat * weights).sum(dim=1) + flat.shape[1]).tolist()
    return numbers


@dataclass
class SeenExamples:
    """Which examples were met in training and in evaluation.

    A forward pass is no training as long as nothing is learnt from it: a validation loss may be computed without
    ``no_grad`` and in training mode. Such a pass is made at another place, from which no update comes.

    Attributes:
        met: Signatures of examples that entered with gradients on, by the place that calls the model.
        latest: The place of the latest such pass in a sampled step.
        learning: Places from which updates came.
        evaluated: Signatures of examples met in evaluations, by the place that evaluates.
        windows: Of examples that are sequences, which of their parts were met.
    """

    met: dict[str, set[float]] = field(default_factory=dict[str, set[float]])
    latest: str | None = None
    learning: set[str] = field(default_factory=set[str])
    evaluated: dict[str, set[float]] = field(default_factory=dict[str, set[float]])
    windows: SharedWindows = field(default_factory=SharedWindows)

    @property
    def trained(self) -> set[float]:
        """Signatures of the examples that were learnt from."""
        sets = [self.met[place] for place in self.learning if place in self.met]
        return sets[0] if len(sets) == 1 else set[float]().union(*sets)

    def train(self, place: str, batch: Tensor) -> float | None:
        """Add a batch that enters with gradients on; the share of its examples met before, None if unknown."""
        numbers = signatures(batch)
        if numbers is None:
            return None
        known = self.met.setdefault(place, set())
        seen = sum(map(known.__contains__, numbers)) / len(numbers)
        if len(known) < MOST_EXAMPLES:
            known.update(numbers)
            if seen < 1.0:
                self.windows.train(place, batch)
        return seen

    def learn(self) -> None:
        """An update was made from the latest pass."""
        if self.latest is not None:
            self.learning.add(self.latest)

    def evaluate(self, place: str, batch: Tensor) -> None:
        """Add an evaluation batch."""
        numbers = signatures(batch)
        known = self.evaluated.setdefault(place, set())
        if numbers is not None and len(known) < MOST_EXAMPLES:
            known.update(numbers)
            self.windows.evaluate(place, batch)

    def covered(self, place: str) -> float:
        """Share of the examples that training has met, as far as they were looked at, which a place evaluates."""
        trained = self.trained
        return len(self.evaluated.get(place, set()) & trained) / len(trained) if trained else 0.0

    def overlap(self, place: str) -> float:
        """Share of a place's examples that training has met."""
        examples = self.evaluated.get(place, set())
        return len(examples & self.trained) / len(examples) if examples else 0.0


def recognised(seen: SeenExamples, inputs: tuple[Any, ...], *, place: str | None = None) -> float | None:
    """Share of a training batch's examples that were met before; None where there is nothing to recognise.

    They enter at ``place``, where that is known already.
    """
    batch = whole_examples(inputs)
    if batch is None or batch.device.type != "cpu":
        return None
    return seen.train(user_trail() if place is None else place, batch)
