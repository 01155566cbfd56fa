"""The activation that is learned: the largest of several affine maps."""

from __future__ import annotations

from typing import final

from torch import Tensor, nn

from unstuck.errors import ArgumentError
from unstuck.nn import arguments

__all__ = ["Maxout"]


@final
class Maxout(nn.Module):
    r"""For each unit the largest of k affine maps of the layer's input: a convex, piecewise linear function of it.

    .. math:: h_c = \max_{j = 1 \ldots k} \left(W_{jc} x + b_{jc}\right)

    It stands after a linear or convolutional layer of k times as many outputs as there are units, and takes the largest
    of the outputs c, C + c, 2C + c, ... With k = 2 it can become a ReLU (one map zero) or an absolute value. Every
    unit has a gradient for every example, so that none dies; it costs k times the weights.

    Inputs are of shape (N, k C, ...), outputs of shape (N, C, ...): (N, C) after a linear layer, (N, C, H, W) after a
    convolution. Where maps are equal, they share the gradient.

    Args:
        pieces: The number k of maps for a unit, from 2.

    Raises:
        ArgumentError: Fewer than two pieces; on a call, outputs that they do not divide.

    Source: Goodfellow et al. (2013), "Maxout networks", section 3.

    Examples:
        >>> import torch
        >>> Maxout(2)(torch.tensor([[1.0, -3.0, 0.5, 4.0]]))
        tensor([[1., 4.]])
        >>> model = nn.Sequential(nn.Conv2d(1, 2 * 16, 3, padding=1), Maxout(2))
        >>> model(torch.zeros(5, 1, 8, 8)).shape
        torch.Size([5, 16, 8, 8])
    """

    def __init__(self, pieces: int = 2) -> None:
        super().__init__()
        arguments.size("pieces", pieces)
        if pieces < 2:
            raise ArgumentError(f"pieces={pieces!r}: at least 2 are needed, for of one the largest is itself")
        self.pieces = pieces

    def forward(self, inputs_NKC: Tensor) -> Tensor:
        """The largest piece of each unit."""
        outputs = inputs_NKC.shape[1]
        if outputs % self.pieces:
            raise ArgumentError(
                f"pieces={self.pieces}: the layer before gives {outputs} outputs, which cannot be shared out; give it "
                f"{self.pieces} times as many outputs as units, such as {self.pieces * -(-outputs // self.pieces)}"
            )
        return inputs_NKC.unflatten(1, (self.pieces, outputs // self.pieces)).amax(dim=1)

    def extra_repr(self) -> str:
        """What stands between the brackets where it is printed."""
        return f"pieces={self.pieces}"
