"""A surface: the loss as a function of two parameters, where to start on it, and where to look."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from unstuck.errors import ArgumentError
from unstuck.surfaces.formula import Formula, record

__all__ = ["Point", "Slopes", "Surface", "Window", "define"]

Point = tuple[float, float]
Window = tuple[float, float, float, float]
Function = Callable[[Any, Any], Any]
Slopes = Literal["exact", "autograd", "differences"]
STEP = np.finfo(np.float64).eps ** (1 / 3)  #: of a centred difference, as a share of the coordinate


class _Raised(Exception):  # noqa: N818  what a user's function raised, and where
    """The function raises at a point, as ``math.log`` does outside its domain."""


@dataclass(frozen=True, kw_only=True)
class Surface:
    """A loss over two parameters.

    Attributes:
        name: Its name on the command line.
        shows: What it is known for, in one sentence.
        function: The loss of x and y.
        start: Where a race begins.
        window: What is drawn: from x, to x, from y, to y.
        minimum: The point of the lowest loss, where it is known.
        axes: What the two parameters are called.
        slopes: How the gradient comes about: ``exact`` by the chain rule from the recorded formula, ``autograd`` by
            torch, or ``differences``, centred, where the function can be followed by neither.
        formula: The recorded function; None where it must be called.
        refused: What the function raised first, and where, if it did anywhere.
    """

    name: str
    shows: str
    function: Function = field(repr=False)
    start: Point
    window: Window
    minimum: Point | None = None
    axes: tuple[str, str] = ("x", "y")
    slopes: Slopes = "exact"
    formula: Formula | None = field(default=None, repr=False)
    refused: list[str] = field(default_factory=list, init=False, repr=False, compare=False)

    def loss(self, x: float, y: float) -> float:
        """The loss at a point; NaN or infinity where the formula gives that, NaN where the function raises.

        Raises:
            ArgumentError: The function returns something that is no number.
        """
        with np.errstate(all="ignore"):
            if self.formula is not None:
                return float(self.formula.height(np.float64(x), np.float64(y))[0])
            try:
                return _number(self.function, x, y, tensors=self.slopes == "autograd")
            except _Raised as raised:
                return self._refuse(raised)

    def gradient(self, x: float, y: float) -> tuple[float, float, float]:
        """The loss and its derivatives by x and y, not compiled.

        Raises:
            ArgumentError: As :meth:`loss`.
        """
        if self.formula is not None:
            return self.formula.height(np.float64(x), np.float64(y))
        if self.slopes == "differences":
            return _by_differences(self.loss, x, y)
        try:
            return _by_autograd(self.function, x, y)
        except _Raised as raised:
            nan = self._refuse(raised)
            return nan, nan, nan

    def _refuse(self, raised: _Raised) -> float:
        if not self.refused:
            self.refused.append(str(raised))
        return math.nan

    def grid(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        """The loss over a grid, shape (len(y), len(x)); NaN where it is not finite."""
        across, up = np.meshgrid(x, y)
        with np.errstate(all="ignore"):
            values = self._all_at_once(across, up)
            if values is None:
                pairs = zip(across.ravel().tolist(), up.ravel().tolist(), strict=True)
                values = np.array([self.loss(*pair) for pair in pairs]).reshape(across.shape)
        return np.where(np.isfinite(values), values, np.nan)

    def _all_at_once(self, across: NDArray[np.float64], up: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """The function of whole arrays; None where it takes numbers only."""
        if self.formula is not None:
            return np.broadcast_to(self.formula.height(across, up)[0], across.shape)
        try:
            tensors = self.slopes == "autograd"
            given = (torch.from_numpy(across), torch.from_numpy(up)) if tensors else (across, up)
            values = np.asarray(self.function(*given), np.float64)
        except Exception:  # the function is the user's; called with numbers it says what is wrong
            return None
        return values if values.shape == across.shape else None


def define(
    name: str,
    function: Function,
    *,
    shows: str = "",
    start: Point,
    window: Window,
    minimum: Point | None = None,
    axes: tuple[str, str] = ("x", "y"),
) -> Surface:
    """Make a surface of a function of two numbers.

    Args:
        name: Its name.
        function: The loss, in operations of Python, NumPy or torch on ``x`` and ``y``. One that can be recorded as a
            formula runs compiled.
        shows: What it is known for.
        start: Where a race begins.
        window: From x, to x, from y, to y.
        minimum: The point of the lowest loss, where it is known.
        axes: What the two parameters are called.

    Raises:
        ArgumentError: The function raises at the start, or loss or gradient is not finite there.

    Example:
        >>> bowl = define("bowl", lambda x, y: x**2 + y**2, start=(1.0, 2.0), window=(-3, 3, -3, 3))
        >>> bowl.slopes, bowl.loss(1.0, 2.0)
        ('exact', 5.0)
    """
    surface = Surface(
        name=name, shows=shows, function=function, start=start, window=window, minimum=minimum, axes=axes,
        **_slopes(function, start),
    )  # fmt: skip
    loss = surface.loss(*start)
    slopes = surface.gradient(*start) if math.isfinite(loss) else ()
    if surface.refused:
        raise ArgumentError(f"{surface.refused[0]}; mend it, or start elsewhere (--start X,Y)")
    if not math.isfinite(loss):
        raise ArgumentError(f"{name}: it is {loss} at the start, {_at(*start)}; start where it is finite (--start X,Y)")
    if not all(map(math.isfinite, slopes)):
        raise ArgumentError(f"{name}: its gradient is not finite at the start, {_at(*start)}; start elsewhere")
    return surface


def _slopes(function: Function, start: Point) -> dict[str, Any]:
    try:
        return {"slopes": "exact", "formula": record(function)}
    except Exception:  # whatever the user's function does with a symbol, numbers decide
        pass
    return {"slopes": "autograd" if _autograd_is_right(function, start) else "differences"}


def _autograd_is_right(function: Function, start: Point) -> bool:
    """Whether torch follows the function: what goes through Python's ``math`` on the way has no gradient there."""
    try:
        found = _by_autograd(function, *start)
        expected = _by_differences(lambda x, y: _number(function, x, y, tensors=True), *start)
    except Exception:
        return False
    near = 1e-4 * np.abs(expected) + 1e-6 * (1 + abs(expected[0]))
    return bool(np.all(np.abs(np.subtract(found, expected)) <= near))


