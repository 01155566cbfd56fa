"""Step aside where a program looks for anomalies, or traces: the frames of each call are then kept, and shown."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from unstuck.observe.torch_hooks import forward

__all__ = ["around_anomaly_mode"]


def around_anomaly_mode(switch: Callable[..., Any]) -> Callable[..., Any]:
    """Take our mode, whose frames would be among them, off the stack."""

    @functools.wraps(switch)
    def switching(*args: Any, **kwargs: Any) -> Any:
        forward.step_off()
        return switch(*args, **kwargs)

    return switching
