"""Where the observer holds on to PyTorch: backward passes, optimizer steps, new optimizers, schedules.

Optimizer steps are seen through PyTorch's global optimizer hooks. For backward passes (``torch.autograd.backward``,
which ``Tensor.backward`` calls, and ``torch.autograd.grad``), for the construction of optimizers, and for schedules
PyTorch has no hook, so these are wrapped while somebody listens, and restored afterwards. A listener that raises is
dropped: watching must never stop a training.
"""

from __future__ import annotations

import contextlib
import functools
import os
import warnings
import weakref
from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.amp.grad_scaler import GradScaler
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from unstuck.observe.tensors.distributed import local_only
from unstuck.observe.torch_hooks.warning_locations import keep_places

__all__ = ["Listener", "held_parameters", "listen", "one_optimizer", "spare", "unlisten", "update"]


class Listener(Protocol):
    """What hears of a program; beside this it has those of the following methods that it cares for.

    ===================================  ===============================================================================
    method                               called
    ===================================  ===============================================================================
    backward_begins(roots)               before a backward pass from these tensors, while their graph is still there
    backward_ended()                     after it
    gradients_begin(roots, inputs)       before torch.autograd.grad of these roots with respect to these inputs
    gradients_ended(inputs, gradients)   after it
    step_begins(optimizer, closure)      before an optimizer's step; with a closure, its backward passes come after this
    step_ended(optimizer)                after it
    optimizer_made(optimizer)            when an optimizer was constructed
    schedule_stepped(schedule)           when a learning-rate schedule was stepped
    transformed()                        when a gradient is taken within a transform of torch.func, of which no other
                                         event tells: its tensors hold no values that could be read
    ===================================  ===============================================================================
    """

    def failed(self, error: Exception) -> None:
        """This listener raised, and will not be called any more."""
        ...


class Sparing(Listener, Protocol):
    """A listener that may be spared what it has no use for at most steps.

    Attributes:
        spared: Whether it is not told of :data:`DISPENSABLE` events.
    """

    spared: bool


EVENTS = (
    *("backward_begins", "backward_ended", "gradients_begin", "gradients_ended"),
    *("step_begins", "step_ended", "optimizer_made", "schedule_stepped", "transformed"),
)

DISPENSABLE = frozenset({"backward_ended", "step_begins"})
"""Events that a listener may be spared which wants nothing of a step but its loss."""


