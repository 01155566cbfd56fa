"""Where a training is changed from outside: the few places of PyTorch that remedies hold on to.

What is entered here before an observer listens is met before it: the observer records the training with its remedy.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

__all__ = ["after_updates", "before_backward", "before_updates", "patched"]


@contextmanager
def patched(owner: Any, attribute: str, around: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Generator[None]:
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
def before_backward(act: Callable[[], None]) -> Generator[None]:
    """Act before each backward pass that accumulates gradients, but for those within another one."""
    passing = False

    def around(run: Callable[..., Any]) -> Callable[..., Any]:
        def changed(*args: Any, **kwargs: Any) -> Any:
            nonlocal passing
            if passing:
                return run(*args, **kwargs)
            act()
            passing = True
            try:
                return run(*args, **kwargs)
            finally:
                passing = False

        return changed

    # Above autograd's engine, which an observer patches: it is to see what is changed here.
    with patched(torch.autograd, "backward", around):
        yield
