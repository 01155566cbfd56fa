"""The one table of schedules, and how a recipe's constants reach them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Literal, cast

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from unstuck.errors import ArgumentError
from unstuck.schedules import (
    CosineAnnealingLR,
    ExponentialLR,
    FixedLR,
    InverseSquareRootLR,
    InverseTimeLR,
    ReduceLROnPlateau,
    StepLR,
    Warmup,
)

__all__ = ["SCHEDULES", "SCHEDULE_CONSTANTS", "Unit", "build_schedule", "schedule_constants_of"]

Unit = Literal["step", "epoch"]

SCHEDULES: dict[str, type[LRScheduler]] = {
    "fixed": FixedLR,
    "step": StepLR,
    "exponential": ExponentialLR,
    "inverse-time": InverseTimeLR,
    "cosine": CosineAnnealingLR,
    "inverse-square-root": InverseSquareRootLR,
    "plateau": ReduceLROnPlateau,
}
"""Every schedule of the rate by its name."""

SCHEDULE_CONSTANTS = (
    *("step_size", "gamma", "rate", "T_max", "eta_min", "warmup_steps", "d_model"),
    *("factor", "patience", "threshold", "cooldown", "min_lr"),
)
"""Constants that a recipe may set, for the schedules that have them."""

OWN_WARMUP = ("inverse-square-root", "plateau")
"""Schedules that climb by themselves, where ``warmup_steps`` is given."""


def schedule_constants_of(name: str) -> tuple[str, ...]:
    """The constants that a schedule has.

    Examples:
        >>> schedule_constants_of("step")
        ('step_size', 'gamma')
    """
    known = inspect.signature(SCHEDULES[name]).parameters
    return tuple(constant for constant in SCHEDULE_CONSTANTS if constant in known)


def build_schedule(
    name: str,
    optimizer: Optimizer,
    constants: Mapping[str, float],
    *,
    epochs: int,
    steps_per_epoch: int,
    unit: Unit | None = None,
    warmup: int = 0,
) -> LRScheduler:
    """Build a schedule to be stepped after each step of the optimizer; the plateau, after each epoch.

    Args:
        name: One of :data:`SCHEDULES`.
        optimizer: Whose rates it sets.
        constants: Its constants; those not given keep the schedule's defaults. A cosine without ``T_max`` takes the
            whole training to fall.
        epochs: Length of the training.
        steps_per_epoch: Steps of an epoch.
        unit: What its constants count; by default epochs, but steps for the inverse square root, and for a cosine
            without ``T_max``.
        warmup: Steps of a linear climb before it.

    Raises:
        ArgumentError: The schedule does not accept a constant, lacks one, or does not fit the training.

    Examples:
        >>> import torch
        >>> optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
        >>> schedule = build_schedule("step", optimizer, {"step_size": 1}, epochs=2, steps_per_epoch=3)
        >>> schedule.curve(6)
        array([1. , 1. , 1. , 0.1, 0.1, 0.1])
    """
    whole = name == "cosine" and "T_max" not in constants
    unit = unit or ("step" if whole or name == "inverse-square-root" else "epoch")
    given: dict[str, Any] = dict(constants)
    if warmup and name in OWN_WARMUP:
        raise ArgumentError(f"warmup={warmup!r}: {name!r} climbs by itself; give warmup_steps in place of warmup")
    if warmup >= epochs * steps_per_epoch:
        raise ArgumentError(f"warmup={warmup!r}: the training has {epochs * steps_per_epoch} steps; give fewer")
    if whole:
        steps = epochs * steps_per_epoch - warmup
        given["T_max"] = steps if unit == "step" else max(round(steps / steps_per_epoch), 1)
    if name != "plateau":
        given["steps_per_epoch"] = steps_per_epoch if unit == "epoch" else 1
    method = cast("Callable[..., LRScheduler]", SCHEDULES[name])
    _require(name, method, given)
    try:
        schedule = method(optimizer, **given)
        return Warmup(cast("FixedLR", schedule), steps=warmup) if warmup else schedule
    except (ValueError, TypeError) as error:
        raise ArgumentError(str(error)) from error


def _require(name: str, method: Callable[..., LRScheduler], given: Mapping[str, Any]) -> None:
    for key, parameter in list(inspect.signature(method).parameters.items())[1:]:
        if parameter.default is parameter.empty and key not in given:
            raise ArgumentError(f"{key} is missing: {name!r} needs it")
