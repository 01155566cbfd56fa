"""How the eigenvalues of a matrix are spread, when only its products with vectors are known."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from unstuck.curvature.landscape import Product
from unstuck.second_order import lanczos

__all__ = ["Density", "density"]


@dataclass(frozen=True, kw_only=True)
class Density:
    """A spectrum as points with weights.

    Attributes:
        values: Ritz values of all probes, ascending.
        weights: The share of the spectrum that each stands for; they sum to 1.
        probes: Random vectors.
    """

    values: tuple[float, ...]
    weights: tuple[float, ...]
    probes: int

    def share(self, low: float = -math.inf, high: float = math.inf) -> float:
        """The share of the eigenvalues from ``low`` up to, and without, ``high``."""
        return sum(w for v, w in zip(self.values, self.weights, strict=True) if low <= v < high)

    def at(self, value: float, width: float) -> float:
        r"""The density, smoothed by a Gaussian of a width: :math:`\sum_k w_k N(\lambda; \theta_k, \sigma^2)`."""
        scale = 1.0 / (width * math.sqrt(2.0 * math.pi))
        return sum(
            w * scale * math.exp(-0.5 * ((value - v) / width) ** 2)
            for v, w in zip(self.values, self.weights, strict=True)
        )


def density(product: Product, size: int, *, probes: int, rounds: int = 40, seed: int = 0) -> Density:
    r"""Estimate the spectral density by stochastic Lanczos quadrature.

    .. math:: \phi(\lambda) = \frac1n \sum_i \delta(\lambda - \lambda_i)
        \approx \frac1m \sum_{k=1}^m \sum_j \tau_{kj}^2\, \delta(\lambda - \theta_{kj})

    with the Ritz values :math:`\theta` of a Lanczos run from a random vector, and the first entries :math:`\tau` of the
    eigenvectors of its tridiagonal matrix.

    Args:
        product: The matrix times a vector.
        size: Rows of the matrix.
        probes: Random vectors.
        rounds: Products for each.
        seed: Seed of the vectors.

    Source: Ghorbani, Krishnan and Xiao (2019), "An investigation into neural net optimization via Hessian eigenvalue
    density", algorithm 2.

    Examples:
        >>> diagonal = torch.tensor([-1.0] * 20 + [3.0] * 60, dtype=torch.float64)
        >>> found = density(lambda v: diagonal * v, 80, probes=30)
        >>> abs(found.share(high=0.0) - 0.25) < 0.05
        True
    """
    generator = torch.Generator().manual_seed(seed)
    points: list[tuple[float, float]] = []
    for _ in range(probes):
        start = torch.randn(size, generator=generator, dtype=torch.float64)
        found = lanczos(product, start, rounds=rounds, rounding=1e-10)
        points += [(v, w / probes) for v, w in zip(found.values.tolist(), found.weights.tolist(), strict=True)]
    points.sort()
    return Density(values=tuple(v for v, _ in points), weights=tuple(w for _, w in points), probes=probes)
