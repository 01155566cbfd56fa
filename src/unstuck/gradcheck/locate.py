"""Hand-written autograd functions in the graph of a value, and where their backward passes stand."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.autograd import Function
from torch.autograd.graph import Node

__all__ = ["CustomFunction", "custom_functions", "first_arguments"]


@dataclass(frozen=True, kw_only=True)
class CustomFunction:
    """A subclass of ``torch.autograd.Function`` that a value was computed with.

    Attributes:
        name: Its class name.
        file: File of its backward pass; None where there is no source.
        line: Line of its backward pass, from 1.
        kind: The class.
    """

    name: str
    file: str | None
    line: int | None
    kind: type[Function]

    def __str__(self) -> str:
        """``Square.backward (functions.py:12)``."""
        return f"{self.name}.backward ({self.file}:{self.line})" if self.file else f"{self.name}.backward"


def custom_functions(value: Tensor) -> tuple[CustomFunction, ...]:
    """Every hand-written function between a value and its leaves, each once."""
    found: dict[type[Function], CustomFunction] = {}
    seen: set[Node] = set()
    waiting = [value.grad_fn] if value.grad_fn is not None else []
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        kind = getattr(node, "_forward_cls", None)
        if isinstance(kind, type) and issubclass(kind, Function) and kind not in found:
            found[kind] = _described(kind)
        waiting += [parent for parent, _ in node.next_functions if parent is not None]
    return tuple(found.values())


def _described(kind: type[Function]) -> CustomFunction:
    method: Any = vars(kind).get("backward") or vars(kind).get("vjp") or kind.backward
    function = inspect.unwrap(getattr(method, "__func__", method))
    try:
        file, line = inspect.getsourcefile(function), inspect.getsourcelines(function)[1]
    except (OSError, TypeError):  # written at a prompt, or in C
        file, line = None, None
    return CustomFunction(name=kind.__name__, file=file, line=line, kind=kind)


@contextmanager
def first_arguments(kinds: Iterable[type[Function]]) -> Generator[dict[type[Function], tuple[Any, ...]]]:
    """Note the arguments of the first call of each function, by standing before its forward pass."""
    arguments: dict[type[Function], tuple[Any, ...]] = {}
    replaced: list[tuple[type[Function], Any]] = []

    def watched(kind: type[Function], forward: Callable[..., Any]) -> Callable[..., Any]:
        # With setup_context, forward gets no context before its arguments.
        separate = kind.setup_context is not Function.setup_context

        def noting(*args: Any, **kwargs: Any) -> Any:
            given = args if separate else args[1:]
            arguments.setdefault(kind, tuple(v.detach().clone() if isinstance(v, Tensor) else v for v in given))
            return forward(*args, **kwargs)

        return noting

    try:
        for kind in kinds:
            own = vars(kind).get("forward")
            if own is None:
                continue  # inherited: its owner's other heirs would be seen too
            replaced.append((kind, own))
            kind.forward = staticmethod(watched(kind, kind.forward))
        yield arguments
    finally:
        for kind, own in replaced:
            kind.forward = own
