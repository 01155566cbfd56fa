"""Checks of a schedule's arguments: each message names the argument, its value and what is accepted."""

from __future__ import annotations

import math
from numbers import Integral, Real

import numpy as np
from torch import Tensor
from torch.optim import Optimizer


def count(name: str, value: object, *, least: int = 1) -> int:
    """Return ``value`` if it is a whole number of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, Integral):  # NumPy's integers are Integral
        raise TypeError(f"{name} must be a whole number, got {value!r} ({type(value).__name__})")
    whole = int(value)
    if whole < least:
        raise ValueError(f"{name} must be at least {least}, got {whole}")
    return whole


def number(name: str, value: object, *, least: float = 0.0, most: float = math.inf, below: float = math.inf) -> float:
    """Return ``value`` as a float if it is finite and ``least <= value <= most`` and ``value < below``."""
    if isinstance(value, bool) or not isinstance(value, (Real, Tensor)):
        raise TypeError(f"{name} must be a number, got {value!r} ({type(value).__name__})")
    checked = float(value)
    if not (math.isfinite(checked) and least <= checked <= most and checked < below):
        upper = f", at most {most:g}" if most < math.inf else f", below {below:g}" if below < math.inf else ""
        raise ValueError(f"{name} must be finite and at least {least:g}{upper}, got {checked!r}")
    return checked


def metric(name: str, value: object) -> float:
    """Return ``value`` as a float if it is a number or a tensor of one element; NaN and infinity may pass."""
    if isinstance(value, Real):
        return float(value)
    if isinstance(value, Tensor) and value.numel() == 1:
        return float(value)
    if isinstance(value, np.ndarray) and value.size == 1:
        return float(value.item())
    raise TypeError(f"{name} must be a number or a tensor of one element, got {value!r}")


def optimizer(value: object) -> Optimizer:
    """Return ``value`` if it is an optimizer."""
    if not isinstance(value, Optimizer):
        raise TypeError(
            f"optimizer must be a torch.optim.Optimizer, got {type(value).__name__}: "
            "build the optimizer first, then the schedule on it"
        )
    return value
