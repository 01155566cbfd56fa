"""A linear map: linear or, under cross-entropy, logistic regression."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from torch import nn

from unstuck.nn.architecture import Architecture

__all__ = ["Linear"]


@dataclass(frozen=True, kw_only=True)
class Linear(Architecture):
    r"""One linear layer, :math:`f(x) = W x + b`.

    Examples:
        >>> Linear().build((1, 8, 8), 10)
        Sequential(
          (0): Flatten(start_dim=1, end_dim=-1)
          (1): Linear(in_features=64, out_features=10, bias=True)
        )
    """

    name: Literal["linear"] = "linear"

    def build(self, features: tuple[int, ...], outputs: int) -> nn.Sequential:
        """Build the model; images are flattened first."""
        flatten = [nn.Flatten()] if len(features) > 1 else []
        return nn.Sequential(*flatten, nn.Linear(math.prod(features), outputs))
