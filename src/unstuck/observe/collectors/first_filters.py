"""The weights of the first layer, for a picture of what its units look for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from unstuck.observe.tensors.readable import whole_here
from unstuck.observe.user_code.model_roots import Roots

__all__ = ["first_filters"]

MOST_FILTERS = 64
"""Units of the first layer whose weights are kept as images."""

MOST_FILTER_VALUES = 65_536


def first_filters(roots: Roots) -> NDArray[np.float32] | None:
    """Weights of the first layer, of shape (units, ...); None where there is no such layer, or it is sharded."""
    for module in roots.leaves():
        weight: Any = getattr(module, "weight", None)
        weight = whole_here(weight) if isinstance(weight, Tensor) else None
        if weight is None or not weight.is_floating_point():
            continue
        if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d):
            kept = weight[:MOST_FILTERS]
            if not kept.numel():
                return None
            return kept[: max(1, MOST_FILTER_VALUES // kept[0].numel())].float().cpu().numpy()
    return None
