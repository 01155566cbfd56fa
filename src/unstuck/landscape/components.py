"""The first principal components of a path through the space of weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unstuck.errors import ArgumentError

__all__ = ["Components", "components"]

Floats = NDArray[np.float64]
NONE_LEFT = 1e-12
"""Share of the variance below which a component is rounding."""


@dataclass(frozen=True, kw_only=True)
class Components:
    """The plane through the end of a path in the directions in which the path varies most.

    Attributes:
        directions: Two rows of length 1, shape (2, N).
        explained: The share of the path's variance along each.
        coordinates: Each point of the path, seen from its end, shape (K, 2).
        off: How far each lies from the plane, shape (K,).
        length: Of the way from the first point to the last.
    """

    directions: Tensor
    explained: tuple[float, float]
    coordinates: Floats
    off: Floats
    length: float


def components(path: Sequence[Tensor]) -> Components:
    r"""Find the first two principal components of the points of a path.

    With :math:`c_k = w_k - \bar w` the variance along a direction :math:`v` is :math:`\frac1K \sum_k (c_k^T v)^2`. As
    there are fewer points than weights, eigenvectors of the :math:`K \times K` matrix :math:`c_k^T c_l` give the
    directions. Each points so that the path goes to the right, and then upwards.

    Args:
        path: The weights at each point, in one row each; the last is the end.

    Raises:
        ArgumentError: The points are identical, or all on one line.

    Source: Li et al., "Visualizing the loss landscape of neural nets" (2018), section 7.

    Example:
        >>> found = components([torch.tensor([0.0, 0, 0]), torch.tensor([2.0, 1, 0]), torch.tensor([4.0, 0, 0])])
        >>> found.coordinates.round(6).tolist(), [round(share, 3) for share in found.explained]
        ([[-4.0, 0.0], [-2.0, 1.0], [0.0, 0.0]], [0.923, 0.077])
    """
    points = torch.stack([point.double() for point in path])
    centred = points - points.mean(dim=0)
    values, vectors = torch.linalg.eigh(centred @ centred.T)
    values, vectors = values.flip(0).clamp(min=0.0), vectors.flip(1)
    total = float(values.sum())
    if total <= NONE_LEFT * float(points.square().sum()) * NONE_LEFT:
        raise ArgumentError(
            "path: all its points are identical, so that no plane goes through them; was anything trained?"
        )
    if len(path) < 3 or float(values[1]) <= NONE_LEFT * total:
        raise ArgumentError(
            "path: its points lie on one line, so that it has one direction only; look along the line, or give points "
            "beside it"
        )
    directions = (vectors[:, :2].T @ centred) / values[:2].sqrt()[:, None]
    apart = points - points[-1]
    coordinates = apart @ directions.T
    signs = torch.stack([_sign(-coordinates[0, 0]), _sign(coordinates[int(coordinates[:, 1].abs().argmax()), 1])])
    directions, coordinates = directions * signs[:, None], coordinates * signs
    off = (apart - coordinates @ directions).norm(dim=1)
    return Components(
        directions=directions,
        explained=(float(values[0]) / total, float(values[1]) / total),
        coordinates=coordinates.cpu().numpy(),
        off=off.cpu().numpy(),
        length=float(apart[0].norm()),
    )


def _sign(value: Tensor) -> Tensor:
    return torch.where(value < 0, -1.0, 1.0).to(value)
