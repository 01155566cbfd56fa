"""See the forward pass of a sampled step: the modules that run, and the functions called between them.

While at least one listener listens, global module hooks keep a stack of the modules that are running, and in the
listener's thread a ``TorchFunctionMode`` sees the functions that it cares for. On other steps neither is installed, so
they cost nothing. A watcher hears of the forward passes of its modules only while it attends: on steps that it
chooses, and from each turn to what may be an evaluation (:mod:`.evaluation_switches`), since evaluations come between
steps.

As soon as anything is compiled, all of it goes for good: hooks and modes would be traced into compiled code, or have it
compiled anew each time they come or go. What a compiled program does in its forward pass is then not seen.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from types import FrameType
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle

from unstuck.observe.torch_hooks import compilation, events
from unstuck.observe.torch_hooks.aside import watchable
from unstuck.observe.torch_hooks.replaced_functions import WRITTEN_IN_C, is_pytorchs, replaced

__all__ = [
    "ForwardListener",
    "Watcher",
    "attend",
    "blind",
    "disregard",
    "enter",
    "go_blind",
    "gradients_off",
    "gradients_on",
    "listen",
    "running_modules",
    "step_off",
    "turned",
    "unlisten",
    "unwatch",
    "watch",
]


class ForwardListener(Protocol):
    """What can be seen of a forward pass.

    Attributes:
        spent: Seconds that looking took so far; added to here.
        calls: For each torch function that it cares for, what is to be called with the function, its arguments, what
            it returned, and ``learning``: whether gradients were on.
        scalars: The same for functions that return one number.
    """

    spent: float
    calls: Mapping[Any, Callable[..., None]]
    scalars: Callable[..., None]

    def claims(self, module: nn.Module) -> bool:
        """Whether a module is the listener's, which has seen nothing so far: its training runs in another thread."""
        ...

    def module_begins(self, module: nn.Module, inputs: tuple[Any, ...], *, outermost: bool, learning: bool) -> None:
        """A module is about to run; ``outermost`` unless another module called it, ``learning`` with gradients on."""
        ...

    def module_ended(self, module: nn.Module, output: Any, *, outer: nn.Module | None, learning: bool) -> None:
        """A module has run, which ``outer`` called, or nobody."""
        ...

    def function_failed(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """A torch function raised; the error goes on to the caller."""
        ...

    def failed(self, error: Exception, /) -> None:
        """This listener raised, and will not be shown any more."""
        ...


class Watcher(Protocol):
    """What hears of the forward passes of some modules.

    Attributes:
        thread: The thread that it hears of; None: of all.
        awaits_evaluations: Whether it attends to what follows a turn to what may be an evaluation.
    """

    thread: int | None
    awaits_evaluations: bool

    @property
    def kinds(self) -> Collection[type[nn.Module]]:
        """Classes of modules of whose passes without gradients it hears, though they are not its own."""
        ...

    def copy_begins(self, module: nn.Module) -> None:
        """A module of those classes is about to run without gradients."""
        ...

    @property
    def entries(self) -> Collection[int]:
        """Identities of its modules."""
        ...

    def forward_begins(self, module: nn.Module, inputs: tuple[Any, ...], *, learning: bool) -> None:
        """One of those modules is about to run; ``learning`` with gradients on."""
        ...

    def failed(self, error: Exception, /) -> None:
        """This watcher raised, and will not be called any more."""
        ...


class _Calls(TorchFunctionMode):
    """Pass every call through, and show it afterwards to those of its thread who care for the function."""

    def __init__(self, state: _State) -> None:
        super().__init__()
        self._state = state

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        run = func
        if type(func) not in WRITTEN_IN_C and not is_pytorchs(func):
            run = replaced(func, sys._getframe(1))  # pyright: ignore[reportPrivateUsage]
        try:
            output = run(*args, **kwargs)
        except Exception:
            for listener in tuple(self._state.listeners):
                if func in listener.calls:
                    _show(listener, listener.function_failed, func, args, kwargs)
            raise
        for listener in tuple(self._state.listeners):
            handler = listener.calls.get(func)
            if handler is None and type(output) is Tensor and not output.is_nested and not output.ndim:
                handler = listener.scalars
            if handler is not None:
                _show(listener, handler, func, args, kwargs, output, learning=torch.is_grad_enabled())
        return output


class _State:
    """What one thread is at.

    Attributes:
        modules: The modules that are running, the outermost first.
        entered: A module that was put there before its own hook has run.
        aside: The mode that stepped aside for a module, and that module.
        listeners: Who listens to this thread.
        mode: Our mode, while it is on this thread's stack.
    """

    def __init__(self) -> None:
        self.modules: list[nn.Module] = []
        self.entered: nn.Module | None = None
        self.aside: tuple[nn.Module, _Calls] | None = None
        self.listeners: list[ForwardListener] = []
        self.mode: _Calls | None = None


class _Thread(threading.local):
    def __init__(self) -> None:
        self.state = _State()


FUSED = (nn.MultiheadAttention, nn.TransformerEncoder, nn.TransformerEncoderLayer)
"""Layers that compute by fused kernels in evaluation, unless a mode sees the functions that are called."""

_depth = torch._C._len_torch_function_stack  # pyright: ignore
_pop = torch._C._pop_torch_function_stack  # pyright: ignore
_push = torch._C._push_on_torch_function_stack  # pyright: ignore

_thread = _Thread()
_where: dict[int, tuple[ForwardListener, _State]] = {}
_handles: list[RemovableHandle] = []
_watchers: list[Watcher] = []
_attentive: list[Watcher] = []
_briefly: list[Watcher] = []
_watching: list[RemovableHandle] = []


def running_modules() -> Sequence[nn.Module]:
    """The modules that are running in this thread, the outermost first."""
    return _thread.state.modules


def listen(listener: ForwardListener) -> None:
    """Let a listener see the forward passes of this thread from now on."""
    if id(listener) in _where or blind():
        return
    state = _thread.state
    if not state.listeners:
        state.modules.clear()
    _where[id(listener)] = (listener, state)
    state.listeners.append(listener)
    if not _handles:
        _handles.append(register_module_forward_pre_hook(_before))
        _handles.append(register_module_forward_hook(_after, always_call=True))
    if state.mode is None and not torch.is_anomaly_enabled():
        state.mode = _Calls(state)
        _put_below(state.mode)


def enter(module: nn.Module) -> None:
    """Take note that a module is running whose beginning came before the first listener."""
    state = _thread.state
    if module not in state.modules:
        state.modules.append(module)
        state.entered = module


def unlisten(listener: ForwardListener) -> None:
    """End what :func:`listen` began, in whichever thread; a listener that does not listen is allowed."""
    known = _where.pop(id(listener), None)
    if known is not None:
        known[1].listeners.remove(listener)
    if not _where:
        while _handles:
            _handles.pop().remove()
    state = _thread.state
    if not state.listeners:
        state.modules.clear()
        if state.mode is not None:
            _leave_mode(state)


def watch(watcher: Watcher) -> None:
    """Tell a watcher before each forward pass of its modules from now on, while it attends; it does at first."""
    _watchers.append(watcher)
    attend(watcher)


def unwatch(watcher: Watcher) -> None:
    """End what :func:`watch` began; a watcher that does not watch is allowed."""
    disregard(watcher)
    if watcher in _watchers:
        _watchers.remove(watcher)


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


def turned() -> None:
    """Modules have changed their mode, or inference mode began: evaluations may come."""
    if len(_attentive) == len(_watchers) and not _briefly:
        return  # as for each of the layers of a model
    for watcher in _mine():
        if watcher.awaits_evaluations:
            attend(watcher)


def gradients_off() -> None:
    """Gradients were switched off: an evaluation may come."""
    if len(_attentive) == len(_watchers):
        return
    for watcher in _mine():
        if watcher.awaits_evaluations and watcher not in _attentive:
            attend(watcher)
            _briefly.append(watcher)


def gradients_on() -> None:
    """Where no evaluation began meanwhile, it was an optimizer's step, or some counting."""
    if _briefly:
        here = threading.get_ident()
        for watcher in tuple(_briefly):
            if watcher.thread in (None, here):
                disregard(watcher)


def step_off() -> None:
    """See no functions of this thread from now on, until somebody listens anew."""
    _leave_mode(_thread.state)


blind = compilation.began
"""Whether something was compiled, so that forward passes are not seen any more."""


def go_blind() -> None:
    """Take everything away before a compiler looks."""
    for _, state in _where.values():
        state.listeners.clear()
    _where.clear()
    _attentive.clear()
    _briefly.clear()
    while _watching:
        _watching.pop().remove()
    while _handles:
        _handles.pop().remove()
    _leave_mode(_thread.state)


def _mine() -> list[Watcher]:
    here = threading.get_ident()
    return [watcher for watcher in _watchers if watcher.thread is None or watcher.thread == here]


def _before_any(module: nn.Module, inputs: Any) -> None:
    here, key = threading.get_ident(), id(module)
    for watcher in tuple(_attentive):
        own = key in watcher.entries
        if not (own or type(module) in watcher.kinds) or (watcher.thread is not None and watcher.thread != here):
            continue
        if events.thread.telling or not watchable():
            return
        learning = torch.is_grad_enabled()
        if own and watcher in _briefly:
            _briefly.remove(watcher)
        given = _with_keywords(inputs, sys._getframe(1)) if own else ()  # pyright: ignore[reportPrivateUsage]
        with events.Ours():
            try:
                if own:
                    watcher.forward_begins(module, given, learning=learning)
                elif not learning:
                    watcher.copy_begins(module)
            except Exception as error:
                unwatch(watcher)
                watcher.failed(error)


def _put_below(mode: _Calls) -> None:
    """Put our mode below those of the user, whose own leaving takes off whatever is on top.

    PyTorch's own mode for the default device has to be the lowest.
    """
    above = _emptied()
    if above and above[-1] is getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None):  # pyright: ignore
        _push(above.pop())
    for other in (mode, *reversed(above)):
        _push(other)


