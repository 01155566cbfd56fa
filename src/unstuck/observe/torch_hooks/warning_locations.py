"""Warnings keep the place that they have without us, and are shown as often.

A warning names the caller some frames above it, and is shown once for each place. Our wrappers, and the mode that sees
functions, put frames between; these are not counted. A function that the mode has seen was entered twice, once to be
shown and once to run, and counts once; and the call of a module takes one frame more while there are hooks.
"""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import nn

__all__ = ["around_showwarning", "around_warn", "hooked_by_us"]

_OURS = str(Path(__file__).parents[1])
_MODE = str(Path(__file__).parent / "forward.py")
_OVERRIDES = str(Path(torch.__file__).parent / "overrides.py")
_MODULE = nn.modules.module.__file__
_WARNINGS = warnings.__file__
_BELOW = tuple(str(Path(_OURS).parent / part) for part in ("diagnose", "cli"))
"""Where a watched script is started from: below its first frame there is nothing, as far as it is concerned."""

BEYOND = 10_000
"""Frames further than any stack goes."""

_REGISTERS = ("forward", "backward", "updates", "evaluation_switches")
"""Modules whose frames call the program's functions."""

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def around_warn(warn: Callable[..., None]) -> Callable[..., None]:
    """Count no frame of ours among those that a warning's ``stacklevel`` passes over."""

    @functools.wraps(warn)
    def warn_in_place(
        message: Any, category: Any = None, stacklevel: int = 1, source: Any = None, **skipping: Any
    ) -> None:
        level = stacklevel + _passed(sys._getframe(1), stacklevel)  # pyright: ignore[reportPrivateUsage]
        warn(message, category, level + 1, source, **skipping)

    return warn_in_place


def around_showwarning(show: Callable[..., None]) -> Callable[..., None]:
    """Show a warning at the place that it has without us."""

    @functools.wraps(show)
    def show_in_place(message: Any, category: Any, filename: str, lineno: int, *rest: Any, **named: Any) -> None:
        frame = _true_place(sys._getframe(1)) if filename.startswith(_OURS) else None  # pyright: ignore
        if frame is None:
            show(message, category, filename, lineno, *rest, **named)
            return
        # By the place's own register, which says whether it was shown there before; ours must always ask.
        for module in _REGISTERS:
            sys.modules[f"{__package__}.{module}"].__dict__.pop("__warningregistry__", None)
        register = frame.f_globals.setdefault("__warningregistry__", {})
        name = frame.f_globals.get("__name__")
        warnings.warn_explicit(message, category, frame.f_code.co_filename, frame.f_lineno, name, register)

    return show_in_place


def _passed(frame: FrameType, level: int) -> int:
    """Frames of ours between a frame and the one that is ``level - 1`` above it."""
    passed = 0
    current: FrameType | None = frame
    for _ in range(level - 1):
        if current is None:
            break
        current, skipped = _above(current)
        passed += skipped
        if current is not None and current.f_code.co_filename.startswith(_BELOW):
            return passed + BEYOND
    return passed


def _above(frame: FrameType) -> tuple[FrameType | None, int]:
    """The caller of a frame, and how many frames of ours were passed over to find it."""
    caller, skipped = frame.f_back, 0
    while caller is not None and (caller.f_code.co_filename.startswith(_OURS) or hooked_by_us(caller)):
        mode = caller.f_code.co_filename == _MODE
        caller, skipped = caller.f_back, skipped + 1
        if mode and caller is not None and caller.f_code.co_filename == _OVERRIDES:
            caller, skipped = caller.f_back, skipped + 1
            if caller is not None and caller.f_code is frame.f_code:
                caller, skipped = caller.f_back, skipped + 1
    return caller, skipped


def hooked_by_us(frame: FrameType) -> bool:
    """Whether a frame is the detour that a module's call takes for hooks, although the module has none of its own."""
    if frame.f_code.co_name != "inner" or frame.f_code.co_filename != _MODULE or frame.f_back is None:
        return False
    module = frame.f_back.f_locals.get("self")
    return isinstance(module, nn.Module) and not any(getattr(module, hooks) for hooks in _HOOKS)


def _true_place(frame: FrameType | None) -> FrameType | None:
    """The first frame above the warning machinery and our own."""
    while frame is not None and (
        frame.f_code.co_filename == _WARNINGS or frame.f_code.co_filename.startswith((_OURS, _OVERRIDES))
    ):
        frame = frame.f_back
    return frame
