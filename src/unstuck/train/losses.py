"""The one table of losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from torch import Tensor
from torch.nn import functional

from unstuck.data import Task

__all__ = ["LOSSES", "LossFunction", "LossName", "loss_for"]

LossFunction = Callable[[Tensor, Tensor], Tensor]
LossName = Literal["cross-entropy", "squared-error"]

LOSSES: dict[LossName, LossFunction] = {
    "cross-entropy": functional.cross_entropy,
    "squared-error": functional.mse_loss,
}
"""Every loss by its name; each takes outputs and targets and gives the mean over the batch."""


def loss_for(task: Task) -> LossName:
    """The loss that suits a task.

    Examples:
        >>> loss_for("regression")
        'squared-error'
    """
    return "cross-entropy" if task == "classification" else "squared-error"
