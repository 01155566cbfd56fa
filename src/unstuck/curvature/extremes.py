"""The largest and the smallest eigenvalues of a symmetric matrix that is known by its products with vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unstuck.curvature.landscape import Product
from unstuck.optional import require
from unstuck.second_order import lanczos

__all__ = ["SINGLE_TOLERANCE", "TOLERANCE", "Eigenpair", "Extremes", "extremes"]

DENSE = 32
"""Weights up to which all products are made: then all eigenvalues are known, and Lanczos's method saves nothing."""
RESTARTS = 15
"""Restarts of ARPACK, of some 15 products each, after which what is there is taken with its residual."""
KRYLOV = 80
"""Products of a plain Lanczos run, for what ARPACK has not found by then."""
TOLERANCE = 1e-9
"""Residual over the size of the spectrum at which an eigenvalue is found; its own error is the square of that."""
SINGLE_TOLERANCE = 1e-5
"""The same where products are made in single precision."""


@dataclass(frozen=True, kw_only=True)
class Eigenpair:
    r"""An eigenvalue with its eigenvector.

    Attributes:
        value: The Rayleigh quotient :math:`v^T H v`.
        residual: :math:`\|H v - \lambda v\|`: an eigenvalue of H lies no further than this from ``value``.
        vector: The vector v, of length 1.
    """

    value: float
    residual: float
    vector: Tensor


@dataclass(frozen=True, kw_only=True)
class Extremes:
    """Both ends of a spectrum.

    Attributes:
        largest: The largest eigenvalues, descending.
        smallest: The smallest eigenvalues, ascending.
        all_known: Whether these are all that there are.
    """

    largest: tuple[Eigenpair, ...]
    smallest: tuple[Eigenpair, ...]
    all_known: bool = False


def extremes(product: Product, size: int, *, count: int, tolerance: float = TOLERANCE, seed: int = 0) -> Extremes:
    r"""Find both ends by Lanczos's method with implicit restarts (ARPACK).

    The smallest are found as the largest of :math:`\lambda_1 I - H`, so that one near zero is found to the precision of
    the whole spectrum, which is all that products have.

    Args:
        product: The matrix times a vector.
        size: Rows of the matrix.
        count: Eigenvalues of each end.
        tolerance: Residual over the size of the spectrum at which an eigenvalue is found.
        seed: Seed of the first vector.

    Raises:
        MissingPackageError: scipy is not installed.

    Source: Lehoucq, Sorensen and Yang (1998), "ARPACK users' guide".

    Examples:
        >>> matrix = torch.diag(torch.arange(-3.0, 97.0, dtype=torch.float64))
        >>> found = extremes(lambda v: matrix @ v, 100, count=1)
        >>> round(found.largest[0].value, 6), round(found.smallest[0].value, 6)
        (96.0, -3.0)
    """
    require("scipy.sparse.linalg", extra="train", purpose="eigenvalues of the Hessian")
    count = min(count, size)
    if size <= DENSE:
        return _all(product, size, count)
    start = torch.randn(size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    if not bool(product(start).any()):
        zero = Eigenpair(value=0.0, residual=0.0, vector=start / start.norm())
        return Extremes(largest=(zero,) * count, smallest=(zero,) * count)
    largest = _largest(product, start, count, tolerance)
    top = max(largest[0].value, 0.0)
    turned = _largest(lambda v: top * v - product(v), start, count, tolerance)
    smallest = tuple(Eigenpair(value=top - p.value, residual=p.residual, vector=p.vector) for p in turned)
    return Extremes(largest=largest, smallest=smallest)


def _all(product: Product, size: int, count: int) -> Extremes:
    matrix = torch.stack([product(row) for row in torch.eye(size, dtype=torch.float64)])
    values, vectors = torch.linalg.eigh((matrix + matrix.T) / 2.0)
    residuals = (matrix @ vectors - vectors * values).norm(dim=0)
    pairs = [Eigenpair(value=float(values[k]), residual=float(residuals[k]), vector=vectors[:, k]) for k in range(size)]
    return Extremes(largest=tuple(pairs[::-1][:count]), smallest=tuple(pairs[:count]), all_known=count == size)


def _largest(product: Product, start: Tensor, count: int, tolerance: float) -> tuple[Eigenpair, ...]:
    """The largest eigenvalues, descending; those that ARPACK does not find are the Ritz values of a plain run."""
    linalg: Any = require("scipy.sparse.linalg", extra="train", purpose="eigenvalues of the Hessian")
    size = start.numel()

    def matvec(vector: NDArray[np.float64]) -> NDArray[np.float64]:
        return product(torch.from_numpy(np.array(vector, dtype=np.float64).reshape(-1)).to(start.device)).cpu().numpy()

    operator = linalg.LinearOperator((size, size), matvec=matvec, dtype=np.float64)
    try:
        _, found = linalg.eigsh(operator, k=count, which="LA", v0=start.cpu().numpy(), tol=tolerance, maxiter=RESTARTS)
        vectors = torch.from_numpy(found)
    except linalg.ArpackError:
        vectors = lanczos(product, start, rounds=min(KRYLOV, size), rounding=tolerance).vectors()[:, -count:].cpu()
    pairs = [_pair(product, vectors[:, k].to(start.device)) for k in range(vectors.shape[1])]
    return tuple(sorted(pairs, key=lambda pair: -pair.value))


def _pair(product: Product, vector: Tensor) -> Eigenpair:
    vector = vector / vector.norm()
    image = product(vector)
    value = float(vector @ image)
    return Eigenpair(value=value, residual=float((image - value * vector).norm()), vector=vector)
