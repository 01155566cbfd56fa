"""Does a function keep something beside what it returns? Then it is not run a second time."""

from __future__ import annotations

import contextlib
import dis
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

__all__ = ["has_side_effects"]

STORES = frozenset({"STORE_GLOBAL", "DELETE_GLOBAL", "STORE_DEREF", "DELETE_DEREF"})

MUTATORS = frozenset({"append", "appendleft", "extend", "insert", "setdefault", "write", "writelines", "put", "send"})
"""Methods that change what they belong to, and that no tensor has."""

OWN = frozenset({"LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_FAST_BORROW"})
"""Instructions before the setting of an attribute that speak of a variable of the function's own."""


def has_side_effects(*functions: Any) -> bool:
    """Whether functions, by their instructions, change variables or containers that outlive a call.

    Counters, logs and statistics are kept so. What a function calls is not looked into.

    Examples:
        >>> calls = []
        >>> def counted(x):
        ...     calls.append(x)
        ...     return x
        >>> has_side_effects(counted), has_side_effects(lambda x: x * 2)
        (True, False)
    """
    return any(_changes(code, _outer(function)) for function in functions for code in _codes(function))


def _outer(function: FunctionType) -> dict[str, Any]:
    """The variables that a function finds outside of itself."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=False)
    closed: dict[str, Any] = {}
    for name, cell in cells:
        with contextlib.suppress(ValueError):  # it is not set yet
            closed[name] = cell.cell_contents
    return {**function.__globals__, **closed}


def _codes(function: Any) -> Iterator[CodeType]:
    pending = [function.__code__] if isinstance(function, FunctionType) else []
    while pending:
        code = pending.pop()
        yield code
        pending += [constant for constant in code.co_consts if isinstance(constant, CodeType)]


def _changes(code: CodeType, scope: dict[str, Any]) -> bool:
    before = ""
    containers = False
    for instruction in dis.get_instructions(code):
        name, value = instruction.opname, instruction.argval
        if name in STORES and not (name == "STORE_DEREF" and value in code.co_cellvars):
            return True
        if name in ("LOAD_METHOD", "LOAD_ATTR") and value in MUTATORS:
            return True
        if name == "STORE_ATTR" and before not in OWN:
            return True
        if name in ("LOAD_GLOBAL", "LOAD_DEREF"):
            containers = containers or isinstance(scope.get(str(value)), dict | list)
        if name == "STORE_SUBSCR" and containers:
            return True
        before = name
    return False
