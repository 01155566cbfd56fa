"""Know when ``torch.compile`` begins to trace, before it looks at hooks and modes.

Being told costs nothing until then: PyTorch's compiler is not imported by us, but by the program's first call of
``torch.compile``, which is wrapped meanwhile (``nn.Module.compile`` calls it too).
"""

from __future__ import annotations

import contextlib
import functools
import sys
import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

__all__ = ["began", "expect", "forget", "modules"]


class _State:
    """Who is to be told, and whether it has happened."""

    def __init__(self) -> None:
        self.began = False
        self.expecting = 0
        self.tell: Callable[[], None] | None = None
        self.modules: list[weakref.ref[nn.Module]] = []
        self.undo: list[Callable[[], None]] = []


_state = _State()


def expect(tell: Callable[[], None]) -> None:
    """Call a function once, when something is about to be compiled; each call needs a :func:`forget`."""
    _state.tell = tell
    _state.expecting += 1
    if _state.expecting > 1:
        _register_if_imported()
        return
    original = torch.compile

    @functools.wraps(original)
    def watched_compile(*args: Any, **kwargs: Any) -> Any:
        modules = [value for value in (*args, kwargs.get("model")) if isinstance(value, nn.Module)]
        _state.modules += map(weakref.ref, modules)
        if modules:
            _begin()  # a module that was wrapped warns of global hooks when it is called
        else:
            _register()
        return original(*args, **kwargs)

    torch.compile = watched_compile
    _state.undo.append(lambda: setattr(torch, "compile", original))
    _register_if_imported()


def forget() -> None:
    """End what :func:`expect` began."""
    _state.expecting -= 1
    if _state.expecting > 0:
        return
    while _state.undo:
        _state.undo.pop()()
    _state.began, _state.tell, _state.expecting = False, None, 0
    _state.modules.clear()


def began() -> bool:
    """Whether something was compiled since the first :func:`expect`."""
    return _state.began


def modules() -> list[nn.Module]:
    """Modules that were handed to ``torch.compile`` since the first :func:`expect`, and are still there."""
    return [module for module in (reference() for reference in _state.modules) if module is not None]


def _register_if_imported() -> None:
    if "torch._dynamo" in sys.modules:
        _register()


def _register() -> None:
    from torch._dynamo import callback_handler

    if _begin in callback_handler.start_callbacks:
        return  # not so after torch.compiler.reset()
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