def _take_out(mode: _Calls) -> bool:
    """Take our mode off the stack, wherever it is; it is not there while a mode of the user handles a call."""
    found = False
    for other in reversed(_emptied()):
        if other is mode:
            found = True
        else:
            _push(other)
    return found


def _emptied() -> list[TorchFunctionMode]:
    """What was on the stack of modes, the innermost first."""
    above: list[TorchFunctionMode] = []
    while _depth():
        above.append(_pop())
    return above


def _leave_mode(state: _State) -> None:
    """Leave our mode; where that is not possible now, it passes all calls through until a later attempt."""
    if state.mode is not None and _take_out(state.mode):
        state.mode = None


def _step_aside(state: _State, module: nn.Module) -> None:
    """Take our mode off the stack while a layer runs that computes by fused kernels in evaluation.

    Under any mode it would compute by others, which round differently.
    """
    mode = state.mode
    if not module.training and mode is not None and state.aside is None and _take_out(mode):
        state.aside = (module, mode)


def _step_back(state: _State, module: nn.Module) -> None:
    """Put the mode back that stepped aside for this layer, also where the layer raised."""
    if state.aside is not None and state.aside[0] is module:
        mode, state.aside = state.aside[1], None
        if mode is state.mode:
            _put_below(mode)


def _before(module: nn.Module, inputs: Any) -> None:
    if events.thread.telling:
        return
    state = _thread.state
    if not state.listeners and not _claim(module):
        return
    if state.entered is not module:  # a hook that was removed while the hooks of this call ran may run all the same
        state.modules.append(module)
    state.entered = None
    outermost, learning = len(state.modules) == 1, torch.is_grad_enabled()
    inputs = _with_keywords(inputs, sys._getframe(1))  # pyright: ignore[reportPrivateUsage]
    for listener in tuple(state.listeners):
        _show(listener, listener.module_begins, module, inputs, outermost=outermost, learning=learning)
    if isinstance(module, FUSED) and watchable():
        _step_aside(state, module)


