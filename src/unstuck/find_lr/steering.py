"""Steer the rate of a script's training from outside, and hear its losses."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch.optim import Optimizer

from unstuck.find_lr.kept import Kept
from unstuck.find_lr.trainer import grew, momentum_of, rates_of, ratios_of, set_rates
from unstuck.observe.torch_hooks import events, patches
from unstuck.observe.torch_hooks.backward import Backward
from unstuck.observe.updates import learnable

__all__ = ["Asked", "Steering"]

LOOKED_AT = 3
"""Parameters whose gradients tell whether those of an earlier pass were cleared without an update."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a trial is asked for.

    Attributes:
        rates: Of each update.
        passed_by: Updates before these that are undone as soon as they are made, so that other batches are seen.
        losses: Where a line of JSON goes for each loss, at once, for the process may be killed at any time.
        bound: A loss beyond which it ends.
    """

    rates: Sequence[float]
    passed_by: int
    losses: Path
    bound: float = math.inf


class Steering:
    """Sets the rate of each update of the optimizer that steps first, and writes down the loss of each.

    The loss of an update is the mean over the backward passes that led to it: several micro-batches are one update. A
    pass whose gradients were cleared before any update, as a gradient scaler does that finds infinities, counts for
    none.

    Args:
        begins: Called at the first update with what is known of the optimizer; gives what is asked for.
        done: Called after the last update.
    """

    thread: int | None = None
    updates_of: int | None = None

    def __init__(self, *, begins: Callable[[dict[str, Any]], Asked], done: Callable[[], object]) -> None:
        self._begins, self._done = begins, done
        self._asked: Asked | None = None
        self._passed_by = 0
        self._optimizer: Optimizer | None = None
        self._kept: Kept | None = None
        self._ratios: list[float] = []
        self._held: set[int] = set()
        self._pending: list[float] = []
        self._closure = False
        self._made = 0

    def __enter__(self) -> Steering:
        patches.listen(self)
        return self

    def __exit__(self, *error: Any) -> None:
        patches.unlisten(self)

    def failed(self, error: Exception) -> None:
        """Say what raised here; nothing is heard any more."""
        self.say(ended=f"the search failed within the script: {type(error).__name__}: {error}")

    def say(self, **what: Any) -> None:
        """Write a line."""
        if self._asked is not None:
            with self._asked.losses.open("a", encoding="utf-8") as file:
                file.write(json.dumps(what) + "\n")

    def backward_begins(self, backward: Backward) -> None:
        """A loss is differentiated."""
        if not backward.roots or not self._own(backward):
            return
        if self._pending and not self._closure and self._cleared():
            self._pending.clear()
        value = sum(float(root.detach().double().mean()) for root in backward.roots)
        self._pending.append(value)

    def _own(self, backward: Backward) -> bool:
        """Whether a pass leads to parameters of the optimizer that is steered; before its first step all are taken."""
        if self._optimizer is None or events.one_optimizer():
            return True
        return any(id(leaf) in self._held for root in backward.roots for leaf in learnable(root))

    def _cleared(self) -> bool:
        """Whether the gradients of the passes so far are gone."""
        if self._optimizer is None:
            return False
        held = [p for group in self._optimizer.param_groups for p in group["params"]]
        some = held[:: max(len(held) // LOOKED_AT, 1)]
        return all(p.grad is None or not bool(p.grad.any()) for p in some)

    def step_begins(self, optimizer: Optimizer) -> None:
        """An update is about to be made: at our rate."""
        self._step_begins(optimizer, closure=False)

    def closure_begins(self, optimizer: Optimizer) -> None:
        """The same, and its backward passes come after."""
        self._step_begins(optimizer, closure=True)

    def _step_begins(self, optimizer: Optimizer, *, closure: bool) -> None:
        if self._optimizer is None:
            self._take(optimizer)
        if optimizer is not self._optimizer:
            return
        self._closure = closure
        if self._closure:
            self._pending.clear()
        assert self._asked is not None
        if self._passed_by <= 0:
            set_rates(optimizer, self._asked.rates[self._made], self._ratios)

    def step_ended(self, optimizer: Optimizer) -> None:
        """It is made."""
        if optimizer is not self._optimizer or self._kept is None or self._asked is None:
            return
        losses, self._pending = self._pending, []
        if self._passed_by > 0 or self._asked.rates[self._made] == 0.0:
            self._kept.restore()
        if self._passed_by > 0:
            self._passed_by -= 1
            return
        if not losses:
            return
        loss = losses[0] if self._closure else sum(losses) / len(losses)
        rate = self._asked.rates[self._made]
        self._made += 1
        self.say(loss=loss)
        if rate and self._asked.bound < loss < math.inf:
            self.say(ended=grew(loss))
            self._done()
        elif self._made == len(self._asked.rates) or not math.isfinite(loss):
            self._done()

    def _take(self, optimizer: Optimizer) -> None:
        """The optimizer that steps first is the one that is steered, from where it stands."""
        self._optimizer = optimizer
        self._kept = Kept([], optimizer)
        self._held = {id(p) for group in optimizer.param_groups for p in group["params"]}
        rated = all("lr" in group for group in optimizer.param_groups)
        self._ratios = ratios_of(optimizer) if rated else []
        count = sum(p.numel() for group in optimizer.param_groups for p in group["params"])
        known = {"method": type(optimizer).__name__, "others": len(events.optimizers()) - 1, "parameters": count}
        rate = max(rates_of(optimizer)) if rated else None
        self._asked = self._begins({**known, "rate": rate, "momentum": momentum_of(optimizer)})
        self._passed_by = self._asked.passed_by
        if not events.hears("step_ended"):  # a fork, in which nobody listens
            patches.listen(self)
