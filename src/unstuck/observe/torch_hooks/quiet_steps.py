"""Steps of which loss and rates alone are to be recorded: taken in as they pass, and recorded together afterwards.

Nearly all steps of a long training are of this kind, so whatever they pass through costs. Of such a step two short
methods are called, at its backward pass and at the end of its update, and one where a schedule changes the rate.
Anything else that happens ends the quiet first, but for a batch whose examples are recognised, and so does
:meth:`QuietSteps.loss` or :meth:`QuietSteps.step` where a step turns out to be another one.
"""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Callable, Sequence

from torch import Tensor
from torch.optim import Optimizer

__all__ = ["QuietSteps"]


class QuietSteps:
    """Take in the losses of the coming steps of one training.

    Args:
        optimizer: The training's.
        rates: Learning rates of its groups, the very objects that were recorded.
        steps: How many steps are quiet.
        until: When the quiet ends at the latest, by ``time.perf_counter``.
        limit: The highest loss that is usual: a step above it is to be looked at.
        waits: Says whether somebody wants the next backward pass told in full; None where nobody will.
        passes: Backward passes that an update takes at most.
        terms: How many of these are of different terms of the loss, and no micro-batches.
        closures: Whether updates are taken in that are given a closure.
        scheduled: Takes in the step of a schedule, if it knows that; None where no such step is taken in.

    Attributes:
        updates_of: The identity of the optimizer.
        until: As above, may be put off.
        losses: One for each step that was made: the mean over its passes, times the number of terms.
        taken: Backward passes of these steps.
        pending: The losses of the step that is under way; empty before its backward pass.
        changes: New rates of the groups, each with how many steps were made before the one that had them first.
        closing: Whether an update with a closure is under way.
        ended: When the latest update was made.

    Examples:
        >>> import torch
        >>> optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.5)
        >>> rates = [group["lr"] for group in optimizer.param_groups]
        >>> quiet = QuietSteps(optimizer, rates, steps=2, until=math.inf)
        >>> quiet.loss(torch.tensor(1.5)), quiet.step(optimizer), quiet.losses
        (True, True, [1.5])
    """

    __slots__ = (
        *("_closures", "_limit", "_passes", "_rates", "_scheduled", "_steps", "_terms", "_thread", "_waits"),
        *("changes", "closing", "ended", "losses", "pending", "taken", "until", "updates_of"),
    )

    def __init__(
        self,
        optimizer: Optimizer,
        rates: Sequence[object],
        *,
        steps: int,
        until: float,
        limit: float = math.inf,
        waits: Callable[[], bool] | None = None,
        passes: int = 1,
        terms: float = 1,
        closures: bool = False,
        scheduled: Callable[[object], bool] | None = None,
    ) -> None:
        self.updates_of = id(optimizer)
        self.until = until
        self.losses: list[float] = []
        self.pending: list[float] = []
        self.changes: list[tuple[int, tuple[float, ...]]] = []
        self.taken = 0
        self.closing = False
        self.ended = 0.0
        self._rates = rates
        self._steps = steps
        self._limit = min(limit, sys.float_info.max)
        self._waits = waits
        self._passes = passes
        self._terms = terms
        self._closures = closures
        self._scheduled = scheduled
        self._thread = threading.get_ident()

    def loss(self, loss: Tensor) -> bool:
        """Take the loss of a backward pass of a step, if it is one number on the CPU that is no higher than usual."""
        pending = self.pending
        if len(pending) >= self._passes or len(self.losses) >= self._steps or threading.get_ident() != self._thread:
            return False
        if type(loss) is not Tensor or not loss.is_cpu or loss.ndim or (self._waits is not None and self._waits()):
            return False
        number = loss.item()
        if type(number) is not float or not -math.inf < number <= self._limit:
            return False
        pending.append(number)
        return True

    def closes(self) -> bool:
        """Take in that an update begins with a closure, if these are, and no backward pass came before."""
        self.closing = self._closures and not self.pending and threading.get_ident() == self._thread
        return self.closing

    def scheduled(self, schedule: object) -> bool:
        """Take in that a schedule of the optimizer is stepped, if it is known."""
        return self._scheduled is not None and self._scheduled(schedule)

    def step(self, optimizer: Optimizer) -> bool:
        """Take in the update of a step, if its loss was taken and each group has a rate."""
        pending, groups, now = self.pending, optimizer.param_groups, time.perf_counter()
        if not pending or now >= self.until or id(optimizer) != self.updates_of or len(groups) != len(self._rates):
            return False
        for group, rate in zip(groups, self._rates, strict=True):
            if group.get("lr") is not rate:
                if not self._change(groups):
                    return False
                break
        passes = len(pending)
        self.losses.append(pending[0] if passes == 1 else sum(pending) / passes * min(self._terms, passes))
        self.taken += passes
        pending.clear()
        self.closing, self.ended = False, now
        return True

    def _change(self, groups: Sequence[dict[str, object]]) -> bool:
        """Take in rates that are others, if they are plain numbers."""
        rates: list[float] = []
        for group in groups:
            rate = group.get("lr")
            if type(rate) is not float:
                return False
            rates.append(rate)
        if rates != list(self._rates):
            self.changes.append((len(self.losses), tuple(rates)))
        self._rates = rates
        return True