def _parts(output: object) -> tuple[Tensor, ...]:
    """The tensors that an object holds which a module returned, such as a distribution, or a dataclass of results."""
    held = {id(value): value for value in getattr(output, "__dict__", {}).values() if isinstance(value, Tensor)}
    return tuple(held.values())


def _after(module: nn.Module, inputs: Any, output: Any) -> None:
    del inputs
    if events.thread.telling:
        return
    state = _thread.state
    if state.aside is not None:
        _step_back(state, module)
    state.entered = None
    while state.modules and state.modules.pop() is not module:
        pass
    if state.listeners:
        if not isinstance(output, Tensor | tuple | list | dict):
            output = _parts(output)
        learning, outer = torch.is_grad_enabled(), state.modules[-1] if state.modules else None
        for listener in tuple(state.listeners):
            _show(listener, listener.module_ended, module, output, outer=outer, learning=learning)


def _claim(module: nn.Module) -> bool:
    """Move a listener here whose training turns out to run in this thread, and not where its optimizer was made."""
    if not watchable():
        return False
    for listener, _ in tuple(_where.values()):
        if listener.claims(module):
            unlisten(listener)
            listen(listener)
            return True
    return False


def _with_keywords(inputs: tuple[Any, ...], caller: FrameType) -> tuple[Any, ...]:
    """What a module is called with, keyword arguments behind the others.

    Global hooks are not given these. They stand in the frame of PyTorch's own code that calls the hooks.
    """
    known = caller.f_locals.get("kwargs")
    return (*inputs, *known.values()) if type(known) is dict and known else inputs


def _show(listener: ForwardListener, event: Callable[..., None], *args: Any, **kwargs: Any) -> None:
    """Show an event; what a listener computes is not the user's, and its errors must not be either."""
    if events.thread.telling or not watchable():
        return
    start = time.perf_counter()
    with events.Ours():
        try:
            event(*args, **kwargs)
        except Exception as error:
            unlisten(listener)
            listener.failed(error)
    listener.spent += time.perf_counter() - start
