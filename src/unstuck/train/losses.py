"""The one table of losses: their names, what they compute, and the tasks that they fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from torch import Tensor
from torch.nn import functional

from unstuck.data import Task
from unstuck.nn import weston_watkins

__all__ = ["LOSSES", "LOSSES_OF", "LossFunction", "LossName", "loss_for"]

LossFunction = Callable[[Tensor, Tensor], Tensor]
LossName = Literal["cross-entropy", "weston-watkins", "squared-error"]

LOSSES: dict[LossName, LossFunction] = {
    "cross-entropy": functional.cross_entropy,
    "weston-watkins": weston_watkins,
    "squared-error": functional.mse_loss,
}
"""Every loss by its name; each takes outputs and targets and gives the mean over the batch."""

LOSSES_OF: dict[Task, tuple[LossName, ...]] = {
    "classification": ("cross-entropy", "weston-watkins"),
    "regression": ("squared-error",),
}
"""The losses that fit each task, the usual one first. Two classes are a classification like any other: cross-entropy
of two scores is binary cross-entropy of their difference."""


def loss_for(task: Task) -> LossName:
    """The usual loss of a task.

    Examples:
        >>> loss_for("regression")
        'squared-error'
    """
    return LOSSES_OF[task][0]
