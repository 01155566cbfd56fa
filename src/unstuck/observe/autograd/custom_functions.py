"""Check the user's hand-written backward passes against differences, aside from the training.

A ``torch.autograd.Function`` of the user that is met in the graph of a loss is overheard: copies are kept of the
arguments of one of its next calls. Before the backward pass that follows, ``gradcheck`` checks it at these. With
several processes nothing is run again: the function may make collective calls, as those of tensor parallelism do.
"""

from __future__ import annotations

import contextlib
import inspect
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor

from unstuck.gradcheck.overhear import Call, overhear
from unstuck.gradcheck.recorded import CallCheck, check_call
from unstuck.observe.autograd.side_effects import has_side_effects
from unstuck.observe.tensors.distributed import alone
from unstuck.observe.user_code.frames import is_users
from unstuck.record.facts import CustomFunction

__all__ = ["CustomFunctions", "described"]

Function = type[torch.autograd.Function]

MOST_FUNCTIONS = 16
MOST_HEARD = 8
"""Calls that are waited for one whose arguments all ask for gradients; the data of a first layer do not."""

MOST_VALUES = 2**20
"""Values of the arguments above which a function is not checked: copies of them would take memory from the training."""

MOST_MEETINGS = 8
"""Graphs after which a function is not waited for any more that was called no second time."""

SECONDS = 0.1
"""Time that all checks of a training may take: a right function takes 5 to 10 ms, one that is wrong 20 to 40."""


def described(function: Function, check: CallCheck | None = None) -> CustomFunction:
    """A function by its name, where its backward pass is defined, and what a check of it found."""
    try:
        code = inspect.unwrap(function.backward).__code__
        file, line = code.co_filename, code.co_firstlineno
    except AttributeError:
        file, line = None, None
    return CustomFunction(
        name=function.__name__,
        relative_error=check.error if check and check.verdict in ("right", "wrong") else None,
        numerical_zero=check is not None and check.verdict == "step",
        identity=check is not None and check.verdict == "identity",
        file=file,
        line=line,
    )


@dataclass
class _Awaited:
    """A function whose next calls are heard, in whichever thread."""

    function: Function
    stop: Callable[[], None] = lambda: None
    call: Call | None = None
    asked: int = 0
    heard: int = 0
    meetings: int = 0
    changing: threading.Lock = field(default_factory=threading.Lock)

    def hear(self, arguments: tuple[Any, ...]) -> None:
        """Keep a copy, if more of its arguments ask for gradients than of the last; never raises."""
        with self.changing:
            values = [a for a in arguments if isinstance(a, Tensor) and a.is_floating_point()]
            asked = sum(value.requires_grad for value in values)
            if not asked or not _copyable(arguments):
                return
            self.heard += 1
            if asked > self.asked:
                # A mode of the program has nothing to see of it, and where memory is short there is no copy.
                with contextlib.suppress(RuntimeError), torch._C.DisableTorchFunction():  # pyright: ignore[reportPrivateUsage]
                    self.asked, self.call = asked, Call.copied(self.function, arguments)
            if asked == len(values) or self.heard >= MOST_HEARD:
                self.stop()


def _copyable(arguments: tuple[Any, ...]) -> bool:
    """Whether a call can be repeated from copies: plain values, not too many, outside of any transform."""
    if torch._C._functorch.peek_interpreter_stack() is not None:  # pyright: ignore
        return False
    tensors = [argument for argument in arguments if isinstance(argument, Tensor)]
    plain = all(type(t) in (Tensor, torch.nn.Parameter) and t.layout == torch.strided for t in tensors)
    others = all(isinstance(argument, Tensor) or _is_plain(argument) for argument in arguments)
    return plain and others and sum(t.numel() for t in tensors) <= MOST_VALUES


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return all(_is_plain(entry) for entry in cast("Sequence[Any]", value))
    return value is None or isinstance(value, int | float | str | torch.dtype | torch.device | torch.Size)


class CustomFunctions:
    """Overhear a call of each of the user's functions, one that asks for all its gradients, and check it.

    What is known of each is kept by its class.
    """

    def __init__(self) -> None:
        self._known: dict[Function, CustomFunction] = {}
        self._awaited: list[_Awaited] = []
        self._left = SECONDS

    @property
    def awaits(self) -> bool:
        """Whether a call is to be overheard, or was."""
        return bool(self._awaited)

    def overheard(self) -> bool:
        """Whether there are calls to check."""
        return any(awaited.call for awaited in self._awaited)

    def meet(self, functions: Sequence[Function]) -> tuple[CustomFunction, ...]:
        """What is known of the functions of a graph; one that is new will be overheard at its next call."""
        for awaited in tuple(self._awaited):
            awaited.meetings += 1
            if awaited.meetings > MOST_MEETINGS and awaited.call is None:
                awaited.stop()
                self._awaited.remove(awaited)
        for function in functions:
            if function not in self._known and len(self._known) < MOST_FUNCTIONS:
                fact = self._known[function] = described(function)
                parts = (getattr(function, name) for name in ("forward", "backward", "setup_context"))
                users = fact.file is not None and is_users(fact.file)
                if users and alone() and not has_side_effects(*parts):
                    awaited = _Awaited(function)
                    awaited.stop = overhear(function, awaited.hear)
                    self._awaited.append(awaited)
        return tuple(self._known.get(function) or described(function) for function in functions)

    def checked(self) -> tuple[CustomFunction, ...]:
        """Check the calls that were overheard since the last time; what has become known."""
        if not alone():
            self.release()
        ready = [(awaited, awaited.call) for awaited in self._awaited if awaited.call]
        for awaited, call in ready:
            awaited.stop()  # its own check is nothing to hear
            self._awaited.remove(awaited)
            began = time.thread_time()
            self._known[awaited.function] = described(awaited.function, check_call(call, seconds=self._left))
            self._left -= time.thread_time() - began
        return tuple(self._known[awaited.function] for awaited, _ in ready)

    def release(self) -> None:
        """Stop overhearing."""
        while self._awaited:
            self._awaited.pop().stop()
