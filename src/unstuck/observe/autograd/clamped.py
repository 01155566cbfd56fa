"""Outputs that are clamped into 0 to 1, where something that needs probabilities is about to use them."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from unstuck.observe.autograd.graph import TRANSPARENT, operation, saved
from unstuck.observe.tensors.readable import is_readable

__all__ = ["clamped_off"]

ROUNDING = 1e-3
"""How far probabilities may lie outside of 0 to 1 because they were computed in few digits."""


def clamped_off(node: Any) -> Tensor | None:
    """The share of values outside of 0 to 1 among those that are clamped for a logarithm, a one-element tensor.

    Args:
        node: The node of the clamp, or of the logarithm that is taken of its result; None for a leaf.

    Returns:
        The share, on the device of the values; None where there is no such clamp, or its values are gone.

    Examples:
        >>> import torch
        >>> scores = torch.tensor([-2.0, 0.5, 0.7, 3.0], requires_grad=True)
        >>> float(clamped_off(scores.clamp(1e-7, 1 - 1e-7).log().grad_fn))
        0.5
        >>> float(clamped_off(scores.softmax(0).clamp(1e-7, 1 - 1e-7).grad_fn))
        0.0
    """
    node = _behind_moves(node)
    if node is not None and operation(node) == "Log":
        node = _behind_moves(node.next_functions[0][0])
    if node is None or operation(node) not in ("Clamp", "ClampMin"):
        return None
    least = getattr(node, "_saved_min", None)
    if least is None or (isinstance(least, int | float) and least < 0.0):
        return None  # no clamp for a logarithm: as of the scores of torch.distributions, which may be minus infinity
    values = saved(node, "_saved_self")
    if not isinstance(values, Tensor) or not is_readable(values) or not values.numel():
        return None
    values = values.detach()
    return ((values < -ROUNDING) | (values > 1 + ROUNDING)).float().mean()


def _behind_moves(node: Any) -> Any:
    while node is not None and operation(node) in TRANSPARENT and node.next_functions:
        node = node.next_functions[0][0]
    return node
