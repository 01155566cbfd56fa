"""Know when ``torch.compile`` begins to trace, before it looks at hooks and modes.

Being told costs nothing until then: PyTorch's compiler is not imported by us, but by the program's first call of
``torch.compile``, which is patched (``nn.Module.compile`` calls it too).
"""

from __future__ import annotations

import contextlib
import functools
import sys
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType, MethodType
from typing import Any

from torch import nn
from torch._C._dynamo import eval_frame

__all__ = ["around_compile", "began", "expect", "forget", "modules", "skip"]


_OURS = str(Path(__file__).parent)
_SKIPPED = eval_frame._FrameExecStrategy(  # pyright: ignore
    eval_frame._FrameAction.SKIP,  # pyright: ignore
    eval_frame._FrameAction.DEFAULT,  # pyright: ignore
)


class _State:
    """Whom to call before the first compilation, and whether it has happened."""

    def __init__(self) -> None:
        self.began = False
        self.expecting = False
        self.tell: list[Callable[[], None]] = []
        self.modules: list[weakref.ref[nn.Module]] = []
        self.undo: list[Callable[[], None]] = []


_state = _State()


def expect(*tell: Callable[[], None]) -> None:
    """Call functions once, when something is about to be compiled, until :func:`forget`."""
    _state.tell += tell
    _state.expecting = True
    if "torch._dynamo" in sys.modules:
        _register()


def forget() -> None:
    """End what :func:`expect` began."""
    while _state.undo:
        _state.undo.pop()()
    _state.began = _state.expecting = False
    _state.tell.clear()
    _state.modules.clear()


def began() -> bool:
    """Whether something was compiled since :func:`expect`."""
    return _state.began


def modules() -> list[nn.Module]:
    """Modules that were handed to ``torch.compile`` since :func:`expect`, and are still there."""
    return [module for module in (reference() for reference in _state.modules) if module is not None]


def skip(*names: str) -> None:
    """Let no compiler trace the functions of these modules of ours, which run between frames that it evaluates."""
    codes = [code for name in names for value in vars(sys.modules[name]).values() for code in _code_of(value)]
    while codes:
        code = codes.pop()
        if code.co_filename.startswith(_OURS):
            eval_frame.set_code_exec_strategy(code, _SKIPPED)
            codes += [constant for constant in code.co_consts if isinstance(constant, CodeType)]


def around_compile(compiling: Callable[..., Any]) -> Callable[..., Any]:
    """Tell before the first compilation."""

    @functools.wraps(compiling)
    def watched(*args: Any, **kwargs: Any) -> Any:
        if _state.expecting:
            given = (*args, kwargs.get("model"))
            own = (getattr(value, "__self__", None) if type(value) is MethodType else value for value in given)
            found = [value for value in own if isinstance(value, nn.Module)]  # Module.compile gives a method
            _state.modules += map(weakref.ref, found)
            if found:
                _begin()  # a module that was wrapped warns of global hooks when it is called
            else:
                _register()
        return compiling(*args, **kwargs)

    return watched


def _code_of(value: Any) -> Iterator[CodeType]:
    """The code of a function, or of the methods of a class."""
    parts = vars(value).values() if isinstance(value, type) else (value,)
    for part in parts:
        function = getattr(part, "fget", part)
        if isinstance(function, FunctionType):
            yield function.__code__


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
        for tell in tuple(_state.tell):
            tell()
