"""Know when ``torch.compile`` begins to trace, before it looks at hooks and modes.

Being told costs nothing until then: PyTorch's compiler is not imported by us, but by the program's first call of
``torch.compile``, which is wrapped meanwhile (``nn.Module.compile`` calls it too).
"""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

__all__ = ["began", "expect", "forget"]


class _State:
    """Who is to be told, and whether it has happened."""

    def __init__(self) -> None:
        self.began = False
        self.tell: Callable[[], None] | None = None
        self.undo: list[Callable[[], None]] = []


_state = _State()


def expect(tell: Callable[[], None]) -> None:
    """Call a function once, when something is about to be compiled."""
    _state.began, _state.tell = False, tell
    original = torch.compile

    @functools.wraps(original)
    def watched_compile(*args: Any, **kwargs: Any) -> Any:
        if any(isinstance(value, nn.Module) for value in (*args, kwargs.get("model"))):
            _begin()  # wrapping a module warns of global hooks
        else:
            _register()
        return original(*args, **kwargs)

    torch.compile = watched_compile
    _state.undo.append(lambda: setattr(torch, "compile", original))
    if "torch._dynamo" in sys.modules:
        _register()


def forget() -> None:
    """End what :func:`expect` began."""
    while _state.undo:
        _state.undo.pop()()
    _state.began, _state.tell = False, None


def began() -> bool:
    """Whether something was compiled since :func:`expect`."""
    return _state.began


def _register() -> None:
    if len(_state.undo) > 1:
        return
    from torch._dynamo import callback_handler

    callback_handler.register_start_callback(_begin)

    def remove() -> None:
        with contextlib.suppress(ValueError):  # torch.compiler.reset() has removed it
            callback_handler.remove_start_callback(_begin)

    _state.undo.append(remove)


def _begin(*_: Any) -> None:
    if not _state.began:
        _state.began = True
        if _state.tell is not None:
            _state.tell()
