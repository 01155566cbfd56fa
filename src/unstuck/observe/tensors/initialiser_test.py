"""Tell weights that an initialiser has just drawn from weights that something has trained."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from unstuck.observe.tensors.readable import values_here

__all__ = ["looks_fresh"]

VALUES = 65_536
"""Values that are looked at, evenly spread: they tell a variance to within 1%."""

LEAST_UNIFORM = 64
LEAST_NORMAL = 256
"""Values below which a uniform or a normal distribution cannot be recognised."""

ERRORS = 5.0
"""Standard errors within which a moment must agree."""

SHARP = 0.4
"""Deviation from a uniform distribution's variance that is allowed at most: 64 normal values deviate by 0.5."""

MOST_INDEPENDENT = 4_096
"""Rows of a matrix whose columns are tested for correlation."""

MOST_ROWS = 512
"""Rows of a matrix that is tested for orthogonality."""

FAR_OFF = 2.0
"""Factor beyond the deviations of all schemes at which a size is no longer one that training has come to."""

USUAL_DEVIATIONS = (1.0, 0.1, 0.05, 0.02, 0.01)
"""Deviations that are used whatever the shape: of embeddings, and of transformers (Radford et al., 2018)."""


def looks_fresh(weight: Tensor) -> bool | None:
    r"""Whether a weight's values have a distribution that initialisers give, and training destroys.

    Uniform within any bound: training leaves no sharp bounds. Orthogonal rows or columns. Normal, where columns do not
    correlate and rows are of equal size, as far as chance allows; of few values, where that cannot be told, with the
    deviation :math:`g / \sqrt{n}` of a known scheme (LeCun, Glorot, He, by fan in or fan out) or one in common use.

    Args:
        weight: The tensor; one with fewer than two dimensions says nothing. Of one that is sharded over processes, the
            part that is here is looked at.

    Returns:
        None where it cannot be told: a bias, too few values, all equal, no real numbers, values that are elsewhere, or
        a few normal ones of a size that neither schemes nor training give: an initialisation of somebody's own.

    Examples:
        >>> import torch
        >>> torch.manual_seed(0)  # doctest: +ELLIPSIS
        <torch._C.Generator ...>
        >>> looks_fresh(torch.nn.Linear(64, 64).weight), looks_fresh(torch.nn.Linear(64, 64).weight ** 3)
        (True, False)
    """
    if weight.dim() < 2:
        return None
    shape, here = weight.shape, values_here(weight)
    if here is None or here.dim() < 2 or here.numel() < LEAST_UNIFORM or not here.is_floating_point():
        return None
    weight = here
    values = weight.reshape(-1)
    values = values[:: -(-values.numel() // VALUES)].double()
    count = values.numel()
    mean, square, fourth, highest = torch.stack(
        [values.mean(), values.square().mean(), values.square().square().mean(), values.abs().amax()]
    ).tolist()
    if not square > 0 or not math.isfinite(fourth):
        return None
    centred = abs(mean) < ERRORS * math.sqrt(square / count)
    # Of uniform values x within b: E x^2 = b^2 / 3, with relative deviation sqrt(4 / 5).
    if centred and abs(3 * square / highest**2 - 1) < min(ERRORS * math.sqrt(0.8 / count), SHARP):
        return True
    if _orthogonal(weight):
        return True
    if count < LEAST_NORMAL:
        return None
    normal = abs(fourth / square**2 - 3) < ERRORS * math.sqrt(24 / count)
    independent = _independent(weight)
    if independent is not None:
        return centred and normal and independent
    if not (centred and normal):
        return False
    close = ERRORS / math.sqrt(2 * count)
    deviation = math.sqrt(square)
    usual = tuple(_deviations(shape))
    if any(abs(deviation / one - 1) < close for one in usual):
        return True
    return False if min(usual) / FAR_OFF < deviation < max(usual) * FAR_OFF else None


def _deviations(shape: Sequence[int]) -> Iterator[float]:
    yield from USUAL_DEVIATIONS
    field = math.prod(shape[2:])
    fan_out, fan_in = shape[0] * field, shape[1] * field
    for fan in (fan_in, fan_out, (fan_in + fan_out) / 2):
        for gain in (1.0, math.sqrt(2.0), 5 / 3):
            yield gain / math.sqrt(fan)


def _independent(weight: Tensor) -> bool | None:
    r"""Whether normal values depend on each other no more than chance allows; whatever learns makes them depend.

    For n rows of k normal values, the squared correlations of the columns sum up to
    :math:`k (k - 1) / 2n \pm \sqrt{k (k - 1)} / n`, and the mean squares of the rows scatter by :math:`2 / k` with a
    relative error of :math:`\sqrt{(2 + 12 / k) / n}`. None for too few of either to tell.
    """
    matrix = weight.reshape(weight.shape[0], -1).double()
    if matrix.shape[0] < matrix.shape[1]:
        matrix = matrix.T
    matrix = matrix[:MOST_INDEPENDENT, :MOST_ROWS]
    rows, columns = matrix.shape
    if rows < LEAST_UNIFORM or columns < 4:
        return None
    correlations = torch.corrcoef(matrix.T).square().sum() - columns
    pairs = columns * (columns - 1)  # each counted twice
    together = abs(float(correlations) * rows - pairs) < ERRORS * 2 * math.sqrt(pairs)
    energies = matrix.square().mean(dim=1)
    scatter = float(energies.var() / energies.mean().square()) * columns / 2
    alike = abs(scatter - 1) < ERRORS * math.sqrt((2 + 12 / columns) / rows)
    return together and alike


def _orthogonal(weight: Tensor) -> bool:
    matrix = weight.reshape(weight.shape[0], -1).double()
    if matrix.shape[0] > matrix.shape[1]:
        matrix = matrix.T
    if not 4 <= matrix.shape[0] <= MOST_ROWS:
        return False
    gram = matrix @ matrix.T
    diagonal = gram.diagonal()
    return bool((gram - torch.diag(diagonal)).abs().amax() < 1e-3 * diagonal.abs().amin())
