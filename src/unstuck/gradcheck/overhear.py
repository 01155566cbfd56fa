"""Overhear calls of hand-written autograd functions, and keep copies of their arguments.

PyTorch has no hook for this, a node of the graph does not keep the arguments, and ``apply`` is often bound before
anybody listens (``square = Square.apply``). But each call looks ``forward`` up in its class, so one method of PyTorch's
own metaclass sees all of them while somebody listens; the classes of the user are never touched.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.utils import _pytree as pytree

__all__ = ["Call", "first_calls", "overhear"]

Hear = Callable[[tuple[Any, ...]], None]
"""Gets the arguments of a call, without its context, before the forward pass may change them."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of a hand-written function.

    Attributes:
        kind: The class.
        arguments: Its positional arguments; tensors are copies, outside of any graph, that keep ``requires_grad``.
    """

    kind: type[Function]
    arguments: tuple[Any, ...]

    @classmethod
    def copied(cls, kind: type[Function], arguments: tuple[Any, ...]) -> Call:
        """A call with copies of all its tensors."""

        def copy(value: Any) -> Any:
            return value.detach().clone().requires_grad_(value.requires_grad) if isinstance(value, Tensor) else value

        return cls(kind=kind, arguments=pytree.tree_map(copy, arguments))


_META = type(Function)
_hearing: dict[type[Function], tuple[Hear, ...]] = {}
_changing = threading.Lock()


def overhear(kind: type[Function], hear: Hear) -> Callable[[], None]:
    """Hear the calls of a function, of whichever thread, until the function that is returned is called."""
    with _changing:
        if not _hearing:
            _META.__getattribute__ = _attribute
        _hearing[kind] = (*_hearing.get(kind, ()), hear)

    def stop() -> None:
        with _changing:
            left = tuple(one for one in _hearing.get(kind, ()) if one is not hear)
            if left:
                _hearing[kind] = left
            elif _hearing.pop(kind, None) and not _hearing:
                del _META.__getattribute__

    return stop


def _attribute(kind: type[Function], name: str) -> Any:
    value = type.__getattribute__(kind, name)
    if name == "forward" and kind in _hearing and not torch.compiler.is_compiling():  # the compiler would trace us
        return _heard(kind, value)
    return value


def _heard(kind: type[Function], forward: Callable[..., Any]) -> Callable[..., Any]:
    # With setup_context, forward gets no context before its arguments.
    leading = 1 if kind.setup_context is Function.setup_context else 0

    @functools.wraps(forward)
    def heard(*args: Any, **kwargs: Any) -> Any:
        for hear in _hearing.get(kind, ()):
            hear(args[leading:])
        return forward(*args, **kwargs)

    return heard


@contextmanager
def first_calls(kinds: Iterable[type[Function]]) -> Generator[dict[type[Function], Call]]:
    """Note the first call of each function."""
    calls: dict[type[Function], Call] = {}

    def note(kind: type[Function], arguments: tuple[Any, ...]) -> None:
        if kind not in calls:
            calls[kind] = Call.copied(kind, arguments)

    with ExitStack() as stack:
        for kind in kinds:
            stack.callback(overhear(kind, functools.partial(note, kind)))
        yield calls
