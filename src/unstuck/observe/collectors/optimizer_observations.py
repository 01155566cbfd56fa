"""Optimizers that measure their own steps, as those of :mod:`unstuck.optim` do: then nothing needs to be copied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unstuck.observe.tensors.readable import whole_here

__all__ = ["Observing", "SeenStep", "observed_columns"]

Floats = NDArray[np.float64]


class SeenStep(Protocol):
    """One step as the optimizer saw it, over its parameters in the order of its groups; NaN where not measured.

    :class:`unstuck.optim.Observations` is one. It is not imported, for it compiles kernels, and most programs that are
    watched use torch's own optimizers.
    """

    gradient_norm: Floats
    gradient_max: Floats
    zeros: Floats
    weight_norm: Floats
    update_norm: Floats
    update_gradient_cosine: Floats
    sizes: NDArray[np.int64]
    skipped: NDArray[np.bool_]


class Observing(Protocol):
    """An optimizer that observes itself."""

    param_groups: list[dict[str, Any]]

    def observations(self) -> SeenStep:
        """What it saw during its latest step."""
        ...


def observed_columns(optimizer: Observing, parameters: Sequence[Tensor]) -> list[Tensor] | None:
    """What the optimizer measured, arranged by the parameters of the run.

    Args:
        optimizer: The optimizer, after its step.
        parameters: The parameters, in the order of their names in the run.

    Returns:
        Norm, greatest value and share of zeros of the gradient, norms of weights and update, and their cosine, each of
        shape (parameters,); None where its engine did not measure.
    """
    seen = optimizer.observations()
    taken = ~seen.skipped
    if not taken.any() or np.isnan(seen.update_norm[taken]).all():
        return None
    held = [id(parameter) for group in optimizer.param_groups for parameter in group["params"]]
    row = {key: position for position, key in enumerate(held)}
    order = [row.get(id(parameter)) for parameter in parameters]
    shares = seen.zeros / np.maximum(seen.sizes, 1)
    measured = (
        seen.gradient_norm,
        seen.gradient_max,
        shares,
        seen.weight_norm,
        seen.update_norm,
        seen.update_gradient_cosine,
    )
    columns: list[Tensor] = []
    for values in measured:
        column = [np.nan if i is None or seen.skipped[i] else float(values[i]) for i in order]
        columns.append(torch.tensor(column, dtype=torch.float64))
    for position, i in enumerate(order):
        if i is None or seen.skipped[i]:
            weight = whole_here(parameters[position])
            columns[3][position] = torch.nan if weight is None else torch.linalg.vector_norm(weight.float())
            columns[4][position] = 0.0 if parameters[position].requires_grad else torch.nan
    return columns
