"""How many directions the activations of a layer vary in, from a few positions of the batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["FEWEST_UNITS", "ROWS", "effective_ranks", "rows_of"]

ROWS = 64
"""Positions that are looked at, so that no rank is above 63: enough to see a collapse."""

FEWEST = 8

FEWEST_UNITS = 17
"""Layers up to 16 wide are read unit by unit."""

COLUMNS = 1024
"""Units that are looked at, evenly spread."""


def rows_of(activations: Tensor) -> Tensor | None:
    """A few positions with their units, shape (rows, units), float32; None of what is no matrix, or a narrow one.

    Of images, four axes or more, the second counts units; of everything else the last.

    Examples:
        >>> rows_of(torch.zeros(4, 100, 32)).shape, rows_of(torch.zeros(40, 8)), rows_of(torch.zeros(32))
        (torch.Size([58, 32]), None, None)
    """
    if activations.dim() < 2:
        return None
    units = activations.movedim(1, -1) if activations.dim() > 3 else activations
    width = units.shape[-1]
    count = units.numel() // width
    if count < FEWEST or width < FEWEST_UNITS:
        return None
    stride = -(-count // ROWS) | 1  # odd, so that it does not meet the same places of every example
    return units.reshape(count, width)[::stride, :: -(-width // COLUMNS)].float()


def effective_ranks(rows: Sequence[Tensor]) -> Tensor:
    r"""The participation ratio of the principal components of each layer, shape (layers,).

    .. math::
        \frac{(\mathrm{tr}\, C)^2}{\mathrm{tr}\, C^2} = \frac{(\sum_i \lambda_i)^2}{\sum_i \lambda_i^2}

    with the eigenvalues of the covariance C: 1 where all activations lie on one line, as many as there are units where
    these vary alike and apart. The exponential of the second Renyi entropy of their shares; no eigenvalue is computed.
    NaN where nothing varies.

    Source: Roy and Vetterli, "The effective rank", EUSIPCO 2007, with Renyi's entropy in place of Shannon's.

    Args:
        rows: Of each layer what :func:`rows_of` gives.

    Examples:
        >>> line = torch.arange(16.0)[:, None] * torch.ones(1, 4)
        >>> effective_ranks([line, torch.cat([torch.eye(8), -torch.eye(8)])])
        tensor([1., 8.])
    """
    groups: dict[torch.Size, list[int]] = {}
    for number, one in enumerate(rows):
        groups.setdefault(one.shape, []).append(number)
    found: list[Tensor] = [torch.empty(0)] * len(rows)
    for numbers in groups.values():
        stack = torch.stack([rows[number] for number in numbers])
        centred = stack - stack.mean(dim=1, keepdim=True)
        products = centred @ centred.mT
        trace = products.diagonal(dim1=1, dim2=2).sum(dim=1)
        ranks = trace.square() / products.square().sum(dim=(1, 2))
        for number, rank in zip(numbers, ranks.unbind(), strict=True):
            found[number] = rank
    return torch.stack([rank.to(found[0].device) for rank in found])
