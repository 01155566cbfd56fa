"""Facts about number formats: scaled losses, constants that a format cannot hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from unstuck.record.facts.fact import Fact

__all__ = ["LossScaling", "NarrowConstant", "RoundedAverage", "RoundedInput"]


@dataclass(frozen=True, kw_only=True)
class LossScaling(Fact):
    """What a ``GradScaler`` has done so far; stated anew as it goes on.

    Attributes:
        step: Updates made.
        scale: The factor of the loss.
        asked: Updates that the program asked for.
        skipped: Those of them that were not made, because a gradient was not finite.
        settled: Those of the skipped ones that came after the first update that was made.
        overflowed: Parameters whose gradient was not finite at one of the latest of these, a few of them.
        layer: The first layer that gave values beyond float16 in the latest forward pass that was watched; empty: none.
        file: The user's file that steps the scaler.
        line: The line of that call.
    """

    kind = "loss_scaling"
    missing = "no GradScaler stepped the optimizer"
    step: int
    scale: float
    asked: int
    skipped: int
    settled: int = 0
    overflowed: tuple[str, ...] = ()
    layer: str = ""
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class NarrowConstant(Fact):
    """A constant that is zero or infinite in the type of the tensor that it is used with.

    Attributes:
        value: The constant, as it is written.
        becomes: What it is in that type.
        type: The type, ``"float16"``.
        function: The function that takes it.
        where: Path of the module that runs.
        file: The user's file that calls the function.
        line: The line of that call.
    """

    kind = "narrow_constant"
    value: float
    becomes: Literal["zero", "infinity"]
    type: str
    function: str
    where: str = ""
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class RoundedAverage(Fact):
    """A running average of the weights that is kept in half precision.

    Attributes:
        step: The training step.
        share: Of the way from the average to the weights, the share along which a step is rounded away, in the median
            of some late steps.
        type: The type of the average.
        file: The user's file that takes it.
        line: The line of that call.
    """

    kind = "rounded_average"
    missing = "no average of the weights is kept in half precision"
    step: int
    share: float
    type: str
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class RoundedInput(Fact):
    """Data that lose most of their differences where the program casts them to half precision.

    Attributes:
        step: The training step.
        left: Share of the different values of a feature that are still different, in the median feature.
        size: Median size of a feature.
        spread: Its standard deviation.
        apart: Distance of neighbouring numbers of that size in the narrow type.
        type: The narrow type.
        file: The user's file that casts.
        line: The line of that call.
    """

    kind = "rounded_input"
    missing = "no data were seen to be cast to half precision"
    special = True
    step: int
    left: float
    size: float
    spread: float
    apart: float
    type: str
    file: str | None = None
    line: int | None = None
