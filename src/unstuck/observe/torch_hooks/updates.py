"""Optimizers and what goes with them: their construction, their steps, their schedules, and loaders of examples."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from unstuck.observe.torch_hooks import events

__all__ = ["around_construction", "around_iteration", "around_schedule", "register_steps"]


def around_construction(construct: Callable[..., None]) -> Callable[..., None]:
    """Tell of an optimizer that was made."""

    @functools.wraps(construct)
    def watched(self: Optimizer, *args: Any, **kwargs: Any) -> None:
        construct(self, *args, **kwargs)
        if not events.empty():
            events.meet(self)
            events.tell("optimizer_made", self)

    return watched


def around_schedule(step: Callable[..., None]) -> Callable[..., None]:
    """Tell of a schedule that was stepped, but not by its own constructor."""

    @functools.wraps(step)
    def watched(self: LRScheduler, *args: Any, **kwargs: Any) -> None:
        step(self, *args, **kwargs)
        if getattr(self, "_is_initial", False):
            return
        quiet, optimizer = events.quiet.steps, getattr(self, "optimizer", None)
        if quiet is None or quiet.updates_of != id(optimizer) or not quiet.scheduled(self):
            events.tell("schedule_stepped", optimizer, self)

    return watched


def around_iteration(begin: Callable[..., Any]) -> Callable[..., Any]:
    """Tell of a loader whose iteration begins."""

    @functools.wraps(begin)
    def watched(self: Any) -> Any:
        events.tell("loader_begins", self)
        return begin(self)

    return watched


def register_steps() -> Callable[[], None]:
    """Hear of optimizers' steps through PyTorch's global hooks; the function returned ends it."""
    hooks = (register_optimizer_step_pre_hook(_step_begins), register_optimizer_step_post_hook(_step_ended))

    def end() -> None:
        events.thread.updating, events.thread.stepping = False, None
        for hook in hooks:
            hook.remove()

    return end


def _step_begins(optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    if torch.compiler.is_compiling():
        return  # a compiler that traces the step finds nothing here
    thread, key, call = events.thread, id(optimizer), sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    if thread.stepping is not None and _is_within(optimizer, call):
        return
    thread.stepping = (key, id(call))
    # args[0] is the optimizer itself: PyTorch hands over the arguments of the unbound step.
    closure = args[1] if len(args) > 1 else kwargs.get("closure")
    quiet, given = events.quiet.steps, len(args) + len(kwargs)
    if quiet is not None and quiet.updates_of == key:
        alone = given == 1 or (given == 2 and (len(args) == 2 or "closure" in kwargs))
        if alone and (closure is None or quiet.closes()):
            thread.updating = True
            return
    events.meet(optimizer)  # it may have been made before anybody listened
    events.tell("step_begins" if closure is None else "closure_begins", optimizer)
    thread.updating = closure is None


def _step_ended(optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    del args, kwargs
    thread = events.thread
    stepping = thread.stepping
    if torch.compiler.is_compiling() or (stepping is not None and stepping[1] != id(sys._getframe(1))):  # pyright: ignore
        return
    thread.updating, thread.stepping = False, None
    quiet = events.quiet.steps
    if quiet is None or not quiet.step(optimizer):
        events.tell("step_ended", optimizer)


def _is_within(optimizer: Optimizer, call: FrameType) -> bool:
    """Whether a step is part of one that is under way, as where a class calls the step of the one that it extends.

    PyTorch calls its hooks for both. A step that has raised is under way no more, though nothing has told its end.
    """
    stepping, outer = events.thread.stepping, call.f_back
    if stepping is None or stepping[0] != id(optimizer):
        return False
    while outer is not None and (id(outer) != stepping[1] or outer.f_code is not call.f_code):
        outer = outer.f_back
    return outer is not None
