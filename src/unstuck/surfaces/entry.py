"""An entry of a race: a method with its constants and schedules, written as on the command line."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from unstuck.errors import ArgumentError
from unstuck.optim import LookAheadNesterov, ObservedOptimizer
from unstuck.schedules import FixedLR, Schedule
from unstuck.spelling import unknown
from unstuck.train.optimizer import OPTIMIZERS, build, constants_of
from unstuck.train.schedule import (
    MOMENTUM_SCHEDULES,
    SCHEDULES,
    build_momentum_schedule,
    build_schedule,
    momentum_constants_of,
    schedule_constants_of,
)

__all__ = ["RACING", "Entry"]

Constant = float | bool | tuple[float, ...]
OWN = ("schedule", "warmup", "momentum-schedule", "noise")
"""What an entry may set besides the constants of its method and schedules."""
METRIC = "plateau"  #: the schedule that follows a validation metric, of which a race has none
RACING = tuple(name for name, method in OPTIMIZERS.items() if issubclass(method, ObservedOptimizer))
"""Methods that step by a rule of gradients, which can be compiled; the others ask for the loss and its graph."""
SWITCHES = ("nesterov", "centered", "amsgrad", "decoupled_weight_decay")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A method, ready to run.

    Attributes:
        method: One of :data:`RACING`.
        constants: Its constants, such as ``lr``; what is not given keeps the method's default.
        schedule: A schedule of the rate, one of :data:`~unstuck.train.schedule.SCHEDULES`.
        schedule_constants: Its constants, which count steps.
        warmup: Steps of a linear climb before it.
        momentum_schedule: A schedule of the momentum.
        momentum_constants: Its constants.
        noise: Standard deviation of what is added to each derivative at each step, as batches of few examples do.
    """

    method: str
    constants: Mapping[str, Constant] = field(default_factory=dict[str, Constant])
    schedule: str = "fixed"
    schedule_constants: Mapping[str, float] = field(default_factory=dict[str, float])
    warmup: int = 0
    momentum_schedule: str = "fixed"
    momentum_constants: Mapping[str, float] = field(default_factory=dict[str, float])
    noise: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Entry:
        """Read a method and ``key=value`` pairs.

        Raises:
            ArgumentError: A name is not known, or a value is no number.

        Example:
            >>> Entry.parse("adam lr=0.1 betas=0.9,0.99 schedule=cosine").constants
            {'lr': 0.1, 'betas': (0.9, 0.99)}
        """
        method, *pairs = text.split() or [""]
        if method not in RACING:
            raise ArgumentError(unknown("method", method, RACING))
        given = dict(_pair(text, pair) for pair in pairs)
        schedule = _named(given.pop("schedule", "fixed"), "schedule", [name for name in SCHEDULES if name != METRIC])
        moving = _named(given.pop("momentum-schedule", "fixed"), "momentum-schedule", MOMENTUM_SCHEDULES)
        kinds = (constants_of(method), schedule_constants_of(schedule), momentum_constants_of(moving))
        for key in given:
            if not any(key in kind for kind in (*kinds, OWN)):
                accepted = [*kinds[0], *OWN, *kinds[1], *kinds[2]]
                raise ArgumentError(f"{text!r}: {unknown(key, given[key], dict.fromkeys(accepted))}")
        warmup = _number(text, "warmup", given.pop("warmup", "0"))
        noise = _number(text, "noise", given.pop("noise", "0"))
        if warmup != round(warmup) or warmup < 0 or noise < 0:
            raise ArgumentError(f"{text!r}: warmup counts steps, and noise is a size; neither is negative")
        own, ours, theirs = ({key: given[key] for key in kind if key in given} for kind in kinds)
        return cls(
            method=method,
            constants={key: _constant(text, key, value) for key, value in own.items()},
            schedule=schedule,
            schedule_constants={key: _number(text, key, value) for key, value in ours.items()},
            warmup=int(warmup),
            momentum_schedule=moving,
            momentum_constants={key: _number(text, key, value) for key, value in theirs.items()},
            noise=noise,
        )

    @property
    def text(self) -> str:
        """The entry as :meth:`parse` reads it."""
        pairs: dict[str, Any] = dict(self.constants)
        if self.schedule != "fixed":
            pairs |= {"schedule": self.schedule, **self.schedule_constants}
        if self.warmup:
            pairs["warmup"] = self.warmup
        if self.momentum_schedule != "fixed":
            pairs |= {"momentum-schedule": self.momentum_schedule, **self.momentum_constants}
        if self.noise:
            pairs["noise"] = self.noise
        return " ".join((self.method, *(f"{key}={_written(value)}" for key, value in pairs.items())))

    def optimizer(self, start: tuple[float, float]) -> ObservedOptimizer:
        """The optimizer of ``unstuck.optim``, with the two parameters at the start.

        Raises:
            ArgumentError: The method does not accept a constant.
        """
        point = nn.Parameter(torch.tensor(start, dtype=torch.float64))
        return cast("ObservedOptimizer", build(self.method, [point], self.constants))

    @property
    def looks_ahead(self) -> bool:
        """Whether the method wants its gradients where the velocity is about to lead."""
        return OPTIMIZERS[self.method] is LookAheadNesterov

    def numbers(self, optimizer: ObservedOptimizer, steps: int) -> NDArray[np.float64]:
        """What the rule's constants are at each step, shape (steps, constants but the count), schedules obeyed.

        Raises:
            ArgumentError: A schedule does not accept a constant, or does not fit the steps.
        """
        (group,) = optimizer.param_groups
        names = optimizer.rule(group).arguments[1:]
        moving = self._schedules(optimizer, steps)
        fixed = {"lr": group["lr"], "weight_decay": group["weight_decay"], **optimizer.numbers(group)}
        table = np.empty((steps, len(names)))
        table[:] = [float(fixed[name]) for name in names]
        for quantity, schedule in moving.items():
            name = quantity if quantity in names else "beta1"
            table[:, names.index(name)] = schedule.curve(steps)
        return table

    def _schedules(self, optimizer: ObservedOptimizer, steps: int) -> dict[str, Schedule]:
        """The schedules that move anything."""
        built: list[Any] = [
            build_schedule(
                self.schedule, optimizer, self.schedule_constants,
                epochs=steps, steps_per_epoch=1, unit="step", warmup=self.warmup,
            ),
        ]  # fmt: skip
        if self.momentum_schedule != "fixed":
            constants = self.momentum_constants
            built.append(
                build_momentum_schedule(
                    self.momentum_schedule, optimizer, constants, epochs=steps, steps_per_epoch=1, unit="step"
                )
            )
        return {schedule.quantity: schedule for schedule in built if not isinstance(schedule, FixedLR)}


