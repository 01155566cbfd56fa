"""What is tried for a key of which no values are given."""

from __future__ import annotations

from unstuck.errors import ArgumentError
from unstuck.sweep.axis import Axis, Range
from unstuck.sweep.values import EXAMPLE

__all__ = ["PRESETS", "preset"]

PRESETS: dict[str, Axis] = {
    axis.key: axis
    for axis in (
        # From 0.01, times and divided by ten for as long as the best is at the end.
        Axis(key="optimizer.lr", range=Range(low=1e-3, high=1e-1, log=True, open=True)),
        # None first, then 1, and from there by tens (Nielsen, "Neural networks and deep learning", chapter 3).
        Axis(key="optimizer.weight_decay", values=(0.0,), range=Range(low=1e-1, high=10.0, log=True, open=True)),
        Axis(key="train.l1", values=(0.0,), range=Range(low=1e-5, high=1e-3, log=True, open=True)),
        Axis(key="train.l2", values=(0.0,), range=Range(low=1e-5, high=1e-3, log=True, open=True)),
        Axis(key="optimizer.momentum", values=(0.5, 0.9, 0.95, 0.99)),
        Axis(key="train.batch_size", values=(8, 32, 128, 512)),
        Axis(key="model.dropout", range=Range(low=0.0, high=0.6, log=False)),
        Axis(key="init.weights", values=("torch", "auto", "lecun", "xavier", "he")),
        Axis(key="model.hidden", values=([32], [128], [512], [128, 128])),
        Axis(key="model.activation", values=("relu", "leaky-relu", "tanh", "gelu")),
        Axis(key="model.name", values=("linear", "mlp", "cnn")),
        Axis(key="optimizer.name", values=("sgd", "momentum", "rmsprop", "adam", "adamw")),
    )
}
"""Keys that can be swept by their name alone."""


def preset(key: str) -> Axis:
    """What is tried for a key of which no values are given.

    Raises:
        ArgumentError: There is nothing that is usual for it.

    Examples:
        >>> preset("optimizer.momentum").values
        (0.5, 0.9, 0.95, 0.99)
    """
    if key not in PRESETS:
        raise ArgumentError(f"{key}: no values; {EXAMPLE}. Usual ones are known of {', '.join(PRESETS)}")
    return PRESETS[key]
