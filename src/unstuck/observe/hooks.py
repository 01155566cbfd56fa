"""Where the observer holds on to PyTorch: backward passes, optimizer steps, cleared gradients.

Optimizer steps are seen through PyTorch's global optimizer hooks. For backward passes and ``zero_grad`` PyTorch has no
hook, so ``torch.autograd.backward`` (which ``Tensor.backward`` calls) and ``Optimizer.zero_grad`` are wrapped while
somebody listens, and restored afterwards. A listener that raises is dropped: watching must never stop a training.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

__all__ = ["Listener", "listen", "unlisten"]


class Listener(Protocol):
    """What can be heard."""

    def backward_begins(self, roots: tuple[Tensor, ...]) -> None:
        """A backward pass from these tensors is about to run; their graph is still there."""
        ...

    def step_begins(self, optimizer: Optimizer, *, closure: bool) -> None:
        """An optimizer is about to step; with a closure, its backward passes come after this."""
        ...

    def step_ended(self, optimizer: Optimizer) -> None:
        """An optimizer has stepped."""
        ...

    def gradients_cleared(self, optimizer: Optimizer) -> None:
        """``optimizer.zero_grad`` was called."""
        ...

    def failed(self, error: Exception) -> None:
        """This listener raised, and will not be called any more."""
        ...


_listeners: list[Listener] = []
_undo: list[Callable[[], None]] = []


def listen(listener: Listener) -> None:
    """Let a listener hear from now on."""
    if not _listeners:
        _install()
    _listeners.append(listener)


def unlisten(listener: Listener) -> None:
    """End what :func:`listen` began; a listener that does not listen is allowed."""
    if listener in _listeners:
        _listeners.remove(listener)
        if not _listeners:
            _uninstall()


def _tell(event: Callable[[Listener], None]) -> None:
    for listener in tuple(_listeners):
        try:
            with torch._C.DisableTorchFunction():  # pyright: ignore[reportPrivateUsage]
                event(listener)
        except Exception as error:
            unlisten(listener)
            listener.failed(error)
            warnings.warn(f"unstuck stopped watching: {type(error).__name__}: {error}", RuntimeWarning, stacklevel=3)


def _install() -> None:
    backward = torch.autograd.backward
    zero_grad = Optimizer.zero_grad

    @functools.wraps(backward)
    def watched_backward(tensors: Any, *args: Any, **kwargs: Any) -> None:
        roots = (tensors,) if isinstance(tensors, Tensor) else tuple(tensors)
        _tell(lambda listener: listener.backward_begins(roots))
        backward(tensors, *args, **kwargs)

    @functools.wraps(zero_grad)
    def watched_zero_grad(self: Optimizer, *args: Any, **kwargs: Any) -> None:
        zero_grad(self, *args, **kwargs)
        _tell(lambda listener: listener.gradients_cleared(self))

    def step_begins(optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        # args[0] is the optimizer itself: PyTorch hands over the arguments of the unbound step.
        closure = args[1] if len(args) > 1 else kwargs.get("closure")
        _tell(lambda listener: listener.step_begins(optimizer, closure=closure is not None))

    def step_ended(optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        del args, kwargs
        _tell(lambda listener: listener.step_ended(optimizer))

    torch.autograd.backward = watched_backward
    Optimizer.zero_grad = watched_zero_grad
    before = register_optimizer_step_pre_hook(step_begins)
    after = register_optimizer_step_post_hook(step_ended)

    def restore() -> None:
        torch.autograd.backward = backward
        Optimizer.zero_grad = zero_grad
        before.remove()
        after.remove()

    _undo.append(restore)


def _uninstall() -> None:
    while _undo:
        _undo.pop()()