class _Unscaled:
    """The losses that a GradScaler has scaled, so that the loss itself is recorded and not a multiple of it.

    They are held until the next backward pass: ``scaler.scale(loss_fn(...)).backward()`` keeps no other reference.
    """

    def __init__(self) -> None:
        self.pairs: list[tuple[weakref.ref[Tensor], Tensor]] = []

    def note(self, scaled: Any, original: Any) -> None:
        if isinstance(scaled, Tensor) and isinstance(original, Tensor):
            self.pairs = [pair for pair in self.pairs if pair[0]() is not None]
            self.pairs.append((weakref.ref(scaled), original))
        elif isinstance(scaled, list | tuple) and isinstance(original, list | tuple):
            for one, other in zip(scaled, original, strict=False):
                self.note(one, other)

    def take(self, roots: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The originals of those roots that were scaled, which are let go."""
        found = tuple(next((original for scaled, original in self.pairs if scaled() is root), root) for root in roots)
        self.pairs = [pair for pair in self.pairs if not any(pair[0]() is root for root in (None, *roots))]
        return found


_unscaled = _Unscaled()
_listeners: list[Listener] = []
_spared: list[Sparing] = []
_hearing: dict[str, tuple[tuple[Listener, Callable[..., None]], ...]] = {}
_optimizers: weakref.WeakSet[Optimizer] = weakref.WeakSet()
_undo: list[Callable[[], None]] = []
_telling = False
_inside = False


class _Update:
    """The update that an optimizer is at.

    Attributes:
        goes_on: Whether one is at it, without a closure: nothing of the program's own runs until it ends.
    """

    goes_on = False


update = _Update()


def listen(listener: Listener) -> None:
    """Let a listener hear from now on."""
    if not _listeners:
        _install()
    _listeners.append(listener)
    _address()


def unlisten(listener: Listener) -> None:
    """End what :func:`listen` began; a listener that does not listen is allowed."""
    if listener in _listeners:
        _listeners.remove(listener)
        _spared[:] = [spared for spared in _spared if spared is not listener]
        _address()
        if not _listeners:
            _uninstall()


def _address() -> None:
    """Note whom each event concerns."""
    for event in EVENTS:
        told = [one for one in _listeners if event not in DISPENSABLE or one not in _spared]
        hearing = [(listener, getattr(listener, event, None)) for listener in told]
        _hearing[event] = tuple((listener, method) for listener, method in hearing if method is not None)


def spare(listener: Sparing, *, spared: bool) -> None:
    """Do not tell a listener of :data:`DISPENSABLE` events, or tell it again.

    Another optimizer that comes, and an update with a closure, end this for all: then these events mean more.
    """
    if listener.spared != spared:
        listener.spared = spared
        (_spared.append if spared else _spared.remove)(listener)
        _address()


def _spare_nobody() -> None:
    if _spared:
        for listener in _spared:
            listener.spared = False
        _spared.clear()
        _address()


def held_parameters() -> set[int]:
    """Identities of the parameters that any optimizer holds, of those made or stepped while somebody listened."""
    groups = (group for optimizer in tuple(_optimizers) for group in optimizer.param_groups)
    return {id(parameter) for group in groups for parameter in group["params"]}


def one_optimizer() -> bool:
    """Whether only one optimizer is alive, of those made or stepped while somebody listened."""
    return len(_optimizers) == 1


def _tell(event: str, *args: Any) -> None:
    """Call one method of every listener that has it, unless a listener itself does what is told."""
    global _telling
    if _telling:
        return
    _telling = True
    try:
        with torch._C.DisableTorchFunction(), local_only():  # pyright: ignore[reportPrivateUsage]
            for listener, method in _hearing[event]:
                try:
                    method(*args)
                except Exception as error:
                    _drop(listener, error)
    finally:
        _telling = False


def _drop(listener: Listener, error: Exception) -> None:
    """Let a listener that raised hear no more."""
    unlisten(listener)
    with contextlib.suppress(Exception):  # what failed once may fail again as it lets go
        listener.failed(error)
    message = f"unstuck stopped watching: {type(error).__name__}: {error}"
    with contextlib.suppress(Warning):  # not even where warnings are errors
        warnings.warn(message, RuntimeWarning, stacklevel=4)


def _install() -> None:
    """Wrap what PyTorch has no hook for, and register its hooks; :func:`_uninstall` takes all of it back."""
    for owner, name, watching in WRAPPED:
        original = getattr(owner, name)
        setattr(owner, name, functools.wraps(original)(watching(original)))
        _undo.append(functools.partial(setattr, owner, name, original))
    _undo.append(keep_places())
    _undo.append(register_optimizer_step_pre_hook(_step_begins).remove)
    _undo.append(register_optimizer_step_post_hook(_step_ended).remove)


def _watching_backward(backward: Callable[..., None]) -> Callable[..., None]:
    def watched(tensors: Any, *args: Any, **kwargs: Any) -> None:
        global _inside  # under a mode that sees functions, backward calls itself by name a second time
        if _inside or _transforming():
            return backward(tensors, *args, **kwargs)
        roots = _tensors(tensors)
        _tell("backward_begins", _unscaled.take(roots) if _unscaled.pairs else roots)
        _inside = True
        try:
            backward(tensors, *args, **kwargs)
        finally:
            _inside = False
        if _hearing["backward_ended"]:
            _tell("backward_ended")
        return None

    return watched


def _watching_grad(grad: Callable[..., Any]) -> Callable[..., Any]:
    def watched(outputs: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        global _inside
        if _inside or not _hearing["gradients_begin"]:
            return grad(outputs, inputs, *args, **kwargs)
        if _transforming():
            _tell("transformed")
            return grad(outputs, inputs, *args, **kwargs)
        roots, sought = _tensors(outputs), _tensors(inputs)
        _tell("gradients_begin", roots, sought)
        _inside = True
        try:
            gradients = grad(outputs, inputs, *args, **kwargs)
        finally:
            _inside = False
        _tell("gradients_ended", sought, gradients)
        return gradients

    return watched


def _watching_construction(construct: Callable[..., None]) -> Callable[..., None]:
    def watched(self: Optimizer, *args: Any, **kwargs: Any) -> None:
        construct(self, *args, **kwargs)
        _meet(self)
        _tell("optimizer_made", self)

    return watched


def _watching_scale(scale: Callable[..., Any]) -> Callable[..., Any]:
    def watched(self: GradScaler, outputs: Any) -> Any:
        scaled = scale(self, outputs)
        _unscaled.note(scaled, outputs)
        return scaled

    return watched


def _watching_schedule(step: Callable[..., None]) -> Callable[..., None]:
    def watched(self: LRScheduler, *args: Any, **kwargs: Any) -> None:
        step(self, *args, **kwargs)
        if not getattr(self, "_is_initial", False):  # its constructor steps it too
            _tell("schedule_stepped", self)

    return watched


WRAPPED: tuple[tuple[Any, str, Callable[..., Callable[..., Any]]], ...] = (
    (torch.autograd, "backward", _watching_backward),
    (torch.autograd, "grad", _watching_grad),
    (Optimizer, "__init__", _watching_construction),
    (GradScaler, "scale", _watching_scale),
    (LRScheduler, "step", _watching_schedule),
    (ReduceLROnPlateau, "step", _watching_schedule),  # does not call the one above
)
"""Whose attribute is wrapped, its name, and what makes the wrapper of the original."""


def _meet(optimizer: Optimizer) -> None:
    _optimizers.add(optimizer)
    _spare_nobody()


def _step_begins(optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    if optimizer not in _optimizers:  # it was made before anybody listened
        _meet(optimizer)
    # args[0] is the optimizer itself: PyTorch hands over the arguments of the unbound step.
    closure = args[1] if len(args) > 1 else kwargs.get("closure")
    if closure is not None:
        _spare_nobody()
    if _hearing["step_begins"]:
        _tell("step_begins", optimizer, closure is not None)
    update.goes_on = closure is None


def _step_ended(optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    del args, kwargs
    update.goes_on = False
    _tell("step_ended", optimizer)


def _transforming() -> bool:
    """Whether this runs within a transform of torch.func, such as grad or vmap."""
    return torch._C._functorch.peek_interpreter_stack() is not None  # pyright: ignore


def _tensors(values: Any) -> tuple[Tensor, ...]:
    return (values,) if isinstance(values, Tensor) else tuple(values)


def _uninstall() -> None:
    update.goes_on = False
    while _undo:
        _undo.pop()()


def _forget() -> None:
    """In a forked process: what it does is not the training that is watched, and the run is not its to write."""
    _listeners.clear()
    _address()
    _uninstall()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
