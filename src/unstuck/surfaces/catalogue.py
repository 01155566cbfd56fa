"""The surfaces that are shipped."""

from __future__ import annotations

import math
from typing import Any

from unstuck.surfaces.surface import Surface, define

__all__ = ["SURFACES"]

#: Combat points of ten Pokemon before and after their evolution, from Lee's lectures on machine learning (NTU).
BEFORE = (338.0, 333.0, 328.0, 207.0, 226.0, 25.0, 179.0, 60.0, 208.0, 606.0)
AFTER = (640.0, 633.0, 619.0, 393.0, 428.0, 27.0, 193.0, 66.0, 226.0, 1591.0)


def _valley(x: Any, y: Any) -> Any:
    return x**2 / 2 + 100 * ((y**2 + 0.01) ** 0.5 - 0.1)


def _beale(x: Any, y: Any) -> Any:
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y * y) ** 2 + (2.625 - x + x * y * y * y) ** 2


def _cliff(x: Any, y: Any) -> Any:
    return 2 / (1 + math.e ** (12 * x)) + 0.05 * ((x - 1) ** 2 + y**2)


def _crescent(x: Any, y: Any) -> Any:
    return (x**2 + y**2 - 4) ** 2 / 2 + ((x - 2) ** 2 + y**2) / 10


def _regression(bias: Any, weight: Any) -> Any:
    return sum((after - bias - weight * before) ** 2 for before, after in zip(BEFORE, AFTER, strict=True))


def _local_minimum(x: Any, y: Any) -> Any:
    along = x - y
    wells = along**4 / 4 - 3.5 * along**3 / 3 + 2.5 * along**2 / 2
    return 4 * (x * y - 0.5) ** 2 + 0.05 * wells


SURFACES: dict[str, Surface] = {
    surface.name: surface
    for surface in (
        define(
            "valley",
            _valley,
            shows="A long narrow valley: steep walls, a floor that hardly falls. No one rate serves both.",
            start=(-4.0, 0.8),
            window=(-4.6, 1.2, -1.1, 1.1),
            minimum=(0.0, 0.0),
        ),
        define(
            "bowl",
            lambda x, y: (x**2 + 20 * y**2) / 2,
            shows="A bowl twenty times as steep in one direction as in the other.",
            start=(-4.0, 1.5),
            window=(-4.6, 2.6, -2.2, 2.2),
            minimum=(0.0, 0.0),
        ),
        define(
            "rosenbrock",
            lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2,
            shows="Rosenbrock's valley: bent, with an almost flat floor; curvature 1,002 and 0.4 at the minimum.",
            start=(-1.2, 1.0),
            window=(-2.0, 2.0, -1.0, 3.0),
            minimum=(1.0, 1.0),
        ),
        define(
            "beale",
            _beale,
            shows="Beale's function: flat in the middle, very steep towards the corners.",
            start=(-1.0, 1.5),
            window=(-2.0, 4.5, -2.0, 2.0),
            minimum=(3.0, 0.5),
        ),
        define(
            "saddle",
            lambda x, y: (1 - x * y) ** 2,
            shows="The loss of two linear layers of one weight each: a saddle at 0, curvature +2 and -2.",
            start=(-0.999, 1.001),
            window=(-1.8, 1.8, -1.8, 1.8),
        ),
        define(
            "cliff",
            _cliff,
            shows="A plateau that ends in a cliff: small gradients for long, then one that is large.",
            start=(-2.5, 1.5),
            window=(-3.0, 2.5, -2.0, 2.0),
            minimum=(1.001449162, 0.0),
        ),
        define(
            "crescent",
            _crescent,
            shows="A crescent: each parameter is steep on one part of the way and flat on another.",
            start=(-2.3, 0.2),
            window=(-2.8, 2.8, -1.0, 2.8),
            minimum=(2.0, 0.0),
        ),
        define(
            "local-minimum",
            _local_minimum,
            shows="An L-shaped valley with a local minimum in its corner; the deeper one lies further on.",
            start=(0.3, 3.2),
            window=(-0.1, 3.7, -0.1, 3.7),
            minimum=(2.6861406616, 0.1861406616),
        ),
        define(
            "regression",
            _regression,
            shows="A straight line through ten points: the condition number is 313,418.",
            start=(-120.0, -4.0),
            window=(-215.0, -105.0, -5.0, 5.0),
            minimum=(-188.433197, 2.669455),
            axes=("bias", "weight"),
        ),
    )
}  # fmt: skip
