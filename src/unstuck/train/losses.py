"""The one table of losses: their names, what they compute, and the tasks that they fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from unstuck.data import Task
from unstuck.nn import binary_cross_entropy, weston_watkins

__all__ = ["LOSSES", "LOSSES_OF", "LossFunction", "LossName", "loss_for", "takes_logits_of_yes"]

LossFunction = Callable[[Tensor, Tensor], Tensor]
LossName = Literal["cross-entropy", "binary-cross-entropy", "weston-watkins", "squared-error"]

LOSSES: dict[LossName, LossFunction] = {
    "cross-entropy": functional.cross_entropy,
    "binary-cross-entropy": binary_cross_entropy,
    "weston-watkins": weston_watkins,
    "squared-error": functional.mse_loss,
}
"""Every loss by its name; each takes outputs and targets and gives the mean over the batch."""

LOSSES_OF: dict[Task, tuple[LossName, ...]] = {
    "classification": ("cross-entropy", "binary-cross-entropy", "weston-watkins"),
    "regression": ("squared-error",),
}
"""The losses that fit each task, the usual one first. Two classes are a classification like any other: cross-entropy
of two scores is binary cross-entropy of their difference, which takes one output for two classes, and no more."""


def loss_for(task: Task) -> LossName:
    """The usual loss of a task.

    Examples:
        >>> loss_for("regression")
        'squared-error'
    """
    return LOSSES_OF[task][0]


def takes_logits_of_yes(loss: LossFunction) -> bool:
    """Whether a loss of torch's takes real targets for yes and no, and outputs that say yes above 0.

    Examples:
        >>> takes_logits_of_yes(nn.BCEWithLogitsLoss()), takes_logits_of_yes(nn.MSELoss())
        (True, False)
    """
    return loss is functional.binary_cross_entropy_with_logits or isinstance(loss, nn.BCEWithLogitsLoss)
