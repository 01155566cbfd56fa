"""A multilayer perceptron."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Literal

from torch import nn

from unstuck.nn import arguments
from unstuck.nn.activations import activation, widening
from unstuck.nn.architecture import Architecture

__all__ = ["MLP"]


@dataclass(frozen=True, kw_only=True)
class MLP(Architecture):
    r"""Fully connected layers, :math:`h_{l+1} = \phi(W_l h_l + b_l)`, and a linear one at the end.

    Args:
        hidden: Units of each hidden layer.
        activation: The nonlinearity, one of :data:`~unstuck.nn.ACTIVATIONS`; ``"maxout"`` doubles the weights before.
        norm: ``"batch"`` normalises before each nonlinearity.
        dropout: Share of the hidden units dropped after each nonlinearity while training.

    Raises:
        ArgumentError: A size, a share or a name is not accepted.

    Examples:
        >>> MLP(hidden=(32,), dropout=0.5).build((64,), 10)
        Sequential(
          (0): Linear(in_features=64, out_features=32, bias=True)
          (1): ReLU()
          (2): Dropout(p=0.5, inplace=False)
          (3): Linear(in_features=32, out_features=10, bias=True)
        )
    """

    name: Literal["mlp"] = "mlp"
    hidden: tuple[int, ...] = (128, 128)
    activation: str = "relu"
    norm: Literal["none", "batch"] = "none"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        arguments.sizes("hidden", self.hidden)
        arguments.share("dropout", self.dropout)
        activation(self.activation)

    def build(self, features: tuple[int, ...], outputs: int) -> nn.Sequential:
        """Build the model; images are flattened first."""
        layers: list[nn.Module] = [nn.Flatten()] if len(features) > 1 else []
        widths = (math.prod(features), *self.hidden)
        for units_in, units in itertools.pairwise(widths):
            layers.append(nn.Linear(units_in, units * widening(self.activation)))
            if self.norm == "batch":
                layers.append(nn.BatchNorm1d(units * widening(self.activation)))
            layers.append(activation(self.activation))
            if self.dropout:
                layers.append(nn.Dropout(self.dropout))
        return nn.Sequential(*layers, nn.Linear(widths[-1], outputs))
