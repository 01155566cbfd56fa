"""Optimizer constants that hold for the length of a step: the rate, the momentum, the weight decay."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.optimizer import (
    _global_optimizer_post_hooks,  # pyright: ignore[reportPrivateUsage]
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from torch.utils.hooks import RemovableHandle

__all__ = ["constants", "highest_rate"]

Group = dict[str, Any]
Changed = Callable[[Optimizer, Group], Mapping[str, Any]]


class _Steps:
    """All that is changed for the length of a step, and put back behind it in the reverse order."""

    def __init__(self) -> None:
        self._changes: list[tuple[Changed, Callable[[], None]]] = []
        self._kept: dict[int, list[tuple[Group, str, Any]]] = {}
        self._interned: dict[Any, Any] = {}
        self._handles: list[RemovableHandle] = []

    def add(self, changed: Changed, effect: Callable[[], None]) -> tuple[Changed, Callable[[], None]]:
        if not self._changes:
            self._handles = [
                register_optimizer_step_pre_hook(lambda optimizer, args, kwargs: self._begin(optimizer)),
                register_optimizer_step_post_hook(lambda optimizer, args, kwargs: self._end(optimizer)),
            ]
        self._changes.append((changed, effect))
        return changed, effect

    def remove(self, change: tuple[Changed, Callable[[], None]]) -> None:
        self._changes.remove(change)
        if not self._changes:
            for handle in self._handles:
                handle.remove()
            self._kept.clear()
            self._interned.clear()

    def _begin(self, optimizer: Optimizer) -> None:
        self._end(optimizer)  # of an earlier step that raised, no hook behind it was called
        # Put back behind all other hooks: these are to see the constants that the step was made with.
        _global_optimizer_post_hooks.move_to_end(self._handles[1].id)  # pyright: ignore[reportAttributeAccessIssue]
        kept = self._kept[id(optimizer)] = []
        for changed, effect in self._changes:
            wanted = [(group, changed(optimizer, group)) for group in optimizer.param_groups]
            for group, values in wanted:
                for name, value in values.items():
                    if name in group and not _same(group[name], value):
                        kept.append((group, name, group[name]))
                        group[name] = self._intern(value)
                        effect()

    def _end(self, optimizer: Optimizer) -> None:
        for group, name, value in reversed(self._kept.pop(id(optimizer), [])):
            group[name] = value

    def _intern(self, value: Any) -> Any:
        """One object for equal numbers: an observer takes a rate that is another object for one that was changed."""
        return self._interned.setdefault(value, value) if isinstance(value, float) else value


_steps = _Steps()


@contextmanager
def constants(changed: Changed, effect: Callable[[], None]) -> Generator[None]:
    """Let every optimizer step with other constants, and put the script's own back behind each step.

    A schedule, or the script's own hand, therefore goes on from its own numbers. Hooks on the step, those before it and
    those behind it, see the constants that it is made with. Constants that a method does not have are left out.

    Args:
        changed: Gives, for an optimizer and one of its groups, the constants to step with.
        effect: Called when a constant differs from the script's.

    Examples:
        >>> weight = torch.ones(1, requires_grad=True)
        >>> optimizer = torch.optim.SGD([weight], lr=0.5)
        >>> weight.grad = torch.ones(1)
        >>> with constants(lambda optimizer, group: {"lr": 0.1 * group["lr"]}, effect=lambda: None):
        ...     optimizer.step()
        >>> round(weight.item(), 4), optimizer.param_groups[0]["lr"]
        (0.95, 0.5)
    """
    change = _steps.add(changed, effect)
    try:
        yield
    finally:
        _steps.remove(change)


def highest_rate(optimizer: Optimizer) -> float:
    """The highest rate that the optimizer was made with, or that a schedule leads up to; 0 where it has none."""
    known = [group.get("max_lr", group.get("initial_lr", group.get("lr"))) for group in optimizer.param_groups]
    return max((float(rate) for rate in known if rate is not None), default=0.0)


def _same(given: Any, value: Any) -> bool:
    if isinstance(given, torch.Tensor) or isinstance(value, torch.Tensor):
        return bool(torch.as_tensor(given == value).all())
    return bool(given == value)
