"""Checks of the sizes that a model is built from."""

from __future__ import annotations

import math
from collections.abc import Sequence

from unstuck.errors import ArgumentError

__all__ = ["image", "share", "size", "sizes"]


def size(name: str, value: int) -> None:
    """Refuse what is no positive whole number."""
    if type(value) is not int or value < 1:
        raise ArgumentError(f"{name}={value!r}: a whole number from 1 is accepted")


def sizes(name: str, values: Sequence[int], *, least: int = 0) -> None:
    """Refuse sizes that are not positive whole numbers, or fewer than ``least`` of them."""
    if any(type(value) is not int or value < 1 for value in values):
        raise ArgumentError(f"{name}={list(values)!r}: whole numbers from 1 are accepted, one for each layer")
    if len(values) < least:
        raise ArgumentError(f"{name}={list(values)!r}: at least {least} layer is needed; give its size, such as [16]")


def share(name: str, value: float) -> None:
    """Refuse what is not a share below 1."""
    if not (math.isfinite(value) and 0.0 <= value < 1.0):
        raise ArgumentError(f"{name}={value!r}: a share is accepted, from 0 (none) to below 1")


def image(name: str, features: tuple[int, ...]) -> tuple[int, int, int]:
    """Channels, height and width of an input.

    Raises:
        ArgumentError: It has another shape.
    """
    if len(features) != 3:
        raise ArgumentError(
            f"name={name!r}: needs images of shape (channels, height, width), got examples of shape {features}; "
            "take 'mlp' or 'linear' for a table"
        )
    return features
