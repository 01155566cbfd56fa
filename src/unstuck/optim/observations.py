"""What an optimizer saw during a step: norms and products of weights, gradients and updates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from unstuck.optim.sums import Sum

__all__ = ["Observations"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Observations:
    """One step, as arrays over all parameter tensors in the order of the optimizer's groups.

    ``w`` is a weight tensor before the step, ``g`` its gradient as found in ``.grad``, ``dw`` the change that the step
    made, ``m`` the method's running average of earlier gradients. NaN means not measured: the parameter was skipped,
    the method keeps no such average, or the plain formula served it without ``observe=True``.

    Attributes:
        step: How many steps the optimizer has taken, this one included.
        names: Name of each parameter: its own where the optimizer was given ``named_parameters()``, else
            ``"group.position"``.
        sizes: Number of entries of each parameter.
        skipped: True where ``.grad`` was None: the loss never reached the parameter.
        sums: Table of ``len(names)`` rows and one column for each ``sums.Sum``.

    Example:
        >>> import torch
        >>> from unstuck.optim import SGD
        >>> w = torch.nn.Parameter(torch.tensor([3.0, 4.0]))
        >>> w.grad = torch.tensor([0.0, 2.0])
        >>> optimizer = SGD([w], lr=0.1)
        >>> optimizer.step()
        >>> seen = optimizer.observations()
        >>> float(seen.weight_norm[0]), float(seen.gradient_norm[0]), float(seen.zeros[0])
        (5.0, 2.0, 1.0)
        >>> round(float(seen.update_ratio[0]), 3)
        0.04
    """

    step: int
    names: tuple[str, ...]
    sizes: npt.NDArray[np.int64]
    skipped: npt.NDArray[np.bool_]
    sums: Floats

    def _column(self, which: Sum) -> Floats:
        return self.sums[:, which]

    @property
    def weight_norm(self) -> Floats:
        """Euclidean norm of w."""
        return np.sqrt(self._column(Sum.WEIGHT_SQ))

    @property
    def gradient_norm(self) -> Floats:
        """Euclidean norm of g."""
        return np.sqrt(self._column(Sum.GRADIENT_SQ))

    @property
    def update_norm(self) -> Floats:
        """Euclidean norm of dw."""
        return np.sqrt(self._column(Sum.UPDATE_SQ))

    @property
    def update_ratio(self) -> Floats:
        """Norm of dw over norm of w; about 1e-3 is usual (CS231n, "Neural networks part 3"). NaN for zero weights."""
        return _ratio(self.update_norm, self.weight_norm)

    @property
    def gradient_dot_update(self) -> Floats:
        """G . dw: the change of the loss to first order; negative where the step descends."""
        return self._column(Sum.GRADIENT_UPDATE)

    @property
    def update_gradient_cosine(self) -> Floats:
        """Cosine of the angle between g and dw; -1 for plain gradient descent."""
        return _ratio(self.gradient_dot_update, self.update_norm * self.gradient_norm)

    @property
    def gradient_dot_average(self) -> Floats:
        """G . m: positive while gradients keep their direction, negative when they turn around.

        It stands in for the product with the previous gradient alone, which no method here keeps: that would take a
        buffer more, and memory traffic for it in every step.
        """
        return self._column(Sum.GRADIENT_AVERAGE)

    @property
    def gradient_average_cosine(self) -> Floats:
        """Cosine of the angle between g and m, the average of the gradients before it."""
        return _ratio(self.gradient_dot_average, self.gradient_norm * np.sqrt(self._column(Sum.AVERAGE_SQ)))

    @property
    def gradient_max(self) -> Floats:
        r"""Largest \\|g\\|; infinite or NaN where g is."""
        return self._column(Sum.GRADIENT_MAX)

    @property
    def non_finite(self) -> Floats:
        """How many entries of g are infinite or NaN."""
        return self._column(Sum.NON_FINITE)

    @property
    def zeros(self) -> Floats:
        """How many entries of g are exactly zero."""
        return self._column(Sum.ZEROS)

    def by_name(self, quantity: str) -> dict[str, float]:
        """One of the quantities above as a dict, such as ``by_name("update_ratio")``."""
        values: Any = getattr(self, quantity)
        return {name: float(value) for name, value in zip(self.names, values, strict=True)}


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(denominator > 0, numerator / denominator, np.nan)
