"""Where a training is changed from outside: the few places of PyTorch that remedies hold on to.

What is entered here before an observer listens is met before it: the observer records the training with its remedy.
Functions are exchanged in the thread that enters.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch.overrides import TorchFunctionMode

from unstuck.observe.torch_hooks.aside import thread, watchable
from unstuck.observe.torch_hooks.replaced_functions import WRITTEN_IN_C, is_pytorchs, replaced

__all__ = [
    "Exchange",
    "after_updates",
    "around_backward",
    "around_modules",
    "around_steps",
    "before_updates",
    "calls",
    "in_module",
    "module_outputs",
    "optimizers_made",
    "outermost",
    "patched",
    "running_module",
    "seen",
]

Run = Callable[..., Any]

Exchange = Callable[[Run, tuple[Any, ...], dict[str, Any]], Any]
"""Called with a function of PyTorch's, its arguments and its keyword arguments, in place of that function."""


@contextmanager
def patched(owner: Any, attribute: str, around: Callable[[Run], Run]) -> Generator[None]:
    """Replace an attribute by what ``around`` makes of it, until the end.

    Whoever has patched it meanwhile keeps their patch.

    Examples:
        >>> with patched(torch, "is_tensor", lambda original: lambda value: not original(value)):
        ...     torch.is_tensor(1)
        True
        >>> torch.is_tensor(1)
        False
    """
    original = getattr(owner, attribute)
    replacement = functools.wraps(original)(around(original))
    setattr(owner, attribute, replacement)
    try:
        yield
    finally:
        if vars(owner).get(attribute) is replacement:
            setattr(owner, attribute, original)


@contextmanager
def optimizers_made(act: Callable[[Optimizer], None]) -> Generator[None]:
    """Act on each optimizer as soon as it is constructed."""

    def around(construct: Run) -> Run:
        def changed(self: Optimizer, *args: Any, **kwargs: Any) -> None:
            construct(self, *args, **kwargs)
            act(self)

        return changed

    with patched(Optimizer, "__init__", around):
        yield


