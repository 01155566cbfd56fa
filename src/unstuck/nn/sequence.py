"""What models of sequences share: what they read, and how they give their outputs."""

from __future__ import annotations

from typing import final

from torch import Tensor, nn

from unstuck.errors import ArgumentError

__all__ = ["ClassesFirst", "length_of"]


@final
class ClassesFirst(nn.Module):
    """Turn scores of shape (N, T, C) into (N, C, T), where torch's losses look for the classes."""

    def forward(self, scores_NTC: Tensor) -> Tensor:
        """The transposed view."""
        return scores_NTC.transpose(1, 2)


def length_of(name: str, features: tuple[int, ...]) -> int:
    """Symbols of an input of shape (T,).

    Raises:
        ArgumentError: It has another shape.
    """
    if len(features) != 1:
        raise ArgumentError(
            f"name={name!r}: needs sequences of symbols of shape (T,), got examples of shape {features}; "
            "take 'cnn' for images"
        )
    return features[0]