def _pair(text: str, pair: str) -> tuple[str, str]:
    key, equals, value = pair.partition("=")
    if not (key and equals and value):
        raise ArgumentError(f"{text!r}: {pair!r} is no key=value; write a method and its constants, as 'adam lr=0.1'")
    return key, value


def _named(value: str, key: str, accepted: Any) -> str:
    if value not in accepted:
        raise ArgumentError(unknown(key, value, accepted))
    return value


def _constant(text: str, key: str, value: str) -> Constant:
    if key in SWITCHES:
        if value.lower() not in ("true", "false"):
            raise ArgumentError(f"{text!r}: {key}={value!r}; true or false is accepted")
        return value.lower() == "true"
    if key == "betas":
        return tuple(_number(text, key, part) for part in value.split(","))
    return _number(text, key, value)


def _number(text: str, key: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ArgumentError(f"{text!r}: {key}={value!r} is no number; write it as 0.01 or 1e-2")
    return int(number) if number == round(number) and "." not in value and "e" not in value.lower() else number


def _written(value: Constant | str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(_digits, value)) if isinstance(value, tuple) else _digits(value)


def _digits(value: float) -> str:
    """A number in the spelling that people use: 1e-7 for 1e-07."""
    return re.sub(r"e([+-])0*", lambda found: "e" + found[1].replace("+", ""), f"{value:g}")
