"""How the gradient fares on its way through the depth of a model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from unstuck.record import Run, signals
from unstuck.rules.wires import Wires

__all__ = ["Flow"]

EARLY = 16
"""Sampled steps over which the flow is taken: later, what was learnt hides how it began."""


FEWEST = 3
"""Weights in a row from which depth can be told from the difference of two layers."""


@dataclass(frozen=True)
class Flow:
    r"""The elasticity of the loss in each weight, from the data to the loss.

    .. math:: e_l = \lVert g_l \rVert \, \lVert w_l \rVert, \text{ the median over the first sampled steps}

    It does not depend on the unit of a weight: halving one layer and doubling the next changes no e. In a linear chain
    all layers have about the same.

    Attributes:
        names: The weights, the first layer's first.
        elasticities: One number for each, shape (L,).
    """

    names: tuple[str, ...]
    elasticities: NDArray[np.float64]

    @classmethod
    def of(cls, run: Run, steps: int = EARLY) -> Flow | None:
        """The flow of a run; None for fewer than three weights in the graph, or without their gradients.

        Args:
            run: The training.
            steps: Sampled steps that it is taken over, the first ones.
        """
        wires = Wires.of(run)
        gradients, weights = run.table(signals.GRADIENT_NORM), run.table(signals.WEIGHT_NORM)
        if wires is None or not len(gradients) or not len(weights):
            return None
        names = [wire.parameter for wire in wires.chain if wire.parameter in gradients.names]
        _, rows, others = np.intersect1d(gradients.steps, weights.steps, return_indices=True)
        if len(names) < FEWEST or not len(rows):
            return None
        columns = [gradients.names.index(name) for name in names]
        products = gradients.values[rows][:steps, columns] * weights.values[others][:steps, columns]
        keep = [column for column in range(len(names)) if np.isfinite(products[:, column]).any()]
        if len(keep) < FEWEST:
            return None
        medians = np.nanmedian(np.where(np.isfinite(products), products, np.nan)[:, keep], axis=0)
        return cls(tuple(names[column] for column in keep), medians)

    @cached_property
    def fading(self) -> float:
        """Elasticity of the first weight over that of the last; infinite where the last has none."""
        first, last = float(self.elasticities[0]), float(self.elasticities[-1])
        return first / last if last > 0 else float("inf")

    def in_words(self) -> str:
        """The elasticities in a line."""
        return ", ".join(f"{value:.2g}" for value in self.elasticities[:8])
