"""What a sweep has found out: the best setting with its spread, what else was tried, what was stopped and why."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from unstuck.optional import require
from unstuck.sweep.attempt import Setting
from unstuck.sweep.axis import Value
from unstuck.sweep.chosen import Tried, Worth, fastest, over_seeds, seconds_to
from unstuck.sweep.space import BATCH_SIZE, Space
from unstuck.train import Recipe

__all__ = ["Result", "Trade"]

CERTAIN = (math.inf, 12.7, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23)
"""Standard errors of the difference by which the best must be ahead, by degrees of freedom: Student's t at 97.5%."""


@dataclass(frozen=True, kw_only=True)
class Trade:
    """What a batch size costs and brings.

    Attributes:
        size: Examples in a batch.
        accuracy: The best validation accuracy.
        seconds: Seconds to 99% of the best accuracy of all; infinite where it was not reached.
        speed: That accuracy over the seconds.
        curve: Seconds and accuracy after each epoch.
    """

    size: Value
    accuracy: float
    seconds: float
    speed: float
    curve: tuple[tuple[float, float], ...]


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a sweep has found out.

    Attributes:
        space: What was swept.
        tried: Every try and its outcome, in the order in which they were added.
        strategy: How it was decided what is tried, in words.
        seconds: Seconds of training in all.
        finished: Whether nothing was left to try.
    """

    space: Space
    tried: tuple[Tried, ...]
    strategy: str
    seconds: float
    finished: bool

    @classmethod
    def of(cls, space: Space, known: Mapping[str, Tried], *, strategy: str, finished: bool) -> Result:
        """The result of what is known by keys."""
        tried = tuple(known.values())
        seconds = sum(one.outcome.seconds for one in tried)
        return cls(space=space, tried=tried, strategy=strategy, seconds=seconds, finished=finished)

    @cached_property
    def ranked(self) -> tuple[Worth, ...]:
        """Settings by what they are worth, the best first; those with several seeds before those with one."""
        return over_seeds(self.tried)

    @cached_property
    def best(self) -> Worth | None:
        """The best setting; of batch sizes the one that comes first to a good accuracy. None where all were stopped."""
        trade = self.trade
        if trade and self.ranked:
            size = min(trade, key=lambda one: one.seconds).size
            return next((worth for worth in self.ranked if worth.setting.get(BATCH_SIZE) == size), self.ranked[0])
        return self.ranked[0] if self.ranked else None

    @property
    def stands(self) -> Worth | None:
        """The recipe as it stands; None where it was not tried."""
        stands = self.space.stands
        return next((worth for worth in self.ranked if worth.setting == stands), None)

    @property
    def rival(self) -> Worth | None:
        """The next best, where it was trained with several seeds too."""
        others = [worth for worth in self.ranked if worth is not self.best and worth.seeds > 1]
        return others[0] if others else None

    @property
    def sure(self) -> bool | None:
        """Whether the best is ahead of the next by more than chance explains, at 95%; None with too few seeds."""
        best, rival = self.best, self.rival
        if best is None or rival is None or best.seeds < 2:
            return None
        error = math.hypot(best.error, rival.error)
        ahead = best.mean - rival.mean if best.classes else rival.mean - best.mean
        freedom = min(best.seeds + rival.seeds - 2, len(CERTAIN) - 1)
        return ahead > CERTAIN[freedom] * error

    @property
    def stopped(self) -> tuple[Tried, ...]:
        """What was stopped, refused, or failed."""
        return tuple(one for one in self.tried if not one.outcome.kept)

    @property
    def reasons(self) -> dict[str, int]:
        """How many tries were stopped by which rule."""
        return dict(Counter(one.outcome.code or one.outcome.reason for one in self.stopped).most_common())

    @cached_property
    def trade(self) -> tuple[Trade, ...]:
        """What each batch size brings in what time; empty where batch sizes were not swept."""
        if BATCH_SIZE not in self.space.keys:
            return ()
        group = [one for one in self._alike() if one.outcome.kept and one.outcome.accuracy is not None]
        best = max(group, key=lambda one: one.outcome.worth, default=None)
        if best is None or fastest(group) is None:
            return ()
        return tuple(_trade(one, best) for one in sorted(group, key=lambda one: one.attempt.setting[BATCH_SIZE]))

    def table(self, setting: Setting) -> dict[str, Any]:
        """The recipe with a setting in it, as nested plain values."""
        return self.space.table(setting)

    @property
    def recipe(self) -> Recipe | None:
        """The recipe of the best setting; None where there is none."""
        return Recipe.of(self.table(self.best.setting)) if self.best else None

    @property
    def text(self) -> str:
        """The recipe of the best setting as TOML, with what it says and nothing that it leaves to us."""
        writer = require("tomli_w", extra="train", purpose="writing a recipe")
        return str(writer.dumps(self.table(self.best.setting))) if self.best else ""

    def to_dict(self) -> dict[str, Any]:
        """The result as plain data."""
        best = self.best
        return {
            "schema": 2,
            "strategy": self.strategy,
            "finished": self.finished,
            "sweep": self.space.to_dict(),
            "best": best and _worth(best),
            "sure": self.sure,
            "ranked": [_worth(worth) for worth in self.ranked],
            "stopped": self.reasons,
            "seconds": self.seconds,
            "tried": [{"try": one.attempt.to_dict(), "outcome": one.outcome.to_dict()} for one in self.tried],
        }

    def _alike(self) -> Iterable[Tried]:
        """Tries with the recipe's seed that differ from the best in the batch size only."""
        ranked = self.ranked
        others = {key: value for key, value in ranked[0].setting.items() if key != BATCH_SIZE} if ranked else {}
        found: dict[Value, Tried] = {}
        for one in self.tried:
            attempt = one.attempt
            same = {key: value for key, value in attempt.setting.items() if key != BATCH_SIZE} == others
            if same and attempt.whole and attempt.seed == self.space.seed and BATCH_SIZE in attempt.setting:
                found.setdefault(attempt.setting[BATCH_SIZE], one)
        return found.values()


def _trade(one: Tried, best: Tried) -> Trade:
    seconds = seconds_to(one.outcome, best.outcome)
    accuracy = one.outcome.accuracy or 0.0
    return Trade(
        size=one.attempt.setting[BATCH_SIZE],
        accuracy=accuracy,
        seconds=seconds,
        speed=accuracy / seconds if seconds else math.inf,
        curve=tuple((at, value) for at, value, _ in one.outcome.curve),
    )


def _worth(worth: Worth) -> dict[str, Any]:
    return {
        "setting": worth.setting,
        "mean": worth.mean,
        "spread": None if math.isnan(worth.spread) else worth.spread,
        "seeds": worth.seeds,
        "loss": worth.loss,
        "test": worth.test,
        "measure": "accuracy" if worth.classes else "loss",
    }
