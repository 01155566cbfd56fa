"""Operations on all members at once, where vmap's own way takes longer.

``torch.func.vmap`` turns a convolution of M members into a grouped one whose output it then copies for the pooling
after it, adds the bias of a linear layer in a pass of its own, and leaves ten classes innermost for the softmax, where
vectors of the processor stay nearly empty. Here are the same operations in layouts that take no copies: members beside
the channels of images, examples innermost after linear layers.

Shape suffixes: M members, N examples, F features, C channels, H and W height and width.
"""

# ruff: noqa: A002 - arguments have the names of torch's functions, by which they may be given
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["PHYSICAL"]

WINDOWS = 8 * 2**20
"""Numbers that the windows of a convolution may hold, beyond which they are not laid out."""

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
    """A grouped convolution of channels that lie side by side; of inputs that all share, one product of matrices."""
    if input.ndim != 5 or weight.ndim != 5 or (bias is not None and bias.ndim != 2):
        return None
    members = weight.shape[0]
    if input.stride(0) == 0 and groups == 1 and not isinstance(padding, str):
        windows = _windows(input[0], weight.shape[3:], *map(_pair, (stride, padding, dilation)))
        if windows is not None:
            return _apart(_of_windows(windows, weight.flatten(0, 1), bias), members)
    output = torch.conv2d(
        _beside(input),
        weight.flatten(0, 1),
        None if bias is None else bias.flatten(),
        stride,
        padding,
        dilation,
        members * groups,
    )
    return _apart(output.contiguous(memory_format=torch.channels_last), members)


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[-1])


def _windows(
    images: Tensor, kernel: Sequence[int], stride: tuple[int, int], padding: tuple[int, int], dilation: tuple[int, int]
) -> Tensor | None:
    """What each place of a convolution sees of images, (N, H, W, C, kernel); None where that would take much memory."""
    if dilation != (1, 1) or images.numel() * kernel[0] * kernel[1] > WINDOWS:
        return None
    padded = functional.pad(images, (padding[1], padding[1], padding[0], padding[0]))
    seen = padded.unfold(2, kernel[0], stride[0]).unfold(3, kernel[1], stride[1])
    return seen.permute(0, 2, 3, 1, 4, 5).contiguous()


def _of_windows(windows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """The convolution of several members' weights, (M C, ...), as one product; the channels come out innermost."""
    flat, matrix = windows.flatten(3).flatten(0, 2), weight.flatten(1)
    if bias is not None:  # as the weight of a column of ones, which takes no pass over the output of its own
        flat, matrix = functional.pad(flat, (0, 1), value=1.0), torch.cat((matrix, bias.reshape(-1, 1)), dim=1)
    output = flat @ matrix.t()
    return output.unflatten(0, windows.shape[:3]).permute(0, 3, 1, 2)


def max_pool2d(input: Tensor, *args: Any, **kwargs: Any) -> Tensor | None:
    """Pooling of channels that lie side by side."""
    indices = kwargs.get("return_indices", False) or True in args
    return None if indices else _of_images(functional.max_pool2d, input, *args, **kwargs)


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


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor | None:
    """Of class ids, examples innermost: a softmax over ten neighbouring numbers would leave vectors nearly empty."""
    plain = weight is None and size_average is None and reduce is None and not label_smoothing
    if input.ndim != 3 or target.ndim != 2 or target.is_floating_point() or not plain or reduction != "mean":
        return None
    log_probabilities_MCN = functional.log_softmax(input.transpose(1, 2), 1)
    losses_MN = functional.nll_loss(log_probabilities_MCN, target, ignore_index=ignore_index, reduction="none")
    return losses_MN.sum(1) / (target != ignore_index).sum(1)


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    **kwargs: Any,
) -> Tensor | None:
    """Members are so many more examples."""
    if attn_mask is not None or dropout_p or query.ndim < 4:
        return None
    query_, key_, value_ = (part.flatten(0, 1) for part in (query, key, value))
    mixed = functional.scaled_dot_product_attention(query_, key_, value_, is_causal=is_causal, **kwargs)
    return mixed.unflatten(0, query.shape[:2])


PHYSICAL: dict[Callable[..., Any], Physical] = {
    functional.linear: linear,
    torch.conv2d: conv2d,
    torch.max_pool2d: max_pool2d,
    functional.max_pool2d: max_pool2d,
    functional.cross_entropy: cross_entropy,
    functional.scaled_dot_product_attention: attention,
    functional.avg_pool2d: avg_pool2d,
    functional.adaptive_avg_pool2d: adaptive_avg_pool2d,
}
"""What stands for which function of torch."""
