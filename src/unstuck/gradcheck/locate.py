"""Hand-written autograd functions in the graph of a value, and where their backward passes stand."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor
from torch.autograd import Function
from torch.autograd.graph import Node

__all__ = ["CustomFunction", "custom_functions", "function_of", "nodes"]


@dataclass(frozen=True, kw_only=True)
class CustomFunction:
    """A subclass of ``torch.autograd.Function`` that a value was computed with.

    Attributes:
        name: Its class name.
        file: File of its backward pass; None where there is no source.
        line: Line of its backward pass, from 1.
        kind: The class.
        behind: Names of the leaves whose gradient comes through it.
    """

    name: str
    file: str | None
    line: int | None
    kind: type[Function]
    behind: frozenset[str] = frozenset()

    def __str__(self) -> str:
        """``Square.backward (functions.py:12)``."""
        return f"{self.name}.backward ({self.file}:{self.line})" if self.file else f"{self.name}.backward"


def custom_functions(value: Tensor, leaves: Mapping[str, Tensor] | None = None) -> tuple[CustomFunction, ...]:
    """Every hand-written function between a value and its leaves, each once; those of torch itself are left out."""
    found: dict[type[Function], CustomFunction] = {}
    behind: dict[type[Function], set[str]] = {}
    for node in nodes(value):
        kind = function_of(node)
        if kind is None or kind.__module__.startswith("torch."):
            continue
        found.setdefault(kind, _described(kind))
        behind.setdefault(kind, set()).update(_reached(node, leaves or {}))
    return tuple(replace(function, behind=frozenset(behind[kind])) for kind, function in found.items())


def nodes(value: Tensor | Node | None) -> Iterator[Node]:
    """The nodes of the graph behind a value, each once."""
    seen: set[Node] = set()
    first = value.grad_fn if isinstance(value, Tensor) else value
    waiting = [first] if first is not None else []
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            yield node
            waiting += [parent for parent, _ in node.next_functions if parent is not None]


def function_of(node: Node) -> type[Function] | None:
    """The hand-written function that made a node; None where it is one of torch's operations."""
    kind = getattr(node, "_forward_cls", None)
    return kind if isinstance(kind, type) and issubclass(kind, Function) else None


def _reached(node: Node, leaves: Mapping[str, Tensor]) -> set[str]:
    ends = {id(getattr(end, "variable", None)) for end in nodes(node)}
    return {name for name, leaf in leaves.items() if id(leaf) in ends}


def _described(kind: type[Function]) -> CustomFunction:
    method: Any = vars(kind).get("backward") or vars(kind).get("vjp") or kind.backward
    function = inspect.unwrap(getattr(method, "__func__", method))
    try:
        file, line = inspect.getsourcefile(function), inspect.getsourcelines(function)[1]
    except (OSError, TypeError):  # written at a prompt, or in C
        file, line = None, None
    return CustomFunction(name=kind.__name__, file=file, line=line, kind=kind)
