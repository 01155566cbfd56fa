"""Hand-written autograd functions in the graph of a value, and where their backward passes stand."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.autograd import Function
from torch.autograd.graph import Node

__all__ = ["CustomFunction", "custom_functions"]


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
