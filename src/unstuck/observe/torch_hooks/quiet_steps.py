"""Steps of which nothing but the loss is to be recorded: taken in as they pass, and recorded together afterwards.

Nearly all steps of a long training are of this kind, so whatever they pass through costs. Of such a step two short
methods are called, at its backward pass and at the end of its update. Anything else that happens ends the quiet first,
and so does :meth:`QuietSteps.loss` or :meth:`QuietSteps.step` where a step turns out to be another one.
"""

from __future__ import annotations

import math
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

    Attributes:
        updates_of: The identity of the optimizer.
        losses: One for each step that was made.
        pending: The loss of the step that is under way; None before its backward pass.
        ended: When the latest update was made.
        spent: Seconds that taking them in took.

    Examples:
        >>> import torch
        >>> optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.5)
        >>> rates = [group["lr"] for group in optimizer.param_groups]
        >>> quiet = QuietSteps(optimizer, rates, steps=2, until=math.inf)
        >>> quiet.loss(torch.tensor(1.5)), quiet.step(optimizer), quiet.losses
        (True, True, [1.5])
    """

    __slots__ = (
        *("_limit", "_rates", "_steps", "_thread", "_until", "_waits"),
        *("ended", "losses", "pending", "spent", "updates_of"),
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
    ) -> None:
        self.updates_of = id(optimizer)
        self.losses: list[float] = []
        self.pending: float | None = None
        self.ended = self.spent = 0.0
        self._rates = rates
        self._steps = steps
        self._until = until
        self._limit = limit
        self._waits = waits
        self._thread = threading.get_ident()

    def loss(self, loss: Tensor) -> bool:
        """Take the loss of a step's only backward pass, if it is one number on the CPU that is no higher than usual."""
        if self.pending is not None or len(self.losses) >= self._steps or threading.get_ident() != self._thread:
            return False
        if type(loss) is not Tensor or not loss.is_cpu or loss.ndim or (self._waits is not None and self._waits()):
            return False
        number = loss.item()
        if type(number) is not float or not math.isfinite(number) or number > self._limit:
            return False
        self.pending = number
        return True

    def step(self, optimizer: Optimizer) -> bool:
        """Take in the update of a step, if its loss was taken and the rates are what they were."""
        number, now = self.pending, time.perf_counter()
        if number is None or now >= self._until or id(optimizer) != self.updates_of:
            return False
        if len(optimizer.param_groups) != len(self._rates):
            return False
        for group, rate in zip(optimizer.param_groups, self._rates, strict=True):
            if group.get("lr") is not rate:
                return False
        self.losses.append(number)
        self.pending, self.ended = None, now
        self.spent += time.perf_counter() - now
        return True
