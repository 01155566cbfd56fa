"""What a model is worth on examples that it does not learn from."""

from __future__ import annotations

from collections.abc import Iterable, Sized
from typing import cast

import torch
from torch import Tensor, nn

from unstuck.errors import ArgumentError
from unstuck.train.losses import LossFunction, takes_logits_of_yes
from unstuck.train.tally import Means, Tally

__all__ = ["evaluate", "pair"]


def pair(batch: object) -> tuple[Tensor, Tensor]:
    """Inputs and targets of a batch.

    Raises:
        ArgumentError: It is no pair; a tensor of two rows is none either.
    """
    if not isinstance(batch, tuple | list) or len(cast("list[Tensor]", batch)) != 2:
        size = f" of {len(batch)}" if isinstance(batch, Sized) else ""
        raise ArgumentError(
            f"data: gave a batch that is a {type(cast('object', batch)).__name__}{size}; a pair (inputs, targets) is "
            "accepted: give it as a DataLoader's collate_fn or a list of such pairs"
        )
    return cast("tuple[Tensor, Tensor]", batch)


def evaluate(model: nn.Module, loss: LossFunction, data: Iterable[tuple[Tensor, Tensor]]) -> Means:
    """Mean loss and accuracy, in evaluation mode and without gradients; the mode is put back.

    Args:
        model: The model.
        loss: Of outputs and targets, its mean over the batch.
        data: Batches of inputs and targets.

    Examples:
        >>> from torch.nn.functional import mse_loss
        >>> evaluate(nn.Identity(), mse_loss, [(torch.ones(2, 1), torch.zeros(2, 1))])
        Means(loss=1.0, accuracy=None, examples=2)
    """
    was_training = model.training
    model.eval()
    tally = Tally(yes_or_no=takes_logits_of_yes(loss))
    try:
        with torch.inference_mode():
            for batch in data:
                inputs, targets = pair(batch)
                outputs = model(inputs)
                tally.add(loss(outputs, targets), outputs, targets)
            return tally.means()
    finally:
        model.train(was_training)
