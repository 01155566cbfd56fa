"""Lanczos's method: a few products with a symmetric matrix give a small one, whose eigenvalues lie in its spectrum."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["SINGLE_ROUNDING", "Krylov", "lanczos"]

SINGLE_ROUNDING = 1e-6
"""Share of the curvature that single precision leaves of nothing."""


class Krylov(NamedTuple):
    """What the rounds found.

    Attributes:
        values: Ritz values, ascending: eigenvalues of the tridiagonal matrix, within the spectrum of the large one.
        weights: The square of the first entry of each of its eigenvectors; they sum to 1, and are the weights of
            Gauss's quadrature.
        vectors: Ritz vectors, one a column, in the space of the large matrix.
    """

    values: Tensor
    weights: Tensor
    vectors: Callable[[], Tensor]


def lanczos(
    product: Callable[[Tensor], Tensor], start: Tensor, *, rounds: int, rounding: float = SINGLE_ROUNDING
) -> Krylov:
    r"""Build an orthonormal basis in which the matrix is tridiagonal.

    .. math:: H q_k = \beta_{k-1} q_{k-1} + \alpha_k q_k + \beta_k q_{k+1}

    Each new vector is made orthogonal to all earlier ones, twice, so that no eigenvalue is found more than once.

    Args:
        product: The matrix times a vector, in double precision.
        start: Where to begin; any vector but zero.
        rounds: Products at most.
        rounding: Share of the largest curvature below which what is left of a vector is rounding.

    Source: Golub and Van Loan, "Matrix Computations", 4th ed., section 10.3.

    Examples:
        >>> matrix = torch.diag(torch.tensor([-2.0, 1.0, 5.0], dtype=torch.float64))
        >>> lanczos(lambda v: matrix @ v, torch.ones(3), rounds=3).values.tolist()
        [-2.0, 1.0, 5.0]
    """
    vector = start.double() / start.double().norm()
    basis: list[Tensor] = []
    diagonal: list[float] = []
    beside: list[float] = []
    for _ in range(min(rounds, start.numel())):
        basis.append(vector)
        product_ = product(vector)
        diagonal.append(float(vector @ product_))
        for _ in range(2):  # twice is enough to keep the basis orthogonal
            for earlier in basis:
                product_ = product_ - (earlier @ product_) * earlier
        norm = float(product_.norm())
        if not math.isfinite(norm) or norm <= rounding * max(map(abs, diagonal)):
            break
        beside.append(norm)
        vector = product_ / norm
    matrix = torch.diag(torch.tensor(diagonal, dtype=torch.float64))
    for row, norm in enumerate(beside[: len(diagonal) - 1]):
        matrix[row, row + 1] = matrix[row + 1, row] = norm
    values, vectors = torch.linalg.eigh(matrix)
    return Krylov(values, vectors[0] ** 2, lambda: torch.stack(basis, dim=1) @ vectors.to(start.device))
