"""Are the units of a layer copies of each other?"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from unstuck.observe.tensors.readable import whole_here

__all__ = ["unit_spread"]

MOST_UNITS = 64
"""Units compared; more of them, evenly spread, would not change the answer."""

MOST_WEIGHTS = 256
"""Weights of each unit compared."""


@torch.no_grad()
def unit_spread(parameters: Sequence[Tensor]) -> Tensor | None:
    r"""How far the units of each weight differ from their mean.

    .. math:: s = \min_{\text{axis } a \in \{0, 1\}} \frac{\lVert W - \bar W_a \rVert}{\lVert W \rVert}

    Units are rows in PyTorch's layers, and columns where users write ``x @ W``, so the smaller of both is given. A
    weight that is zero has spread 0. Of a weight that is sharded over processes nothing is said: the units of one part
    may be copies where all together are not.

    Args:
        parameters: The parameters, any shapes.

    Returns:
        One number for each, on the first one's device; NaN for those that are not weights of several units with
        several inputs. None without parameters.
    """
    device = next((parameter.device for parameter in parameters if whole_here(parameter) is not None), None)
    if device is None:
        return None
    spreads = {i: s.to(device) for i, p in enumerate(parameters) if p.dim() > 1 and (s := _spread(p)) is not None}
    known = torch.full((len(parameters),), torch.nan, dtype=torch.float32, device=device)
    if spreads:
        known[list(spreads)] = torch.stack(list(spreads.values()))
    return known


def _spread(parameter: Tensor) -> Tensor | None:
    weights = whole_here(parameter)
    if weights is None or weights.dim() < 2 or not weights.is_floating_point():
        return None
    matrix = weights.reshape(len(weights), -1) if len(weights) else weights.reshape(0, 1)
    if min(matrix.shape) < 2:
        return None
    rows, columns = matrix.shape
    matrix = matrix[:: -(-rows // MOST_UNITS), :: -(-columns // MOST_WEIGHTS)].float()
    size = torch.linalg.vector_norm(matrix)
    spreads = [torch.linalg.vector_norm(matrix - matrix.mean(dim=axis, keepdim=True)) for axis in (0, 1)]
    return torch.minimum(*spreads) / size.clamp_min(torch.finfo(torch.float32).tiny)
