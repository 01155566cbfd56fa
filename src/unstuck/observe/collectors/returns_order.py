"""Whether the returns of an episode are summed up from its end, as they should be, or from its start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

__all__ = ["growth"]

FEWEST = 12
"""Weights of an episode below which nothing is said."""

MOST = 4_096

CLOSE = 2e-3
"""How far ratios may be apart that are the same, as float32 leaves them."""

MOSTLY = 0.6
"""Share of the ratios that have to be the same."""

SMALL = 1e-4
"""Difference of neighbours over the range of all, below which nothing but rounding is left of it."""


def growth(weights: Sequence[Any]) -> float | None:
    r"""By what the difference of neighbours grows from step to step, where it mostly does so by one factor.

    Of discounted sums :math:`G_t = r + \gamma G_{t + 1}` of equal rewards it grows by :math:`1 / \gamma`, and by
    :math:`\gamma` where they are summed up from the start, :math:`G_t = r + \gamma G_{t - 1}`; whatever is taken off
    them and whatever they are divided by.

    Args:
        weights: One tensor of weights in the order of time, or one number after the other.

    Returns:
        The factor; below 1 only where the weights do not fade towards zero, as those of :math:`\gamma^t G_t` do. Where
        something was taken off them, those of rewards are meant, and not of penalties: they may not fall. None where
        there is no one factor, or it is 1.

    Examples:
        >>> sums = [(1.0 - 0.9**t) / 0.1 for t in range(1, 30)]
        >>> round(growth(sums), 6), round(growth(sums[::-1]), 6)
        (0.9, 1.111111)
        >>> growth([0.9**t for t in range(30)]) is None
        True
    """
    values = _in_order(weights)
    if len(values) < FEWEST or not np.isfinite(values).all() or np.ptp(values) == 0.0:
        return None
    steps = np.diff(values)
    large = np.abs(steps[:-1]) > SMALL * np.ptp(values)
    ratios = steps[1:][large] / steps[:-1][large]
    if len(ratios) < FEWEST - 2:
        return None
    middle = float(np.median(ratios))
    same = float(np.mean(np.abs(ratios - middle) < CLOSE))
    if same < MOSTLY or middle <= 0.0 or abs(middle - 1.0) < CLOSE:
        return None
    one_sided = (values > 0).all() or (values < 0).all()
    fade = abs(values[-1]) < abs(values[0]) if one_sided else values[-1] < values[0]
    return None if middle < 1.0 and fade else middle


def _in_order(weights: Sequence[Any]) -> np.ndarray[Any, Any]:
    if len(weights) == 1 and isinstance(weights[0], Tensor) and weights[0].dim() in (1, 2):
        whole = weights[0].detach()[:MOST]
        return (whole if whole.dim() == 1 else whole[:, 0]).double().cpu().numpy()
    single = all(not isinstance(one, Tensor) or one.numel() == 1 for one in weights)
    return np.array([float(one) for one in weights[:MOST]] if single else [])
