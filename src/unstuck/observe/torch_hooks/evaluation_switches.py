"""Know when a program may turn to an evaluation: gradients are switched off, or modules change their mode.

PyTorch has no hook there, so ``torch.set_grad_enabled`` (which ``torch.no_grad`` calls), ``torch.inference_mode`` and
``nn.Module.train`` (which ``eval`` calls) are patched. Many loops switch gradients off to count what was right, so what
brings them back is seen too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from unstuck.observe.torch_hooks import events, forward

__all__ = ["around_gradients", "around_turn"]


def around_turn(turn: Callable[..., Any]) -> Callable[..., Any]:
    """Tell of a change of modes, and of inference mode."""

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
