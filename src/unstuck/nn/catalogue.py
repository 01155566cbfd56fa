"""The one table of models: a name is found here, its layers in the file that the import names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from unstuck.errors import ArgumentError
from unstuck.nn.architecture import Architecture
from unstuck.nn.cnn import CNN
from unstuck.nn.lenet import LeNet
from unstuck.nn.linear import Linear
from unstuck.nn.lstm import LSTM
from unstuck.nn.mlp import MLP
from unstuck.nn.resnet import ResNet
from unstuck.nn.transformer import Transformer
from unstuck.spelling import unknown

__all__ = ["ARCHITECTURES", "SEQUENCE_MODELS", "architecture"]

ARCHITECTURES: dict[str, type[Architecture]] = {
    "linear": Linear,
    "mlp": MLP,
    "cnn": CNN,
    "lenet": LeNet,
    "resnet": ResNet,
    "lstm": LSTM,
    "transformer": Transformer,
}
"""Every architecture by its name."""

SEQUENCE_MODELS = ("lstm", "transformer")
"""Those that read sequences of symbols; the others read measurements."""


def architecture(name: str, **sizes: Any) -> Architecture:
    """Look an architecture up and give it sizes.

    Raises:
        ArgumentError: There is none of that name, or a size is not accepted.

    Examples:
        >>> architecture("mlp", hidden=(32,)).build((64,), 10)[0]
        Linear(in_features=64, out_features=32, bias=True)
    """
    if name not in ARCHITECTURES:
        raise ArgumentError(unknown("name", name, ARCHITECTURES))
    build: Callable[..., Architecture] = ARCHITECTURES[name]
    return build(**sizes)
