"""Recognise examples again: has this batch, or a validation example, been trained on before?"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

__all__ = ["Identity", "signatures"]

FEATURES = 4_096
"""Values of an example that its signature is made of, evenly spread over it."""

MOST_EXAMPLES = 50_000
"""Signatures remembered; later examples are looked up but not added."""


@torch.no_grad()
def signatures(batch: Tensor) -> list[float] | None:
    """One number for each example, equal for equal examples and almost surely different otherwise.

    Args:
        batch: Shape (N, ...), any real type.

    Returns:
        N numbers; None where the batch holds no examples to tell apart.
    """
    if batch.dim() == 0 or not batch.numel() or batch.is_complex():
        return None
    flat = batch.detach().reshape(len(batch), -1)
    flat = flat[:, :: -(-flat.shape[1] // FEATURES)].double()
    # Irrational multiples are independent over the rationals, so distinct rows have distinct sums but for rounding.
    weights = torch.arange(1, flat.shape[1] + 1, dtype=torch.float64, device=flat.device).sqrt().frac() + 0.5
    numbers: list[float] = (flat @ weights + flat.shape[1]).tolist()
    return numbers


@dataclass
class Identity:
    """Which examples were met in training and in evaluation.

    Attributes:
        trained: Signatures of examples met in training.
        evaluated: Signatures of examples met in evaluations, by the place that evaluates.
    """

    trained: set[float] = field(default_factory=set[float])
    evaluated: dict[str, set[float]] = field(default_factory=dict[str, set[float]])

    def train(self, batch: Tensor) -> float | None:
        """Add a training batch; the share of its examples that were met before, None where that is unknown."""
        numbers = signatures(batch)
        if numbers is None:
            return None
        seen = sum(number in self.trained for number in numbers) / len(numbers)
        if len(self.trained) < MOST_EXAMPLES:
            self.trained.update(numbers)
        return seen

    def evaluate(self, place: str, batch: Tensor) -> None:
        """Add an evaluation batch."""
        numbers = signatures(batch)
        known = self.evaluated.setdefault(place, set())
        if numbers is not None and len(known) < MOST_EXAMPLES:
            known.update(numbers)

    def overlap(self, place: str) -> float:
        """Share of a place's examples that training has met."""
        examples = self.evaluated.get(place, set())
        return len(examples & self.trained) / len(examples) if examples else 0.0
