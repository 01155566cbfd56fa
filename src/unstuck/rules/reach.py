"""What the activation behind the last layer lets through, and what it is called."""

from __future__ import annotations

import math

from unstuck.record.facts import OutputReach

__all__ = ["SIMILARITY", "bounds_of", "name_of"]

SIMILARITY = "CosineSimilarity"
"""What says how alike two vectors are: it is a measure, not an activation that could be left out."""

NAMES = {
    **{name: name.upper() for name in ("Celu", "Elu", "Gelu")},
    "Silu": "SiLU",
    "LeakyRelu": "leaky ReLU",
    SIMILARITY: "cosine similarity",
    "LogSigmoid": "log-sigmoid",
    "LogSoftmax": "log-softmax",
}
"""Activations that are not known by the small letters of what autograd calls them."""


def bounds_of(reach: OutputReach) -> tuple[float, float]:
    """What can be given at least and at most, infinite where that has no bound.

    Examples:
        >>> bounds_of(OutputReach(operation="Relu", lowest=0.0))
        (0.0, inf)
    """
    return (
        -math.inf if reach.lowest is None else reach.lowest,
        math.inf if reach.highest is None else reach.highest,
    )


def name_of(reach: OutputReach) -> str:
    """The activation, as users call it."""
    return NAMES.get(reach.operation, reach.operation.lower())