def _by_autograd(function: Function, x: float, y: float) -> tuple[float, float, float]:
    point = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (x, y)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        loss = _called(function, *point)
    slopes = torch.autograd.grad(loss, point, allow_unused=True)
    return float(loss.detach()), *(0.0 if slope is None else float(slope) for slope in slopes)  # type: ignore[return-value]


def _by_differences(loss: Callable[[float, float], float], x: float, y: float) -> tuple[float, float, float]:
    hx, hy = (STEP * max(abs(value), 1.0) for value in (x, y))
    return (
        loss(x, y),
        (loss(x + hx, y) - loss(x - hx, y)) / (2 * hx),
        (loss(x, y + hy) - loss(x, y - hy)) / (2 * hy),
    )


def _number(function: Function, x: float, y: float, *, tensors: bool) -> float:
    given = [torch.tensor(value, dtype=torch.float64) if tensors else float(value) for value in (x, y)]
    try:
        value = _called(function, *given)
    except OverflowError:
        return math.inf
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            f"the function returns {type(value).__name__} at {_at(x, y)}; a number is accepted, the loss of x and y"
        ) from error


def _called(function: Function, x: Any, y: Any) -> Any:
    try:
        return function(x, y)
    except OverflowError:
        raise
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
        raise _Raised(f"the function raises at {_at(x, y)}: {told}") from error


def _at(x: float, y: float) -> str:
    return f"x = {float(x):g}, y = {float(y):g}"
