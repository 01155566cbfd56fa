"""See the forward pass of a sampled step: the modules that run, and the functions called between them.

While at least one listener listens, global module hooks keep a stack of the modules that are running, and a
``TorchFunctionMode`` sees functional losses and activations. On other steps neither is installed, so they cost nothing.
A watcher is told of the forward passes of its modules only while it attends: on steps that it chooses, and from each
turn to what may be an evaluation (:mod:`.evaluation_switches`), since evaluations come between steps.

As soon as anything is compiled, all of it goes for good: hooks and modes would be traced into compiled code, or have it
compiled anew each time they come or go. What a compiled program does in its forward pass is then not seen.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle

from unstuck.observe.tensors.distributed import local_only
from unstuck.observe.torch_hooks import compilation, evaluation_switches

__all__ = [
    "ForwardListener",
    "Watcher",
    "attend",
    "blind",
    "current_module",
    "disregard",
    "enter",
    "expect_compiling",
    "listen",
    "running_modules",
    "unexpect_compiling",
    "unlisten",
    "unwatch",
    "watch",
]


class ForwardListener(Protocol):
    """What can be seen of a forward pass.

    Attributes:
        spent: Seconds that looking took so far; added to here.
    """

    spent: float

    def module_begins(self, module: nn.Module, inputs: tuple[Any, ...], *, outermost: bool) -> None:
        """A module is about to run; ``outermost`` unless another module called it."""
        ...

    def module_ended(self, module: nn.Module, output: Any) -> None:
        """A module has run."""
        ...

    def function_called(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], output: Any
    ) -> None:
        """A torch function was called by a module's forward, or outside of all modules."""
        ...

    def function_failed(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """A torch function raised; the error goes on to the caller."""
        ...

    def failed(self, error: Exception) -> None:
        """This listener raised, and will not be shown any more."""
        ...


class Watcher(Protocol):
    """What hears of the forward passes of some modules.

    Attributes:
        entries: Identities of those modules; it may grow.
        awaits_evaluations: Whether it attends to what follows a turn to what may be an evaluation.
    """

    entries: set[int]
    awaits_evaluations: bool

    def forward_begins(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        """One of those modules is about to run."""
        ...

    def failed(self, error: Exception) -> None:
        """This watcher raised, and will not be told any more."""
        ...


class _Calls(TorchFunctionMode):
    """Pass every call through, and show it to the listeners afterwards."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        try:
            output = func(*args, **kwargs)
        except Exception:
            if _watchable():
                _show(lambda listener: listener.function_failed(func, args, kwargs))
            raise
        if _listeners and _watchable():
            _show(lambda listener: listener.function_called(func, args, kwargs, output))
        return output


class _Stack(threading.local):
    """The modules that are running in this thread, the outermost first, and the mode that stepped aside for one."""

    def __init__(self) -> None:
        self.modules: list[nn.Module] = []
        self.entered: nn.Module | None = None
        self.aside: tuple[nn.Module, _Calls] | None = None


FUSED = (nn.MultiheadAttention, nn.TransformerEncoder, nn.TransformerEncoderLayer)
"""Layers that compute by fused kernels in evaluation, unless a mode sees the functions that are called."""

_listeners: list[ForwardListener] = []
_handles: list[RemovableHandle] = []
_modes: list[_Calls] = []
_watchers: list[Watcher] = []
_attentive: list[Watcher] = []
_briefly: list[Watcher] = []
_watching: list[RemovableHandle] = []
_stack = _Stack()


def current_module() -> nn.Module | None:
    """The innermost module that is running."""
    return _stack.modules[-1] if _stack.modules else None


def running_modules() -> Sequence[nn.Module]:
    """The modules that are running, the outermost first."""
    return _stack.modules


def listen(listener: ForwardListener) -> None:
    """Let a listener see forward passes from now on."""
    if listener in _listeners or blind():
        return
    _listeners.append(listener)
    if not _handles:
        _stack.modules.clear()
        _handles.append(register_module_forward_pre_hook(_before))
        _handles.append(register_module_forward_hook(_after, always_call=True))
    if not _modes:
        mode = _Calls()
        mode.__enter__()
        _modes.append(mode)


def enter(module: nn.Module) -> None:
    """Take note that a module is running whose beginning came before the first listener."""
    if module not in _stack.modules:
        _stack.modules.append(module)
        _stack.entered = module


def unlisten(listener: ForwardListener) -> None:
    """End what :func:`listen` began; a listener that does not listen is allowed."""
    if listener in _listeners:
        _listeners.remove(listener)
    if _listeners or not (_handles or _modes):
        return
    _stack.modules.clear()
    while _handles:
        _handles.pop().remove()
    _leave_modes()


def expect_compiling() -> None:
    """Take note of what is compiled from now on, before anybody watches, until :func:`unexpect_compiling`."""
    compilation.expect(_go_blind)


def unexpect_compiling() -> None:
    """End what :func:`expect_compiling` began."""
    compilation.forget()


def watch(watcher: Watcher) -> None:
    """Tell a watcher before each forward pass of its modules from now on, while it attends; it does at first."""
    if not _watchers:
        compilation.expect(_go_blind)
        evaluation_switches.expect(_turn, off=_gradients_off, on=_gradients_on)
    _watchers.append(watcher)
    attend(watcher)


def unwatch(watcher: Watcher) -> None:
    """End what :func:`watch` began; a watcher that does not watch is allowed."""
    disregard(watcher)
    if watcher in _watchers:
        _watchers.remove(watcher)
        if not _watchers:
            compilation.forget()
            evaluation_switches.forget()


def attend(watcher: Watcher) -> None:
    """Tell a watcher of forward passes, until it disregards them."""
    if watcher in _briefly:
        _briefly.remove(watcher)
    if watcher not in _attentive and not blind():
        _attentive.append(watcher)
        if not _watching:
            _watching.append(register_module_forward_pre_hook(_before_any))


def disregard(watcher: Watcher) -> None:
    """Do not tell a watcher of forward passes, until it attends again, or until a turn that it awaits."""
    if watcher in _briefly:
        _briefly.remove(watcher)
    if watcher in _attentive:
        _attentive.remove(watcher)
        if not _attentive and _watching:
            _watching.pop().remove()


def _turn() -> None:
    for watcher in _watchers:
        if watcher.awaits_evaluations:
            attend(watcher)


def _gradients_off() -> None:
    for watcher in _watchers:
        if watcher.awaits_evaluations and watcher not in _attentive:
            attend(watcher)
            _briefly.append(watcher)


def _gradients_on() -> None:
    """Where no evaluation began meanwhile, it was an optimizer's step, or some counting."""
    for watcher in tuple(_briefly):
        disregard(watcher)


def blind() -> bool:
    """Whether something was compiled since the first watcher came, so that forward passes are not seen any more."""
    return compilation.began()


def _go_blind() -> None:
    """Take everything away before the compiler looks."""
    evaluation_switches.forget()
    _listeners.clear()
    _attentive.clear()
    _briefly.clear()
    while _watching:
        _watching.pop().remove()
    while _handles:
        _handles.pop().remove()
    _leave_modes()


def _before_any(module: nn.Module, inputs: Any) -> None:
    for watcher in [watcher for watcher in _attentive if id(module) in watcher.entries]:
        if not _watchable():
            return
        if watcher in _briefly:
            _briefly.remove(watcher)
        try:
            with local_only():
                watcher.forward_begins(module, inputs)
        except Exception as error:
            unwatch(watcher)
            watcher.failed(error)


def _leave_modes() -> None:
    """Leave our mode, unless it is not the innermost one: then it passes all calls through until a later attempt.

    The user's code may have entered a mode of its own above ours, or called backward, which takes our mode off the
    stack while it runs.
    """
    while _modes:
        if not _innermost(_modes[-1]):
            return
        _modes.pop().__exit__(None, None, None)


def _step_aside(module: nn.Module) -> None:
    """Take our mode off the stack while a layer runs that computes by fused kernels in evaluation.

    Under any mode it would compute by others, which round differently.
    """
    if isinstance(module, FUSED) and not module.training and _stack.aside is None and _modes and _innermost(_modes[-1]):
        _stack.aside = (module, _modes[-1])
        _modes[-1].__exit__(None, None, None)


def _step_back(module: nn.Module) -> None:
    """Put the mode back that stepped aside for this layer, also where the layer raised."""
    if _stack.aside is not None and _stack.aside[0] is module:
        mode, _stack.aside = _stack.aside[1], None
        if mode in _modes:
            mode.__enter__()


def _innermost(mode: _Calls) -> bool:
    depth = torch._C._len_torch_function_stack()  # pyright: ignore
    return bool(depth) and torch._C._get_function_stack_at(depth - 1) is mode  # pyright: ignore


def _before(module: nn.Module, inputs: Any) -> None:
    if _stack.entered is not module:  # a hook that was removed while the hooks of this call ran may run all the same
        _stack.modules.append(module)
    _stack.entered = None
    if not _watchable():
        return
    outermost = len(_stack.modules) == 1
    _show(lambda listener: listener.module_begins(module, inputs, outermost=outermost))
    _step_aside(module)


def _after(module: nn.Module, inputs: Any, output: Any) -> None:
    del inputs
    _step_back(module)
    _stack.entered = None
    while _stack.modules and _stack.modules.pop() is not module:
        pass
    if isinstance(output, Tensor | tuple | list | dict) and _watchable():
        _show(lambda listener: listener.module_ended(module, output))


def _show(event: Callable[[ForwardListener], None]) -> None:
    """Show an event to every listener; what they compute is not the user's, and their errors must not be either."""
    with torch._C.DisableTorchFunction(), local_only():  # pyright: ignore[reportPrivateUsage]
        for listener in tuple(_listeners):
            start = time.perf_counter()
            try:
                event(listener)
            except Exception as error:
                unlisten(listener)
                listener.failed(error)
            listener.spent += time.perf_counter() - start


def _watchable() -> bool:
    """Whether tensors hold values: not under a compiler, a tracer or a functorch transform."""
    return not (
        torch.compiler.is_compiling()
        or torch.jit.is_tracing()
        or torch._C._functorch.peek_interpreter_stack() is not None  # pyright: ignore
    )
