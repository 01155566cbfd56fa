"""Know when a program may turn to an evaluation: gradients are switched off, or modules change their mode.

PyTorch has no hook there, so ``torch.set_grad_enabled`` (which ``torch.no_grad`` calls), ``torch.inference_mode`` and
``nn.Module.train`` (which ``eval`` calls) are patched. Many loops switch gradients off to count what was right, so what
brings them back is seen too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from torch import nn

from unstuck.observe.torch_hooks import events, forward

__all__ = ["around_gradients", "around_mode", "around_turn"]


def around_mode(turn: Callable[..., Any]) -> Callable[..., Any]:
    """Tell of modules that change their mode; many loops set the same one for each batch."""

    @functools.wraps(turn)
    def turning(owned: nn.Module, *args: Any, **kwargs: Any) -> Any:
        mode = args[0] if args else kwargs.get("mode", True)
        if mode is not owned.training and not events.thread.telling:
            forward.turned()
        return turn(owned, *args, **kwargs)

    return turning


def around_turn(turn: Callable[..., Any]) -> Callable[..., Any]:
    """Tell of inference mode."""

    @functools.wraps(turn)
    def turning(owned: Any, *args: Any, **kwargs: Any) -> Any:
        if not events.thread.telling:
            forward.turned()
        return turn(owned, *args, **kwargs)

    return turning


def around_gradients(switch: Callable[..., Any]) -> Callable[..., Any]:
    """Tell where gradients are switched off, but not by an optimizer for its update, and where they come back."""

    @functools.wraps(switch)
    def switching(owned: Any, *args: Any, **kwargs: Any) -> Any:
        if not (events.thread.telling or events.thread.updating):
            (forward.gradients_on if args and args[0] is True else forward.gradients_off)()
        return switch(owned, *args, **kwargs)

    return switching
