"""Optimizers and what goes with them: their construction, their steps, their schedules, and loaders of examples."""

from __future__ import annotations

import functools
from collections.abc import Callable
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
        events.thread.updating = False
        for hook in hooks:
            hook.remove()

    return end


def _step_begins(optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    if torch.compiler.is_compiling():
        return  # a compiler that traces the step finds nothing here
    # args[0] is the optimizer itself: PyTorch hands over the arguments of the unbound step.
    closure = args[1] if len(args) > 1 else kwargs.get("closure")
    quiet, given = events.quiet.steps, len(args) + len(kwargs)
    alone = given == 1 or (given == 2 and (len(args) == 2 or "closure" in kwargs))
    if quiet is not None and quiet.updates_of == id(optimizer) and alone and (closure is None or quiet.closes()):
        events.thread.updating = True
        return
    events.meet(optimizer)  # it may have been made before anybody listened
    events.tell("step_begins" if closure is None else "closure_begins", optimizer)
    events.thread.updating = closure is None


def _step_ended(optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    del args, kwargs
    if torch.compiler.is_compiling():
        return
    events.thread.updating = False
    quiet = events.quiet.steps
    if quiet is None or not quiet.step(optimizer):
        events.tell("step_ended", optimizer)
