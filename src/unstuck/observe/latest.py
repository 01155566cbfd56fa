"""The newest numbers of a training, for a progress bar."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Latest", "median"]


@dataclass(frozen=True, kw_only=True)
class Latest:
    """The newest numbers, for a progress bar; None where nothing is known yet.

    Attributes:
        step: Updates made.
        loss: Loss of the latest step whose loss has been fetched.
        accuracy: Accuracy on the latest sampled batch.
        learning_rate: Rate of the first parameter group.
        update_ratio: Median of ||dw|| / ||w|| over the parameter tensors of the latest sampled step.
    """

    step: int = 0
    loss: float | None = None
    accuracy: float | None = None
    learning_rate: float | None = None
    update_ratio: float | None = None


def median(values: Sequence[float]) -> float | None:
    """The median of the finite values; None without any."""
    known = sorted(value for value in values if math.isfinite(value))
    return known[len(known) // 2] if known else None
