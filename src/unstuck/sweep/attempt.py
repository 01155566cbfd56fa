"""One training of a sweep: what is to be tried, and what came of it."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from unstuck.sweep.axis import Value

__all__ = ["Outcome", "Setting", "Stage", "Try", "better"]

Setting = dict[str, Value]
"""Values by key."""

Stage = Literal["coarse", "fine", "seeds", "sampled"]
"""Why something is tried: for its order of magnitude, its fine value, the spread over seeds, or because a sampler of
Optuna asked for it."""


@dataclass(frozen=True, kw_only=True)
class Try:
    """A training to be made.

    Attributes:
        setting: What it changes of the recipe.
        stage: Why it is made.
        seed: Its seed.
        quick: Whether it sees two classes and a tenth of the data only.
        share: Share of the recipe's epochs that it makes at most.
        patience: Epochs without a better one after which it stops.
    """

    setting: Setting
    stage: Stage
    seed: int = 0
    quick: bool = False
    share: float = 1.0
    patience: int = 10

    @property
    def key(self) -> str:
        """What tells it from other tries: two of one key are one training."""
        return json.dumps([self.setting, self.seed, self.quick, self.share], sort_keys=True)

    @property
    def whole(self) -> bool:
        """Whether it is a training as the recipe says, and not a shorter one by which only magnitudes are known."""
        return not self.quick and self.share == 1.0

    def to_dict(self) -> dict[str, Any]:
        """The try as plain data."""
        return asdict(self)

    @classmethod
    def of(cls, data: dict[str, Any]) -> Try:
        """The try of :meth:`to_dict`."""
        return cls(**data)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a try.

    Attributes:
        reason: completed; early stopping; pruned: stopped by a rule; diverged; refused: the recipe does not accept it;
            or failed.
        accuracy: Validation accuracy of the best epoch; None where there are no classes, or no epoch was made.
        loss: Validation loss of that epoch, of a training without a validation part that of training.
        epochs: Epochs made.
        seconds: Seconds of training; of a training in a stack, the stack's over its members.
        curve: After each epoch the seconds since its start, the accuracy (NaN without classes), and the loss.
        said: Why it was stopped, or refused, or failed, in a sentence.
        code: Code of the finding that stopped it.
        test: Accuracy, or loss where there are no classes, on the test part; None where it was not looked at.
        stacked: Trainings that were made together with it, itself among them.
    """

    reason: Literal["completed", "early stopping", "pruned", "diverged", "refused", "failed"]
    accuracy: float | None = None
    loss: float = math.nan
    epochs: int = 0
    seconds: float = 0.0
    curve: tuple[tuple[float, float, float], ...] = ()
    said: str = ""
    code: str = ""
    test: float | None = None
    stacked: int = 1
    kept: bool = field(init=False, repr=False, compare=False, default=False)

    def __post_init__(self) -> None:
        finite = math.isfinite(self.loss) or (self.accuracy is not None and math.isfinite(self.accuracy))
        object.__setattr__(self, "kept", self.reason in ("completed", "early stopping") and finite)

    @property
    def worth(self) -> tuple[float, float]:
        """Sorts the better after the worse: by accuracy, then by loss; whatever was stopped comes first."""
        if not self.kept:
            return -math.inf, -math.inf
        least = -math.inf if math.isnan(self.loss) else -self.loss
        return (least, 0.0) if self.accuracy is None else (self.accuracy, least)

    @property
    def value(self) -> float:
        """The number that is made as large as possible: accuracy, or the loss below zero where there are no classes."""
        return self.accuracy if self.accuracy is not None else -self.loss

    def to_dict(self) -> dict[str, Any]:
        """The outcome as plain data, with None for what is not finite, which JSON cannot say."""
        data = asdict(self)
        del data["kept"]
        return {
            **data,
            "loss": _finite(self.loss),
            "curve": [[_finite(number) for number in point] for point in self.curve],
        }

    @classmethod
    def of(cls, data: dict[str, Any]) -> Outcome:
        """The outcome of :meth:`to_dict`."""
        curve = tuple(
            tuple(math.nan if number is None else float(number) for number in point) for point in data["curve"]
        )
        given: dict[str, Any] = {**data, "loss": math.nan if data["loss"] is None else data["loss"], "curve": curve}
        return cls(**given)


def better(first: Outcome, second: Outcome) -> bool:
    """Whether the first is worth more."""
    return first.worth > second.worth


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
