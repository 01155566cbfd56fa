"""Another draw of the same program: every seed that it sets is moved by the same number."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

__all__ = ["move_seeds"]

FAR = 7919
"""How far apart the seeds of two draws lie: programs give successive ones to their parts."""


def move_seeds(draw: int) -> None:
    """Seed the global generators, and move every seed that is given to them in this process from now on.

    A generator of a program's own keeps its seed: what it draws, such as the split of the data, is the same.

    Args:
        draw: The number of the draw; 0 changes nothing that a program sets itself.
    """
    torch.manual_seed(draw)
    random.seed(draw)
    np.random.seed(draw)
    if draw:
        for owner, name in (
            (torch, "manual_seed"),
            (torch.random, "manual_seed"),
            (random, "seed"),
            (np.random, "seed"),
        ):
            setattr(owner, name, _moved(getattr(owner, name), draw * FAR))


def _moved(seed: Callable[..., Any], by: int) -> Callable[..., Any]:
    def shift(value: Any) -> Any:
        return (value + by) % 2**32 if isinstance(value, int) and not isinstance(value, bool) else value

    @functools.wraps(seed)
    def moved(*args: Any, **settings: Any) -> Any:
        return seed(*map(shift, args[:1]), *args[1:], **{name: shift(value) for name, value in settings.items()})

    return moved
