"""Bring numbers of several tensors from their devices, all at once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["fetched"]


def fetched(tensors: Sequence[Tensor]) -> list[list[float]]:
    """The numbers of all tensors, with one synchronisation for each device that they are on.

    Examples:
        >>> fetched([torch.tensor([[1.0, 2.0]]), torch.tensor(3)])
        [[1.0, 2.0], [3.0]]
    """
    numbers: list[list[float]] = [[]] * len(tensors)
    devices: dict[torch.device, list[tuple[int, Tensor]]] = {}
    for position, tensor in enumerate(tensors):
        devices.setdefault(tensor.device, []).append((position, tensor.reshape(-1).double()))
    for there in devices.values():
        values: list[float] = torch.cat([flat for _, flat in there]).tolist()
        start = 0
        for position, flat in there:
            end = start + flat.numel()
            numbers[position] = values[start:end]
            start = end
    return numbers
