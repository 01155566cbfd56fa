"""Know when a program may turn to an evaluation: gradients are switched off, or modules change their mode.

PyTorch has no hook there, so ``torch.set_grad_enabled`` (which ``torch.no_grad`` calls), ``torch.inference_mode`` and
``nn.Module.train`` (which ``eval`` calls) are wrapped while somebody wants to know, and restored afterwards. Many loops
switch gradients off to count what was right, so it is told too when they come back.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from unstuck.observe.torch_hooks import patches

__all__ = ["expect", "forget"]

_undo: list[Callable[[], None]] = []


def expect(turn: Callable[[], None], *, off: Callable[[], None], on: Callable[[], None]) -> None:
    """Call functions at each such turn, until :func:`forget`.

    Args:
        turn: At a change of modes, and in inference mode.
        off: Where gradients are switched off, but not by an optimizer for its update.
        on: Where they are switched on again.
    """
    if _undo:
        return

    def switched(args: tuple[Any, ...]) -> None:
        if not patches.update.goes_on:
            (on if args and args[0] is True else off)()

    _wrap(nn.Module, "train", lambda _: turn())
    _wrap(torch.inference_mode, "__enter__", lambda _: turn())
    _wrap(torch.set_grad_enabled, "__init__", switched)


def forget() -> None:
    """End what :func:`expect` began."""
    while _undo:
        _undo.pop()()


def _wrap(owner: Any, name: str, tell: Callable[[tuple[Any, ...]], None]) -> None:
    original = getattr(owner, name)

    @functools.wraps(original)
    def turning(owned: Any, *args: Any, **kwargs: Any) -> Any:
        tell(args)
        return original(owned, *args, **kwargs)

    setattr(owner, name, turning)
    _undo.append(lambda: setattr(owner, name, original))
