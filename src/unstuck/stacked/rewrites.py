"""Operations on all members at once, where vmap's own way takes longer.

``torch.func.vmap`` turns a convolution of M members into a grouped one whose output it then copies for the pooling
after it, adds the bias of a linear layer in a pass of its own, and leaves ten classes innermost for the softmax, where
vectors of the processor stay nearly empty. Here are the same operations in layouts that take no copies: members beside
the channels of images, examples innermost after linear layers.

Shape suffixes: M members, N examples, F features, C channels, H and W height and width.
"""

# ruff: noqa: A002 - arguments have the names of torch's functions, by which they may be given
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["PHYSICAL", "classes_first"]

Physical = Callable[..., Tensor | None]
"""Takes a function's own arguments, those of tensors with the members first, and gives the result so, or None where
it has nothing better than vmap's own way."""


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor | None:
    """Examples innermost: the product is laid out as the loss and the next layer want it."""
    if input.ndim != 3 or weight.ndim != 3:
        return None
    input_MFN = input.transpose(1, 2)
    output_MFN = torch.bmm(weight, input_MFN) if bias is None else torch.baddbmm(bias.unsqueeze(2), weight, input_MFN)
    return output_MFN.transpose(1, 2)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor | None:
    """A grouped convolution of channels that lie side by side; of inputs that all share, one of more outputs."""
    if input.ndim != 5 or weight.ndim != 5 or (bias is not None and bias.ndim != 2):
        return None
    members = weight.shape[0]
    shared = input.stride(0) == 0 and groups == 1
    beside = input[0] if shared else _beside(input)
    output = torch.conv2d(
        beside,
        weight.flatten(0, 1),
        None if bias is None else bias.flatten(),
        stride,
        padding,
        dilation,
        1 if shared else members * groups,
    )
    return _apart(output.contiguous(memory_format=torch.channels_last), members)


def max_pool2d(input: Tensor, *args: Any, **kwargs: Any) -> Tensor | None:
    """Pooling of channels that lie side by side."""
    return _of_images(torch.max_pool2d, input, *args, **kwargs)


def avg_pool2d(input: Tensor, *args: Any, **kwargs: Any) -> Tensor | None:
    """Pooling of channels that lie side by side."""
    return _of_images(functional.avg_pool2d, input, *args, **kwargs)


def adaptive_avg_pool2d(input: Tensor, *args: Any, **kwargs: Any) -> Tensor | None:
    """Pooling of channels that lie side by side."""
    return _of_images(functional.adaptive_avg_pool2d, input, *args, **kwargs)


def _of_images(pool: Callable[..., Tensor], input: Tensor, *args: Any, **kwargs: Any) -> Tensor | None:
    if input.ndim != 5:
        return None
    return _apart(pool(_beside(input), *args, **kwargs), input.shape[0])


def _beside(images_MNCHW: Tensor) -> Tensor:
    """(N, M C, H, W), the channels innermost; without a copy where :func:`_apart` made it."""
    beside = images_MNCHW.transpose(0, 1).flatten(1, 2)
    return beside.contiguous(memory_format=torch.channels_last)


def _apart(images: Tensor, members: int) -> Tensor:
    """(M, N, C, H, W) of (N, M C, H, W)."""
    return images.unflatten(1, (members, -1)).transpose(0, 1)


PHYSICAL: dict[Callable[..., Any], Physical] = {
    functional.linear: linear,
    torch.conv2d: conv2d,
    torch.max_pool2d: max_pool2d,
    functional.avg_pool2d: avg_pool2d,
    functional.adaptive_avg_pool2d: adaptive_avg_pool2d,
}
"""What stands for which function of torch."""


def classes_first(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor | None:
    """``cross_entropy`` of class ids, the softmax over the first dimension; None for what it does not stand for."""
    whole = not target.is_floating_point()
    if input.ndim != 2 or not whole or label_smoothing or size_average is not None or reduce is not None:
        return None
    log_probabilities_CN = functional.log_softmax(input.t(), 0)
    return functional.nll_loss(log_probabilities_CN.t(), target, weight, ignore_index=ignore_index, reduction=reduction)
