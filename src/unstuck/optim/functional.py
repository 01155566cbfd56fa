"""The update rules as plain functions, in the notation of the CS231n course notes.

Each takes a weight, its gradient and a dict of settings and running values, and returns the next weight and the dict
for the next call. Weights may be NumPy arrays, torch tensors or floats. Nothing is changed in place, and ``t`` counts
the steps taken. The formulas are those of the optimizer classes.

Source: CS231n, assignment 2, ``optim.py``, and "Neural networks part 3".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unstuck.errors import ArgumentError
from unstuck.optim.adagrad import Adagrad
from unstuck.optim.adam import Adam
from unstuck.optim.arguments import NOT_NEGATIVE, UNIT, Range
from unstuck.optim.momentum import Momentum
from unstuck.optim.nesterov import Nesterov
from unstuck.optim.rmsprop import RMSprop
from unstuck.optim.sgd import SGD

__all__ = ["adagrad", "adam", "nesterov", "rmsprop", "sgd", "sgd_momentum"]

Config = dict[str, Any]
_RANGES: dict[str, Range] = {
    "learning_rate": NOT_NEGATIVE, "momentum": UNIT, "decay_rate": UNIT, "beta1": UNIT, "beta2": UNIT,
    "epsilon": NOT_NEGATIVE, "t": NOT_NEGATIVE,
}  # fmt: skip


def _settle(
    config: Mapping[str, Any] | None, w: Any, dw: Any, *, zeros: tuple[str, ...] = (), **defaults: float
) -> Config:
    """A copy of ``config`` with what it leaves out: defaults, and running values of zero in the shape of ``w``."""
    if config is not None and not isinstance(config, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]  # users err
        raise ArgumentError(f"config: received {config!r}; accepted is a dict such as {{'learning_rate': 0.01}}")
    given = dict(config or {})
    accepted = (*defaults, *zeros)
    for name, value in given.items():
        if name not in accepted:
            raise ArgumentError(f"config: received {name!r}; accepted are {', '.join(map(repr, accepted))}")
        if name in _RANGES:
            _RANGES[name].check(f"config[{name!r}]", value)
    for name, value in {"dw": dw, **{f"config[{name!r}]": given[name] for name in zeros if name in given}}.items():
        if _shape(value) != _shape(w):  # broadcasting would give w another shape
            raise ArgumentError(f"{name}: received shape {_shape(value)}; accepted is {_shape(w)}, the shape of w")
    return {**defaults, **{name: w * 0 for name in zeros if name not in given}, **given}


def _shape(x: Any) -> tuple[int, ...]:
    return tuple(getattr(x, "shape", ()))


def sgd(w: Any, dw: Any, config: Mapping[str, Any] | None = None) -> tuple[Any, Config]:
    """Gradient descent, ``w - learning_rate * dw``.

    Args:
        w: Weight.
        dw: Gradient of the same shape.
        config: ``learning_rate`` (1e-2).

    Returns:
        The next weight, and the config for the next call.

    Raises:
        ArgumentError: The config holds an unknown key or a value out of range, or shapes differ.

    Example:
        >>> sgd(1.0, 2.0, {"learning_rate": 0.1})
        (0.8, {'learning_rate': 0.1})
    """
    c = _settle(config, w, dw, learning_rate=1e-2)
    return SGD.update(w, dw, None, 1, c["learning_rate"], 0, 0, False)[0], c


def sgd_momentum(w: Any, dw: Any, config: Mapping[str, Any] | None = None) -> tuple[Any, Config]:
    """Momentum, ``v = momentum * v - learning_rate * dw; w + v``: the rule of ``Momentum``.

    Args:
        w: Weight.
        dw: Gradient of the same shape.
        config: ``learning_rate`` (1e-2), ``momentum`` (0.9), ``velocity`` (zeros).

    Returns:
        The next weight, and the config with the new velocity.

    Raises:
        ArgumentError: The config holds an unknown key or a value out of range, or shapes differ.

    Example:
        >>> w, config = sgd_momentum(1.0, 2.0, {"learning_rate": 0.1})
        >>> w, config["velocity"]
        (0.8, -0.2)
    """
    c = _settle(config, w, dw, zeros=("velocity",), learning_rate=1e-2, momentum=0.9)
    w, c["velocity"] = Momentum.update(w, dw, c["velocity"], c["learning_rate"], c["momentum"])
    return w, c


def nesterov(w: Any, dw: Any, config: Mapping[str, Any] | None = None) -> tuple[Any, Config]:
    """Nesterov's momentum in the rewritten form: the rule of ``Nesterov``.

    Args:
        w: Weight.
        dw: Gradient of the same shape.
        config: ``learning_rate`` (1e-2), ``momentum`` (0.9), ``velocity`` (zeros).

    Returns:
        The next weight, and the config with the new velocity.

    Raises:
        ArgumentError: The config holds an unknown key or a value out of range, or shapes differ.

    Example:
        >>> w, config = nesterov(1.0, 2.0, {"learning_rate": 0.1})
        >>> round(w, 4)
        0.62
    """
    c = _settle(config, w, dw, zeros=("velocity",), learning_rate=1e-2, momentum=0.9)
    w, c["velocity"] = Nesterov.update(w, dw, c["velocity"], c["learning_rate"], c["momentum"])
    return w, c


def adagrad(w: Any, dw: Any, config: Mapping[str, Any] | None = None) -> tuple[Any, Config]:
    """Adagrad: the rule of ``Adagrad``.

    Args:
        w: Weight.
        dw: Gradient of the same shape.
        config: ``learning_rate`` (1e-2), ``epsilon`` (1e-8), ``cache`` (zeros), the sum of squares.

    Returns:
        The next weight, and the config with the new cache.

    Raises:
        ArgumentError: The config holds an unknown key or a value out of range, or shapes differ.

    Example:
        >>> w, config = adagrad(1.0, 2.0, {"learning_rate": 0.1})
        >>> round(w, 4), config["cache"]
        (0.9, 4.0)
    """
    c = _settle(config, w, dw, zeros=("cache",), learning_rate=1e-2, epsilon=1e-8)
    w, c["cache"] = Adagrad.update(w, dw, c["cache"], 1, c["learning_rate"], 0, c["epsilon"])
    return w, c


def rmsprop(w: Any, dw: Any, config: Mapping[str, Any] | None = None) -> tuple[Any, Config]:
    """RMSprop: the rule of ``RMSprop``.

    Args:
        w: Weight.
        dw: Gradient of the same shape.
        config: ``learning_rate`` (1e-2), ``decay_rate`` (0.99), ``epsilon`` (1e-8), ``cache`` (zeros), the mean square.

    Returns:
        The next weight, and the config with the new cache.

    Raises:
        ArgumentError: The config holds an unknown key or a value out of range, or shapes differ.

    Example:
        >>> w, config = rmsprop(1.0, 2.0)
        >>> round(w, 4), round(config["cache"], 4)
        (0.9, 0.04)
    """
    c = _settle(config, w, dw, zeros=("cache",), learning_rate=1e-2, decay_rate=0.99, epsilon=1e-8)
    rate, rho, eps = c["learning_rate"], c["decay_rate"], c["epsilon"]
    w, c["cache"], _, _ = RMSprop.update(w, dw, c["cache"], None, None, rate, rho, eps, 0)
    return w, c


def adam(w: Any, dw: Any, config: Mapping[str, Any] | None = None) -> tuple[Any, Config]:
    """Adam: the rule of ``Adam``.

    Args:
        w: Weight.
        dw: Gradient of the same shape.
        config: ``learning_rate`` (1e-3), ``beta1`` (0.9), ``beta2`` (0.999), ``epsilon`` (1e-8), the running means
            ``m`` and ``v`` (zeros), and ``t`` (0), the number of steps taken before this one.

    Returns:
        The next weight, and the config with the new means and ``t`` advanced by one.

    Raises:
        ArgumentError: The config holds an unknown key or a value out of range, or shapes differ.

    Example:
        >>> w, config = adam(1.0, 2.0, {"learning_rate": 0.1})
        >>> round(w, 4), config["t"]
        (0.9, 1)
    """
    c = _settle(config, w, dw, zeros=("m", "v"), learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, t=0)
    c["t"] += 1
    numbers = (c["learning_rate"], c["beta1"], c["beta2"], c["epsilon"])
    w, c["m"], c["v"], _ = Adam.update(w, dw, c["m"], c["v"], None, c["t"], *numbers)
    return w, c
