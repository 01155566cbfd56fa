"""Do updates arrive? In half precision a step below half a unit in the last place of a weight leaves it as it was."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

__all__ = ["HALVES", "lost_share"]

HALVES = (torch.float16, torch.bfloat16)


def lost_share(updates: Iterable[tuple[Tensor, Tensor]]) -> Tensor | None:
    """The share of entries of half-precision weights that have a gradient and that an update leaves as they were.

    Args:
        updates: The change of each weight, and its gradient, of one shape.

    Returns:
        The share, shape (), NaN where no gradient asks for a step; None where no weight is of half precision.

    Examples:
        >>> weight, step = torch.full((4,), 0.5, dtype=torch.bfloat16), 1e-4
        >>> lost_share([(weight - step - weight, torch.ones(4))])
        tensor(1.)
    """
    halves = [(change == 0, gradient != 0) for change, gradient in updates if change.dtype in HALVES]
    if not halves:
        return None
    device = halves[0][0].device
    lost = torch.stack([(still & asked).sum().to(device) for still, asked in halves]).sum()
    return lost / torch.stack([asked.sum().to(device) for _, asked in halves]).sum()
