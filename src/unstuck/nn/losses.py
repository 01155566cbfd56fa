"""Losses that torch has not, has with another factor, or gives targets of another kind."""

from __future__ import annotations

from typing import final

from torch import Tensor, nn
from torch.nn import functional

from unstuck.errors import ArgumentError

__all__ = ["WestonWatkinsLoss", "binary_cross_entropy", "weston_watkins"]


def binary_cross_entropy(scores: Tensor, targets: Tensor) -> Tensor:
    r"""Cross-entropy of two classes, told apart by one score: the loss of logistic regression.

    .. math:: L = \frac{1}{N} \sum_{i=1}^{N} \ln\left(1 + e^{-(2 y_i - 1)\, s_i}\right)

    The score is the logarithm of the odds of class 1, which is the answer where it is above 0. Scores of 0 give ln 2,
    the value before training. Torch's :func:`~torch.nn.functional.binary_cross_entropy_with_logits` computes it,
    without overflow for any score; here it takes class ids as :func:`~torch.nn.functional.cross_entropy` does.

    Args:
        scores: (N, 1) or (N,), with no sigmoid before.
        targets: (N,), class ids 0 and 1, of any whole type.

    Returns:
        The mean over the examples, a scalar.

    Raises:
        ArgumentError: There is not one score for each target, or the targets are no whole numbers.

    Source: Bishop (2006), "Pattern recognition and machine learning", section 4.3.2, equation 4.90.

    Examples:
        >>> import torch
        >>> binary_cross_entropy(torch.zeros(4, 1), torch.tensor([0, 1, 1, 0]))
        tensor(0.6931)
        >>> binary_cross_entropy(torch.tensor([[800.0], [-800.0]]), torch.tensor([1, 1]))
        tensor(400.)
    """
    if targets.is_floating_point() or targets.ndim != 1 or scores.shape not in (targets.shape, (len(targets), 1)):
        raise ArgumentError(
            f"targets={str(targets.dtype).removeprefix('torch.')} of shape {tuple(targets.shape)}: for scores of shape "
            f"{tuple(scores.shape)} one class id each is accepted, 0 or 1, of shape (N,) for scores (N, 1)"
        )
    return functional.binary_cross_entropy_with_logits(scores.reshape(targets.shape), targets.to(scores.dtype))


def weston_watkins(scores: Tensor, targets: Tensor) -> Tensor:
    r"""The multiclass margin loss: each wrong class must stay 1 below the right one.

    .. math:: L = \frac{1}{N} \sum_{i=1}^{N} \sum_{j \ne y_i} \max(0,\; 1 + s_{ij} - s_{i y_i})

    Equal scores give C - 1, the value before training; a right class that is ahead of all others by 1 gives 0, and
    then no gradient. :func:`torch.nn.functional.multi_margin_loss` divides by C besides, so that rates and weights of
    regularisation that are known for this loss do not carry over to it.

    Args:
        scores: (N, C) or (N, C, ...), with no softmax before.
        targets: (N,) or (N, ...), class ids of type int64.

    Returns:
        The mean over all targets, a scalar; NaN where there are none.

    Raises:
        ArgumentError: The targets are no class ids, or not one for each row of scores.

    Source: Weston and Watkins (1999), "Support vector machines for multi-class pattern recognition", equation 4, with
    a margin of 1 as in CS231n, "Multiclass support vector machine loss".

    Examples:
        >>> import torch
        >>> weston_watkins(torch.tensor([[3.2, 5.1, -1.7]]), torch.tensor([0]))
        tensor(2.9000)
        >>> weston_watkins(torch.zeros(4, 10), torch.tensor([0, 3, 9, 9]))
        tensor(9.)
    """
    if targets.is_floating_point() or scores.ndim < 2 or scores.shape[:1] + scores.shape[2:] != targets.shape:
        raise ArgumentError(
            f"targets={str(targets.dtype).removeprefix('torch.')} of shape {tuple(targets.shape)}: for scores of shape "
            f"{tuple(scores.shape)} one class id each is accepted, int64 of shape (N, ...) for scores (N, C, ...)"
        )
    right = scores.gather(1, targets.unsqueeze(1))
    # The right class itself, which the formula leaves out, adds exactly 1, and nothing to the gradient.
    return ((scores - right + 1.0).clamp(min=0.0).sum(dim=1) - 1.0).mean()


@final
class WestonWatkinsLoss(nn.Module):
    """:func:`weston_watkins` as a module.

    Examples:
        >>> import torch
        >>> WestonWatkinsLoss()(torch.tensor([[0.0, 2.0]]), torch.tensor([1]))
        tensor(0.)
    """

    def forward(self, scores: Tensor, targets: Tensor) -> Tensor:
        """The mean over the examples."""
        return weston_watkins(scores, targets)
