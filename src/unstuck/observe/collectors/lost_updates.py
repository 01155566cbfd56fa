"""Do updates arrive? In half precision a step below half a unit in the last place of a weight leaves it as it was."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

__all__ = ["HALVES", "lost_shares"]

HALVES = (torch.float16, torch.bfloat16)


def lost_shares(updates: Mapping[int, tuple[Tensor, Tensor]]) -> tuple[Tensor, dict[int, Tensor]] | None:
    """The share of entries of half-precision weights that have a gradient and that an update leaves as they were.

    Args:
        updates: The change of each weight, and its gradient, of one shape, by the position of the weight.

    Returns:
        The share in all of them, and in each, shape (), NaN where no gradient asks for a step; None where no weight is
        of half precision.

    Examples:
        >>> weight, step = torch.full((4,), 0.5, dtype=torch.bfloat16), 1e-4
        >>> lost_shares({2: (weight - step - weight, torch.ones(4))})
        (tensor(1.), {2: tensor(1.)})
    """
    halves = {i: (change == 0, gradient != 0) for i, (change, gradient) in updates.items() if change.dtype in HALVES}
    if not halves:
        return None
    counts = {i: torch.stack([(still & asked).sum(), asked.sum()]).float() for i, (still, asked) in halves.items()}
    device = next(iter(counts.values())).device
    lost, asked = torch.stack([count.to(device) for count in counts.values()]).sum(dim=0)
    return lost / asked, {i: count[0] / count[1] for i, count in counts.items()}
