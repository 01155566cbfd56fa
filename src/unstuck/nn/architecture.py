"""What an architecture is."""

from __future__ import annotations

from abc import ABC, abstractmethod

from pydantic import ConfigDict
from torch import nn

__all__ = ["Architecture"]


class Architecture(ABC):
    """The sizes of a model, without those that the data decide.

    A subclass is a final frozen dataclass whose field ``name`` holds its name in recipes.
    """

    # How a recipe's table becomes one: no key that it does not have, no value of another type.
    __pydantic_config__ = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    @abstractmethod
    def build(self, features: tuple[int, ...], outputs: int) -> nn.Sequential:
        """Build the model with fresh weights, drawn from the global random state.

        Args:
            features: Shape of one input: (F,), or (C, H, W) for images.
            outputs: Numbers that it gives for an example.

        Raises:
            ArgumentError: The sizes do not fit each other or the input.
        """
