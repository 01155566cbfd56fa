"""The trace of a matrix that is known by its products with vectors."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from unstuck.curvature.landscape import Product

__all__ = ["Trace", "trace"]


@dataclass(frozen=True, kw_only=True)
class Trace:
    """The sum of all eigenvalues.

    Attributes:
        value: The estimate.
        error: Its standard error; 0 where it is exact.
        probes: Products that it took.
    """

    value: float
    error: float
    probes: int


def trace(product: Product, size: int, *, probes: int, seed: int = 0) -> Trace:
    r"""Estimate the trace by products with random signs.

    .. math:: \operatorname{tr} H = E[z^T H z], \qquad z_i = \pm 1

    The estimate has no bias, and its standard error comes from the spread over the probes. Where there are no more
    weights than probes, unit vectors give the trace itself.

    Args:
        product: The matrix times a vector.
        size: Rows of the matrix.
        probes: Products, from 2.
        seed: Seed of the signs.

    Source: Hutchinson (1990), "A stochastic estimator of the trace of the influence matrix".

    Examples:
        >>> trace(lambda v: torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64) * v, 3, probes=8)
        Trace(value=7.0, error=0.0, probes=3)
    """
    if size <= probes:
        eye = torch.eye(size, dtype=torch.float64)
        return Trace(value=sum(float(row @ product(row)) for row in eye), error=0.0, probes=size)
    generator = torch.Generator().manual_seed(seed)
    found: list[float] = []
    for _ in range(probes):
        signs = torch.randint(0, 2, (size,), generator=generator).double() * 2.0 - 1.0
        found.append(float(signs @ product(signs)))
    values = torch.tensor(found, dtype=torch.float64)
    return Trace(value=float(values.mean()), error=float(values.std() / probes**0.5), probes=probes)