@contextmanager
def before_updates(act: Callable[[Optimizer], None]) -> Generator[None]:
    """Act before each step of any optimizer."""
    handle = register_optimizer_step_pre_hook(lambda optimizer, args, kwargs: act(optimizer))
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def after_updates(act: Callable[[Optimizer], None]) -> Generator[None]:
    """Act behind each step of any optimizer."""
    handle = register_optimizer_step_post_hook(lambda optimizer, args, kwargs: act(optimizer))
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def around_steps(replaces: Callable[[Optimizer], bool], step: Callable[[Optimizer], None]) -> Generator[None]:
    """Let something else update the weights in place of an optimizer's own step.

    The script's step runs on no parameters, so that a closure is called as ever. Gradients and weights before it, and
    behind it, are what hooks of an observer see.

    Args:
        replaces: Whether this step of an optimizer is replaced.
        step: What updates the weights then; gradients are off.
    """
    replacing: set[int] = set()

    def before(optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not replaces(optimizer):
            return None
        replacing.add(id(optimizer))
        # args[0] is the optimizer whose method is about to be called: a hook may exchange it.
        return (_idle(optimizer), *args[1:]), kwargs

    def after(optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if id(optimizer) in replacing:
            replacing.discard(id(optimizer))
            with torch.no_grad():
                step(optimizer)

    handles = register_optimizer_step_pre_hook(before), register_optimizer_step_post_hook(after)
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _idle(optimizer: Optimizer) -> Optimizer:
    """The same optimizer without anything to update."""
    idle = object.__new__(type(optimizer))
    vars(idle).update(vars(optimizer))
    if isinstance(optimizer, torch.optim.LBFGS):  # asks for parameters, and stops where the gradient is small enough
        idle.param_groups = [dict(group, tolerance_grad=float("inf")) for group in optimizer.param_groups]
    else:
        idle.param_groups = [dict(group, params=[]) for group in optimizer.param_groups]
    return idle


@contextmanager
def around_backward(change: Callable[[Run, tuple[Any, ...], dict[str, Any]], Any]) -> Generator[None]:
    """Exchange each backward pass that accumulates gradients, but for those within another one."""
    passing: set[int] = set()

    def around(run: Run) -> Run:
        def changed(*args: Any, **kwargs: Any) -> Any:
            here = threading.get_ident()
            if here in passing or thread.telling:
                return run(*args, **kwargs)
            passing.add(here)
            try:
                return change(run, args, kwargs)
            finally:
                passing.discard(here)

        return changed

    # Above autograd's engine, which an observer patches: it is to see what is changed here.
    with patched(torch.autograd, "backward", around):
        yield


class _Calls(TorchFunctionMode):
    """Hand the calls of some functions over."""

    def __init__(self, exchanges: Mapping[Any, Exchange]) -> None:
        super().__init__()
        self._exchanges = exchanges

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        run = func
        if type(func) not in WRITTEN_IN_C and not is_pytorchs(func):
            run = replaced(func, sys._getframe(1))  # pyright: ignore[reportPrivateUsage]
        exchange = self._exchanges.get(func)
        if exchange is None or not watchable():
            return run(*args, **(kwargs or {}))
        return exchange(run, args, kwargs or {})


@contextmanager
def calls(exchanges: Mapping[Any, Exchange]) -> Generator[None]:
    """Exchange calls of PyTorch's functions in this thread, those of an observer's own doings left out.

    Args:
        exchanges: For each function, as a ``TorchFunctionMode`` is shown it, what is called in its place.

    Examples:
        >>> with calls({torch.nn.functional.relu: lambda run, args, kwargs: args[0]}):
        ...     torch.nn.ReLU()(torch.tensor([-1.0]))
        tensor([-1.])
    """
    with _Calls(exchanges):
        yield


class _Running(threading.local):
    """The modules that are running in a thread, the outermost first, as :func:`around_modules` sees them."""

    def __init__(self) -> None:
        self.modules: list[nn.Module] = []


_running = _Running()


def in_module() -> bool:
    """Whether a module is running in this thread, within :func:`around_modules`."""
    return bool(_running.modules)


def running_module() -> nn.Module | None:
    """The module that is running innermost in this thread, within :func:`around_modules`."""
    return _running.modules[-1] if _running.modules else None


def outermost(module: nn.Module) -> bool:
    """Whether no other module has called this one, within :func:`around_modules`."""
    return not _running.modules or (len(_running.modules) == 1 and _running.modules[0] is module)


@contextmanager
def around_modules(change: Callable[[nn.Module, Run, tuple[Any, ...], dict[str, Any]], Any]) -> Generator[None]:
    """Exchange each call of any module, those inside others too.

    Args:
        change: Called with the module, what runs it, and the arguments.
    """

    def around(run: Run) -> Run:
        def changed(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
            def forward(*args: Any, **kwargs: Any) -> Any:
                modules = _running.modules
                if modules and modules[-1] is self:  # another exchange has put it there
                    return run(self, *args, **kwargs)
                modules.append(self)
                try:
                    return run(self, *args, **kwargs)
                finally:
                    modules.pop()

            if thread.telling or not watchable():
                return run(self, *args, **kwargs)
            return change(self, forward, args, kwargs)

        return changed

    with patched(nn.Module, "__call__", around):
        yield


def seen(module: nn.Module, run: Run, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Exchange nothing: with this :func:`around_modules` knows which modules are running."""
    return run(*args, **kwargs)


@contextmanager
def module_outputs(change: Callable[[nn.Module, Any], Any]) -> Generator[None]:
    """Change what modules return, before an observer's hooks see it; None leaves it as it is."""

    def after(module: nn.Module, inputs: Any, output: Any) -> Any:
        return None if thread.telling or not watchable() else change(module, output)

    handle = register_module_forward_hook(after)
    try:
        yield
    finally:
        handle.remove()
