"""The sections of a recipe that say how rate and momentum change."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from unstuck.errors import ArgumentError
from unstuck.train.schedule import (
    MOMENTUM_CONSTANTS,
    MOMENTUM_SCHEDULES,
    SCHEDULE_CONSTANTS,
    SCHEDULES,
    Unit,
    momentum_constants_of,
    schedule_constants_of,
    shortened,
)
from unstuck.train.sections import NonNegative, Positive, Section, Share, one_of

__all__ = ["MomentumSection", "ScheduleSection"]


class ScheduleSection(Section):
    """``[schedule]``: how the rate changes, by a schedule of :data:`~unstuck.train.schedule.SCHEDULES`.

    Its constants have the names of :mod:`unstuck.schedules`.

    Attributes:
        name: The schedule.
        unit: What its constants count, ``"epoch"`` or ``"step"``; by default epochs, but steps for
            ``"inverse-square-root"``.
        warmup: Steps of a linear climb before it.
    """

    name: str = "fixed"
    unit: Unit | None = None
    warmup: Annotated[int, Field(ge=0)] = 0
    step_size: Positive | None = None
    gamma: Annotated[float, Field(ge=0, le=1)] | None = None
    rate: NonNegative | None = None
    T_max: Positive | None = None
    eta_min: NonNegative | None = None
    warmup_steps: Positive | None = None
    d_model: Positive | None = None
    factor: Share | None = None
    patience: Annotated[int, Field(ge=0)] | None = None
    threshold: NonNegative | None = None
    cooldown: Annotated[int, Field(ge=0)] | None = None
    min_lr: NonNegative | None = None

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        return one_of("name", name, SCHEDULES)

    @model_validator(mode="after")
    def _has_its_constants(self) -> ScheduleSection:
        known = schedule_constants_of(self.name)
        for constant, value in self.constants.items():
            if constant not in known:
                takes = f"it takes {', '.join(known)}" if known else "it takes no constants; give a name"
                raise ArgumentError(f"{constant}={value!r}: {self.name!r} has none; {takes}")
        return self

    @property
    def constants(self) -> dict[str, float]:
        """The constants given."""
        every = {constant: getattr(self, constant) for constant in SCHEDULE_CONSTANTS}
        return {constant: value for constant, value in every.items() if value is not None}

    def shortened(self, share: float, epochs: float = 1.0) -> ScheduleSection:
        """The same curve for a training that makes a share of the steps in an epoch, and of the epochs."""
        steps = self.unit == "step" or (self.unit is None and self.name == "inverse-square-root")
        left = share * epochs if steps else epochs
        changed = shortened(self.name, self.constants, left) if left < 1.0 else {}
        return self.model_copy(
            update={**changed, "warmup": self.warmup and max(round(self.warmup * share * epochs), 1)}
        )

    @property
    def on(self) -> bool:
        """Whether the rate changes at all."""
        return self.name != "fixed" or self.warmup > 0


class MomentumSection(Section):
    """``[momentum]``: how the momentum changes, by one of :data:`~unstuck.train.schedule.MOMENTUM_SCHEDULES`.

    Its constants have the names of :mod:`unstuck.schedules`.

    Attributes:
        name: The schedule.
        unit: What its constants count, ``"epoch"`` or ``"step"``; by default steps.
    """

    name: str = "fixed"
    unit: Unit | None = None
    total_steps: Positive | None = None
    start: Share | None = None
    end: Share | None = None
    max_momentum: Share | None = None
    stair: Positive | None = None

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        return one_of("name", name, MOMENTUM_SCHEDULES)

    @model_validator(mode="after")
    def _has_its_constants(self) -> MomentumSection:
        known = momentum_constants_of(self.name)
        for constant, value in self.constants.items():
            if constant not in known:
                takes = f"it takes {', '.join(known)}" if known else "it takes no constants; give a name"
                raise ArgumentError(f"{constant}={value!r}: {self.name!r} has none; {takes}")
        return self

    @property
    def constants(self) -> dict[str, float]:
        """The constants given."""
        every = {constant: getattr(self, constant) for constant in MOMENTUM_CONSTANTS}
        return {constant: value for constant, value in every.items() if value is not None}

    def shortened(self, share: float, epochs: float = 1.0) -> MomentumSection:
        """The same curve for a training that makes a share of the steps in an epoch, and of the epochs."""
        left = epochs if self.unit == "epoch" else share * epochs
        return self.model_copy(update=shortened(self.name, self.constants, left)) if left < 1.0 else self

    @property
    def on(self) -> bool:
        """Whether the momentum changes at all."""
        return self.name != "fixed"
