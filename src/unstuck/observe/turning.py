"""Know when a program may turn to an evaluation: gradients are switched off, or modules change their mode.

PyTorch has no hook there, so ``torch.set_grad_enabled`` (which ``torch.no_grad`` calls), ``torch.inference_mode`` and
``nn.Module.train`` (which ``eval`` calls) are wrapped while somebody wants to know, and restored afterwards.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

__all__ = ["expect", "forget"]

_undo: list[Callable[[], None]] = []


def expect(turn: Callable[[], None]) -> None:
    """Call a function at each such turn, until :func:`forget`."""
    if _undo:
        return
    for owner, name in (
        (torch.set_grad_enabled, "__init__"),
        (torch.inference_mode, "__enter__"),
        (nn.Module, "train"),
    ):
        _wrap(owner, name, turn)


def forget() -> None:
    """End what :func:`expect` began."""
    while _undo:
        _undo.pop()()


def _wrap(owner: Any, name: str, turn: Callable[[], None]) -> None:
    original = getattr(owner, name)

    @functools.wraps(original)
    def turning(owned: Any, *args: Any, **kwargs: Any) -> Any:
        if name != "__init__" or not (args and args[0] is True):  # what switches gradients on begins no evaluation
            turn()
        return original(owned, *args, **kwargs)

    setattr(owner, name, turning)
    _undo.append(lambda: setattr(owner, name, original))
