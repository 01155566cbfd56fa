"""Reentrant checkpoints: those that no gradient passes, and what runs within one, where gradients are off."""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from torch import Tensor
from torch.utils.checkpoint import CheckpointFunction

from unstuck.observe.user_code.frames import user_place

__all__ = ["around_validity", "lost", "within_checkpoint"]

_FORWARD = CheckpointFunction.forward.__code__


class _Lost(threading.local):
    """The checkpoints of this thread that cut the graph, while somebody looks.

    Attributes:
        looking: Whether they are noted.
        places: File and line of each in the user's code, and how many ran there.
    """

    def __init__(self) -> None:
        self.looking = False
        self.places: dict[tuple[str | None, int | None], int] = {}


lost = _Lost()


def around_validity(check: Callable[[Any], None]) -> Callable[[Any], None]:
    """Note a checkpoint whose inputs ask for no gradient; PyTorch warns of it once, and goes on without one."""

    @functools.wraps(check)
    def watched(inputs: Any) -> None:
        if lost.looking and not any(map(_asks, inputs)):
            place = user_place(1)
            lost.places[place] = lost.places.get(place, 0) + 1
        check(inputs)

    return watched


def within_checkpoint() -> bool:
    """Whether the caller runs in the forward pass of a reentrant checkpoint, to be run again for its gradients."""
    frame: FrameType | None = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    while frame is not None and frame.f_code is not _FORWARD:
        frame = frame.f_back
    return frame is not None


def _asks(value: Any) -> bool:
    return isinstance(value, Tensor) and value.requires_grad
