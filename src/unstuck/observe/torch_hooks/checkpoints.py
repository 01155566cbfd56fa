"""Reentrant checkpoints that no gradient passes: none of the tensors that they are given asks for one."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

from torch import Tensor

from unstuck.observe.user_code.frames import user_place

__all__ = ["around_validity", "lost"]


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


def _asks(value: Any) -> bool:
    return isinstance(value, Tensor) and value.requires_grad
