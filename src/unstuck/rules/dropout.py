"""How much of a model is dropped while it trains."""

from __future__ import annotations

import re

from unstuck.record import Run
from unstuck.record.facts import Layer, Model, Modes

__all__ = ["strongest_dropout"]

PROBABILITY = re.compile(r"\bp=([0-9.e-]+)")


def strongest_dropout(run: Run) -> tuple[float, Layer] | None:
    """The greatest probability of the dropout layers that are active in training, and its layer; None without any."""
    model = run.fact(Model)
    active = any(fact.dropouts_training for fact in run.facts(Modes) if fact.phase == "training")
    if model is None or not active:
        return None
    found = [(_probability(layer), layer) for layer in model.layers if "Dropout" in layer.type]
    return max(found, key=lambda pair: pair[0], default=None)


def _probability(layer: Layer) -> float:
    found = PROBABILITY.search(layer.description)
    return float(found.group(1)) if found else 0.0
