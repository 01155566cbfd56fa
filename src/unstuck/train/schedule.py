"""The two tables of schedules, of the rate and of the momentum, and how a recipe's constants reach them."""

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
    FixedMomentum,
    InverseSquareRootLR,
    InverseTimeLR,
    LinearMomentum,
    ReduceLROnPlateau,
    StepLR,
    SutskeverMomentum,
    Warmup,
)

__all__ = [
    "MOMENTUM_CONSTANTS",
    "MOMENTUM_SCHEDULES",
    "SCHEDULES",
    "SCHEDULE_CONSTANTS",
    "Unit",
    "build_momentum_schedule",
    "build_schedule",
    "momentum_constants_of",
    "schedule_constants_of",
    "shortened",
]

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

MOMENTUM_SCHEDULES: dict[str, type[LRScheduler]] = {
    "fixed": FixedMomentum,
    "linear": LinearMomentum,
    "sutskever": SutskeverMomentum,
}
"""Every schedule of the momentum by its name."""

MOMENTUM_CONSTANTS = ("total_steps", "start", "end", "max_momentum", "stair")
"""Constants that a recipe may set, for the schedules of the momentum that have them."""

OWN_WARMUP = ("inverse-square-root", "plateau")
"""Schedules that climb by themselves, where ``warmup_steps`` is given."""

COUNTS = ("step_size", "T_max", "warmup_steps", "total_steps", "stair")
"""Constants that count units of time."""


def schedule_constants_of(name: str) -> tuple[str, ...]:
    """The constants that a schedule of the rate has.

    Examples:
        >>> schedule_constants_of("step")
        ('step_size', 'gamma')
    """
    return _constants_of(SCHEDULES[name], SCHEDULE_CONSTANTS)


def momentum_constants_of(name: str) -> tuple[str, ...]:
    """The constants that a schedule of the momentum has.

    Examples:
        >>> momentum_constants_of("linear")
        ('total_steps', 'start', 'end')
    """
    return _constants_of(MOMENTUM_SCHEDULES[name], MOMENTUM_CONSTANTS)


def shortened(name: str, constants: Mapping[str, float], share: float) -> dict[str, float]:
    """Constants that count steps or epochs, for a training that makes a share of these: the curve keeps its shape.

    Args:
        name: One of :data:`SCHEDULES` or :data:`MOMENTUM_SCHEDULES`.
        constants: Its constants.
        share: Above 0, at most 1.

    Examples:
        >>> shortened("step", {"step_size": 300, "gamma": 0.1}, 0.1)
        {'step_size': 30, 'gamma': 0.1}
        >>> shortened("inverse-time", {"rate": 0.001}, 0.1)
        {'rate': 0.01}
    """
    changed = dict(constants)
    for key in COUNTS:
        if key in changed:
            changed[key] = max(round(changed[key] * share), 1)
    if "rate" in changed:
        changed["rate"] /= share
    if name == "exponential" and "gamma" in changed:
        changed["gamma"] **= 1 / share
    return changed


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
    schedule = _make(name, SCHEDULES[name], optimizer, given)
    return Warmup(cast("FixedLR", schedule), steps=warmup) if warmup else schedule


def build_momentum_schedule(
    name: str,
    optimizer: Optimizer,
    constants: Mapping[str, float],
    *,
    epochs: int,
    steps_per_epoch: int,
    unit: Unit | None = None,
) -> LRScheduler:
    """Build a schedule of the momentum, to be stepped after each step of the optimizer.

    Args:
        name: One of :data:`MOMENTUM_SCHEDULES`.
        optimizer: Whose momenta it sets: ``momentum``, or the first of the ``betas``.
        constants: Its constants; those not given keep the schedule's defaults. A linear one without ``total_steps``
            climbs during the whole training.
        epochs: Length of the training.
        steps_per_epoch: Steps of an epoch.
        unit: What its constants count; by default steps, as in the paper of the stairs.

    Raises:
        ArgumentError: The schedule does not accept a constant, or the optimizer has no momentum.

    Examples:
        >>> import torch
        >>> optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0, momentum=0.9)
        >>> climb = {"start": 0.5, "end": 0.8}
        >>> schedule = build_momentum_schedule("linear", optimizer, climb, epochs=2, steps_per_epoch=2)
        >>> [round(momentum, 3) for momentum in schedule.curve(5).tolist()]
        [0.5, 0.6, 0.7, 0.8, 0.8]
    """
    given: dict[str, Any] = {**constants, "steps_per_epoch": steps_per_epoch if unit == "epoch" else 1}
    if name == "linear" and "total_steps" not in given:
        length = epochs if unit == "epoch" else epochs * steps_per_epoch
        given["total_steps"] = max(length - 1, 1)
    return _make(name, MOMENTUM_SCHEDULES[name], optimizer, given)


def _constants_of(schedule: type[LRScheduler], every: tuple[str, ...]) -> tuple[str, ...]:
    known = inspect.signature(schedule).parameters
    return tuple(constant for constant in every if constant in known)


def _make(name: str, schedule: type[LRScheduler], optimizer: Optimizer, given: Mapping[str, Any]) -> LRScheduler:
    method = cast("Callable[..., LRScheduler]", schedule)
    _require(name, method, given)
    if "steps_per_epoch" not in inspect.signature(method).parameters:
        given = {key: value for key, value in given.items() if key != "steps_per_epoch"}
    try:
        return method(optimizer, **given)
    except (ValueError, TypeError) as error:
        raise ArgumentError(str(error)) from error


def _require(name: str, method: Callable[..., LRScheduler], given: Mapping[str, Any]) -> None:
    for key, parameter in list(inspect.signature(method).parameters.items())[1:]:
        if parameter.default is parameter.empty and key not in given:
            raise ArgumentError(f"{key} is missing: {name!r} needs it")
