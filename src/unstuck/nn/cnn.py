"""A small convolutional network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import nn

from unstuck.errors import ArgumentError
from unstuck.nn import arguments
from unstuck.nn.activations import activation, widening
from unstuck.nn.architecture import Architecture
from unstuck.nn.mlp import MLP

__all__ = ["CNN"]


@dataclass(frozen=True, kw_only=True)
class CNN(Architecture):
    r"""Blocks of convolution, nonlinearity and 2 x 2 pooling, then fully connected layers.

    Convolutions keep the size of the image (zero padding (k - 1)/2), pooling halves it:
    :math:`H_{l+1} = \lfloor H_l / 2 \rfloor`.

    Args:
        channels: Channels of each block.
        kernel: Side k of the square kernels, odd.
        pool: Blocks that end with pooling, from the last: 1 pools after the last alone; None pools after each.
        pooling: ``"max"`` keeps the largest of each four pixels, ``"average"`` their mean.
        hidden: Units of each fully connected layer before the last.
        activation: The nonlinearity, one of :data:`~unstuck.nn.ACTIVATIONS`; ``"maxout"`` doubles the weights before.
        norm: ``"batch"`` normalises before each nonlinearity.
        dropout: Share of the fully connected units dropped while training, and of their inputs.

    Raises:
        ArgumentError: A size, a share or a name is not accepted.

    Examples:
        >>> CNN(channels=(4,), hidden=()).build((1, 8, 8), 10)
        Sequential(
          (0): Conv2d(1, 4, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
          (1): ReLU()
          (2): MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)
          (3): Flatten(start_dim=1, end_dim=-1)
          (4): Linear(in_features=64, out_features=10, bias=True)
        )
    """

    name: Literal["cnn"] = "cnn"
    channels: tuple[int, ...] = (16, 32)
    kernel: int = 3
    pool: int | None = None
    pooling: Literal["max", "average"] = "max"
    hidden: tuple[int, ...] = (64,)
    activation: str = "relu"
    norm: Literal["none", "batch"] = "none"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        arguments.sizes("channels", self.channels, least=1)
        arguments.sizes("hidden", self.hidden)
        arguments.share("dropout", self.dropout)
        activation(self.activation)
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise ArgumentError(f"kernel={self.kernel!r}: an odd whole number is accepted, such as 3 or 5")
        if self.pool is not None and not 0 <= self.pool <= len(self.channels):
            raise ArgumentError(f"pool={self.pool!r}: a number of blocks is accepted, 0 to {len(self.channels)}")

    def build(self, features: tuple[int, ...], outputs: int) -> nn.Sequential:
        """Build the model.

        Raises:
            ArgumentError: The input is no image, a kernel is larger than it, or pooling leaves nothing of it.
        """
        layers: list[nn.Module] = []
        sides: list[tuple[int, int]] = []
        depth, height, width = arguments.image(self.name, features)
        first_pooled = 0 if self.pool is None else len(self.channels) - self.pool
        for block, channels in enumerate(self.channels):
            sides.append((height, width))
            maps = channels * widening(self.activation)
            layers.append(nn.Conv2d(depth, maps, self.kernel, padding=self.kernel // 2))
            if self.norm == "batch":
                layers.append(nn.BatchNorm2d(maps))
            layers.append(activation(self.activation))
            if block >= first_pooled:
                layers.append(nn.MaxPool2d(2) if self.pooling == "max" else nn.AvgPool2d(2))
                height, width = height // 2, width // 2
            depth = channels
        if not (height and width):
            raise ArgumentError(
                f"channels={list(self.channels)!r}: {len(self.channels) - first_pooled} poolings leave nothing of an "
                f"image of {features[1]} x {features[2]}; give fewer blocks, or a smaller pool"
            )
        self._require_room(sides)
        layers.append(nn.Flatten())
        if self.dropout:
            layers.append(nn.Dropout(self.dropout))
        head = MLP(hidden=self.hidden, activation=self.activation, norm=self.norm, dropout=self.dropout)
        return nn.Sequential(*layers, *head.build((depth * height * width,), outputs))

    def _require_room(self, sides: list[tuple[int, int]]) -> None:
        """Refuse kernels of which some weights would see padding alone."""
        for block, (height, width) in enumerate(sides, start=1):
            largest = 2 * min(height, width) - 1
            if self.kernel > largest:
                raise ArgumentError(
                    f"kernel={self.kernel!r}: larger than its input: block {block} of {len(sides)} gets images of "
                    f"{height} x {width}, where a kernel beyond {largest} has weights that see padding alone; give at "
                    f"most {largest}, fewer blocks, or a smaller pool"
                )
