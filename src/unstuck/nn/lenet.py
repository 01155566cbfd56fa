"""The network that read cheques."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

from torch import nn

from unstuck.errors import ArgumentError
from unstuck.nn import arguments
from unstuck.nn.activations import activation, widening
from unstuck.nn.architecture import Architecture
from unstuck.nn.mlp import MLP

__all__ = ["LeNet"]

KERNEL = 5
"""Side of both convolutions' kernels."""

LEAST = 12
"""Side of the smallest image of which both convolutions and poolings leave something."""


@final
@dataclass(frozen=True, kw_only=True)
class LeNet(Architecture):
    r"""LeNet-5: two convolutions of 5 x 5, each with 2 x 2 pooling, then two fully connected layers and a linear one.

    The first convolution keeps the size of the image, for its digits stood on 32 x 32 pixels and ours fill 28 x 28:

    .. math:: 28 \to 28 \to 14 \to 10 \to 5, \qquad 16 \cdot 5 \cdot 5 = 400 \to 120 \to 84 \to 10

    That is 61,706 parameters, as in the paper but for its sparse second convolution, the trained pooling and the radial
    units at its end, which nobody uses any more.

    Args:
        channels: Channels of the two convolutions.
        hidden: Units of each fully connected layer before the last.
        activation: The nonlinearity, one of :data:`~unstuck.nn.ACTIVATIONS`; the paper's is ``"tanh"``.
        pooling: ``"max"`` or, as the paper's, ``"average"``.
        dropout: Share of the hidden units dropped while training.

    Raises:
        ArgumentError: A size, a share or a name is not accepted.

    Source: LeCun et al. (1998), "Gradient-based learning applied to document recognition", section II.B.

    Examples:
        >>> model = LeNet().build((1, 28, 28), 10)
        >>> sum(parameter.numel() for parameter in model.parameters())
        61706
    """

    name: Literal["lenet"] = "lenet"
    channels: tuple[int, int] = (6, 16)
    hidden: tuple[int, ...] = (120, 84)
    activation: str = "relu"
    pooling: Literal["max", "average"] = "max"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        arguments.sizes("channels", self.channels)
        if len(self.channels) != 2:
            raise ArgumentError(f"channels={list(self.channels)!r}: two are accepted, one for each convolution")
        arguments.sizes("hidden", self.hidden)
        arguments.share("dropout", self.dropout)
        activation(self.activation)

    def build(self, features: tuple[int, ...], outputs: int) -> nn.Sequential:
        """Build the model.

        Raises:
            ArgumentError: The input is no image, or too small.
        """
        depth, height, width = arguments.image(self.name, features)
        if min(height, width) < LEAST:
            raise ArgumentError(
                f"name='lenet': got images of {height} x {width}; two convolutions of {KERNEL} x {KERNEL} with pooling "
                f"need {LEAST} x {LEAST} at least: take 'cnn' or 'resnet'"
            )
        layers: list[nn.Module] = []
        for channels, padding in zip(self.channels, (KERNEL // 2, 0), strict=True):
            layers += [
                nn.Conv2d(depth, channels * widening(self.activation), KERNEL, padding=padding),
                activation(self.activation),
                nn.MaxPool2d(2) if self.pooling == "max" else nn.AvgPool2d(2),
            ]
            depth = channels
            height, width = ((size - KERNEL + 1 + 2 * padding) // 2 for size in (height, width))
        head = MLP(hidden=self.hidden, activation=self.activation, dropout=self.dropout)
        return nn.Sequential(*layers, nn.Flatten(), *head.build((depth * height * width,), outputs))
