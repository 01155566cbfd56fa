"""Weight decay weakened or left out."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager

from unstuck.record import Finding, Run, facts
from unstuck.remedies import effects, obstacles
from unstuck.remedies.change import Change
from unstuck.remedies.constants import constants
from unstuck.remedies.remedy import Remedy
from unstuck.rules.weaker_decay import weaker_decay

__all__ = ["WeightDecay"]


class WeightDecay(Remedy):
    """Step with a weaker weight decay, or with none.

    Changes: ``weight_decay`` of every parameter group within each step.

    Applies: where the optimizer decays weights. A penalty that the script adds to its loss is not reached.

    Proves: a regularisation that is too strong.
    """

    name = "weight-decay"
    proves = ("regularisation-too-strong",)

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """The weaker decay that advice names, then none."""
        decay = _strongest(run)
        if not decay:
            return ()
        return [Change(remedy=self.name, settings={"weight_decay": value}) for value in (weaker_decay(run, decay), 0.0)]

    def words(self, change: Change, run: Run) -> str:
        """``"with a weight decay of 0.0001"``."""
        value = change.number("weight_decay")
        return f"with a weight decay of {value:.3g}" if value else "without weight decay"

    def obstacle(self, run: Run) -> str | None:
        """There must be an optimizer."""
        return obstacles.without_optimizer(run)

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Step with that decay where a group decays at all."""
        value = change.number("weight_decay") or 0.0
        weaker = constants(
            lambda optimizer, group: {"weight_decay": value} if group.get("weight_decay") else {},
            lambda: effects.happened(self.name),
        )
        with weaker:
            yield


def _strongest(run: Run) -> float:
    optimizer = run.fact(facts.Optimizer)
    return max((group.weight_decay or 0.0 for group in optimizer.groups), default=0.0) if optimizer else 0.0
