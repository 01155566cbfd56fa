"""What a ``GradScaler`` does with the updates of each optimizer: those that it makes, and those that it skips."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor
from torch.amp.grad_scaler import GradScaler
from torch.optim import Optimizer

from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.torch_hooks import events
from unstuck.observe.user_code.frames import user_place

__all__ = ["Scaled", "around_update", "scaled"]

LOOKED_INTO = 3
"""Skipped updates whose gradients are looked into one by one; then those whose number is a power of two."""


@dataclass
class Scaled:
    """The updates of one optimizer under a scaler.

    Attributes:
        scaler: It.
        asked: Updates that the program asked for.
        skipped: Those that were not made, because a gradient was not finite.
        settled: Those of them that came after the first update that was made.
        overflowed: Of the latest that was looked into, the parameters whose gradient is not finite.
        place: File and line of the program's call.
    """

    scaler: weakref.ref[GradScaler]
    asked: int = 0
    skipped: int = 0
    settled: int = 0
    overflowed: list[weakref.ref[Tensor]] = field(default_factory=list[weakref.ref[Tensor]])
    place: tuple[str | None, int | None] = (None, None)


scaled: weakref.WeakKeyDictionary[Optimizer, Scaled] = weakref.WeakKeyDictionary()
"""What is known of the optimizers that a scaler steps."""


def around_update(step: Callable[..., Any]) -> Callable[..., Any]:
    """Count the updates of ``GradScaler.step``, which asks for one only where all gradients are finite."""

    @functools.wraps(step)
    def watched(self: GradScaler, optimizer: Optimizer, state: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        returned = step(self, optimizer, state, *args, **kwargs)
        if not events.empty():
            _note(self, optimizer, state)
        return returned

    return watched


def _note(scaler: GradScaler, optimizer: Optimizer, state: dict[str, Any]) -> None:
    known = scaled.get(optimizer)
    if known is None or known.scaler() is not scaler:
        known = scaled[optimizer] = Scaled(weakref.ref(scaler), place=user_place(2))
    known.asked += 1
    # PyTorch has just fetched these numbers to decide: they are there.
    if any(found.item() for found in state["found_inf_per_device"].values()):
        known.skipped += 1
        known.settled += known.skipped < known.asked
        if known.skipped <= LOOKED_INTO or known.skipped & (known.skipped - 1) == 0:
            with events.Ours():
                held = (parameter for group in optimizer.param_groups for parameter in group["params"])
                known.overflowed = [weakref.ref(parameter) for parameter in held if _overflows(parameter.grad)]


def _overflows(gradient: Tensor | None) -> bool:
    return gradient is not None and is_readable(gradient) and not bool(gradient.isfinite().all())
