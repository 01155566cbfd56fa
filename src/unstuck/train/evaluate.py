"""What a model is worth on examples that it does not learn from."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from unstuck.train.losses import LossFunction, takes_logits_of_yes
from unstuck.train.tally import Means, Tally

__all__ = ["evaluate"]


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
            for inputs, targets in data:
                outputs = model(inputs)
                tally.add(loss(outputs, targets), outputs, targets)
            return tally.means()
    finally:
        model.train(was_training)
