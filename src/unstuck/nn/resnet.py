"""A small residual network for small images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

from torch import Tensor, nn
from torch.nn.functional import relu

from unstuck.nn import arguments
from unstuck.nn.architecture import Architecture

__all__ = ["BasicBlock", "ResNet"]


@final
class BasicBlock(nn.Module):
    r"""Two convolutions of 3 x 3 on a branch, and a way past them.

    .. math:: y = \max(0,\; x' + B_2 W_2 * \max(0,\; B_1 W_1 * x))

    with batch norm B after each convolution; x' is x itself or, where the block halves the image or changes the
    channels, a convolution of 1 x 1 of it with the same stride and a norm. That stride drops no pixel of the branch,
    whose kernels overlap.

    Args:
        depth: Channels that come in.
        channels: Channels that go out.
        stride: 2 halves the image (rounded up), 1 keeps its size.

    Source: He et al. (2016), "Deep residual learning for image recognition", figure 2 and section 3.3,
    option B.
    """

    def __init__(self, depth: int, channels: int, *, stride: int = 1) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(depth, channels, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.past = nn.Identity()
        if stride > 1 or depth != channels:
            self.past = nn.Sequential(
                nn.Conv2d(depth, channels, 1, stride, bias=False),
                nn.BatchNorm2d(channels),
            )

    def forward(self, inputs_NCHW: Tensor) -> Tensor:
        """The rectified sum."""
        return relu(self.past(inputs_NCHW) + self.branch(inputs_NCHW))


@final
@dataclass(frozen=True, kw_only=True)
class ResNet(Architecture):
    r"""A convolution, stages of residual blocks, and a linear map of each channel's mean.

    Each stage after the first halves the image and, by default, doubles the channels; 28 x 28 becomes 14 x 14 and
    7 x 7, and 8 x 8 becomes 4 x 4 and 2 x 2. With n blocks a stage it is :math:`6n + 2` layers deep: the paper's
    ResNet-20 for CIFAR is ``blocks=3``.

    Args:
        channels: Channels of each stage.
        blocks: Blocks a stage.

    Raises:
        ArgumentError: A size is not accepted.

    Source: He et al. (2016), "Deep residual learning for image recognition", section 4.2.

    Examples:
        >>> model = ResNet(blocks=3).build((3, 32, 32), 10)
        >>> sum(parameter.numel() for parameter in model.parameters())
        272474
    """

    name: Literal["resnet"] = "resnet"
    channels: tuple[int, ...] = (16, 32, 64)
    blocks: int = 1

    def __post_init__(self) -> None:
        arguments.sizes("channels", self.channels, least=1)
        arguments.size("blocks", self.blocks)

    def build(self, features: tuple[int, ...], outputs: int) -> nn.Sequential:
        """Build the model, for images of any size.

        Raises:
            ArgumentError: The input is no image.
        """
        depth = arguments.image(self.name, features)[0]
        first = self.channels[0]
        layers: list[nn.Module] = [
            nn.Conv2d(depth, first, 3, padding=1, bias=False),
            nn.BatchNorm2d(first),
            nn.ReLU(),
        ]
        depth = first
        for stage, channels in enumerate(self.channels):
            for block in range(self.blocks):
                layers.append(BasicBlock(depth, channels, stride=2 if stage and not block else 1))
                depth = channels
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(depth, outputs))
