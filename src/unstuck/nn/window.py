"""The arithmetic of a window that slides: what a convolution or a pooling makes of a size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

from torch import nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd  # pyright: ignore[reportPrivateUsage]
from torch.nn.modules.pooling import _AvgPoolNd, _MaxPoolNd  # pyright: ignore[reportPrivateUsage]

__all__ = ["Window", "windows"]


@dataclass(frozen=True, kw_only=True)
class Window:
    r"""A window along one axis.

    .. math:: n' = \left\lfloor \frac{n - k + 2p}{s} \right\rfloor + 1

    where a dilation d makes a kernel of k entries :math:`d (k - 1) + 1` wide.

    Source: Dumoulin and Visin (2016), "A guide to convolution arithmetic for deep learning", relationships 6 and 14.

    Examples:
        >>> window = Window(kernel=5, stride=2, padding=1)
        >>> window.output(28), window.arithmetic(28), window.dropped(28)
        (13, '⌊(28 - 5 + 2·1)/2⌋ + 1 = 13', 0)
        >>> Window(kernel=2, stride=2).dropped(7)
        1
    """

    kernel: int  #: entries from the first to the last that it touches, dilation included
    stride: int = 1
    padding: float = 0  #: zeros on each side; a half stands for one more at the end
    ceil: bool = False  #: whether a last window that is not full counts

    def output(self, size: int) -> int:
        """Windows that fit; below 1 where none does."""
        room = size - self.kernel + int(2 * self.padding)
        if not self.ceil:
            return room // self.stride + 1
        windows = -(-room // self.stride) + 1
        # A window must begin inside the input or the padding before it.
        return windows - ((windows - 1) * self.stride >= size + self.padding)

    def dropped(self, size: int) -> int:
        """Entries of the input at its end that no window touches."""
        reach = (self.output(size) - 1) * self.stride + self.kernel
        return max(0, size + math.floor(self.padding) - reach)

    def arithmetic(self, size: int) -> str:
        """The formula with its numbers."""
        even = (size - self.kernel + int(2 * self.padding)) % self.stride == 0
        left, right = ("", "") if even else (("⌈", "⌉") if self.ceil else ("⌊", "⌋"))
        fraction = f"({size} - {self.kernel} + 2·{self.padding:g})/{self.stride}"
        return f"{left}{fraction}{right} + 1 = {self.output(size)}"


def windows(module: nn.Module) -> tuple[Window, ...]:
    """The windows of a convolution or pooling of torch, one for each axis; none for anything else.

    Examples:
        >>> windows(nn.Conv2d(1, 4, 3, padding="same"))[0]
        Window(kernel=3, stride=1, padding=1.0, ceil=False)
    """
    if not isinstance(module, _ConvNd | _MaxPoolNd | _AvgPoolNd) or isinstance(module, _ConvTransposeNd):
        return ()
    axes = int(type(module).__name__[-2]) if type(module).__name__[-2:] in ("1d", "2d", "3d") else _axes(module)
    kernels, strides = _each(module.kernel_size, axes), _each(module.stride, axes)
    dilations = _each(getattr(module, "dilation", 1), axes)
    spans = [dilation * (kernel - 1) + 1 for kernel, dilation in zip(kernels, dilations, strict=True)]
    given: Any = module.padding
    paddings = [(span - 1) / 2 for span in spans] if given == "same" else _each(0 if given == "valid" else given, axes)
    ceil = bool(getattr(module, "ceil_mode", False))
    return tuple(
        Window(kernel=span, stride=stride, padding=padding, ceil=ceil)
        for span, stride, padding in zip(spans, strides, paddings, strict=True)
    )


def _axes(module: nn.Module) -> int:
    """Axes of a subclass of another name."""
    for base in type(module).__mro__:
        if base.__module__.startswith("torch.nn") and base.__name__[-2:] in ("1d", "2d", "3d"):
            return int(base.__name__[-2])
    return 2


def _each(value: object, axes: int) -> list[int]:
    if not isinstance(value, tuple | list):
        return [cast("int", value)] * axes
    entries = list(cast("tuple[int, ...]", value))
    return entries * axes if len(entries) == 1 else entries
