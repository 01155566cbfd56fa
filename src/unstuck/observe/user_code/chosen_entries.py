"""Whether the user's code chose entries of a dictionary, and none was chosen, for what it hands to a call."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator, Mapping
from functools import lru_cache

__all__ = ["none_chosen"]


def none_chosen(file: str, line: int, method: str, variables: Mapping[str, object]) -> bool:
    """Whether a call is handed what a comprehension with a condition has left of a dictionary, which is nothing.

    As in ``state = {k: v for k, v in state.items() if k in own}``, whether ``state`` is the argument itself or goes
    into it, by ``own.update(state)``, ``own | state`` or ``{**own, **state}``. What may be empty from the first, since
    the code has ``{}`` for it too, or goes through another dictionary that is empty, says nothing.

    Args:
        file: The file of the call.
        line: Its line.
        method: The name of what is called, of an object: ``load_state_dict``.
        variables: The variables there, by name.
    """
    tree = _parsed(file)
    scope = _scope(tree, line) if tree is not None else None
    if scope is None:
        return False
    calls = (node for node in ast.walk(scope) if isinstance(node, ast.Call) and _is_at(node, line))
    arguments = [
        argument
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr == method
        for argument in (*call.args, *(keyword.value for keyword in call.keywords))
    ]
    given = _assigned(scope)
    return any(_is_none_of(given.get(name, []), name, variables) for name in _goes_into(arguments, given))


@lru_cache(maxsize=8)
def _parsed(file: str) -> ast.Module | None:
    try:
        return ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):  # such as magic commands of a notebook
        return None


def _scope(tree: ast.Module, line: int) -> ast.AST:
    """The innermost function around a line, or the module."""
    functions = [
        n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)) and _is_at(n, line)
    ]
    return max(functions, key=lambda function: function.lineno, default=tree)


def _is_at(node: ast.Call | ast.FunctionDef | ast.AsyncFunctionDef, line: int) -> bool:
    return node.lineno <= line <= (node.end_lineno or node.lineno)


def _assigned(scope: ast.AST) -> dict[str, list[ast.expr]]:
    """What is assigned to each name, or put into it by ``update`` or ``|=``."""
    given: dict[str, list[ast.expr]] = {}
    for node in ast.walk(scope):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                given.setdefault(name, []).append(value)
            case ast.AugAssign(target=ast.Name(id=name), op=ast.BitOr(), value=value):
                given.setdefault(name, []).append(value)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="update"), args=[value]):
                given.setdefault(name, []).append(value)
            case _:
                pass
    return given


def _goes_into(arguments: list[ast.expr], given: Mapping[str, list[ast.expr]]) -> list[str]:
    """Names of the dictionaries that an argument consists of."""
    found: list[str] = []
    left = list(arguments)
    while left:
        for name in _parts(left.pop()):
            if name not in found:
                found.append(name)
                left += given.get(name, [])
    return found


def _parts(value: ast.expr) -> Iterator[str]:
    match value:
        case ast.Name(id=name):
            yield name
        case ast.BinOp(op=ast.BitOr(), left=left, right=right):
            yield from (*_parts(left), *_parts(right))
        case ast.Dict(keys=keys, values=values):
            unpacked = (part for key, part in zip(keys, values, strict=True) if key is None)
            yield from (name for part in unpacked for name in _parts(part))
        case ast.Call(func=ast.Name(id="dict" | "OrderedDict"), args=[inner]):
            yield from _parts(inner)
        case _:
            pass


def _is_none_of(given: list[ast.expr], name: str, variables: Mapping[str, object]) -> bool:
    value = variables.get(name)
    if not isinstance(value, dict) or value:
        return False
    if any(isinstance(part, ast.Dict) and not part.keys for whole in given for part in ast.walk(whole)):
        return False
    return any(
        isinstance(one, ast.DictComp)
        and one.generators[0].ifs
        and not any(_is_empty(variables.get(source)) for source in _names(one.generators[0].iter) - {name})
        for one in given
    )


def _is_empty(value: object) -> bool:
    return isinstance(value, dict) and not value


def _names(value: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(value) if isinstance(node, ast.Name)}
