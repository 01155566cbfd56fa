"""Change one training of a program that makes several, and leave those before it as they are."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any
from weakref import WeakSet

from torch.optim import Optimizer

from unstuck.remedies.interventions import patched

__all__ = ["enter_at_training"]


def enter_at_training(number: int, make: Callable[[], AbstractContextManager[None]], stack: ExitStack) -> None:
    """Enter a context as the optimizer of a training is constructed; that of the first one, at once.

    Args:
        number: Number of the training among those of the program, from 0.
        make: Gives the context.
        stack: What it is entered on, and left with.

    Examples:
        >>> import contextlib, torch
        >>> with ExitStack() as stack:
        ...     enter_at_training(1, lambda: contextlib.redirect_stdout(None), stack)
        ...     for name in ("first", "second"):
        ...         optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.1)
        ...         print(name)
        first
    """
    if number == 0:
        stack.enter_context(make())
        return
    known: WeakSet[Optimizer] = WeakSet()
    before = itertools.count()
    entered: list[bool] = []

    def around(construct: Callable[..., Any]) -> Callable[..., Any]:
        def counted(self: Optimizer, *args: Any, **kwargs: Any) -> None:
            if not entered and self not in known:
                known.add(self)
                if next(before) == number:
                    entered.append(True)
                    stack.enter_context(make())
                    # What the context holds on to is to see this optimizer too.
                    Optimizer.__init__(self, *args, **kwargs)
                    return
            construct(self, *args, **kwargs)

        return counted

    stack.enter_context(patched(Optimizer, "__init__", around))
