"""Edits of a user's source by its syntax tree, in his formatting: only the characters that mean the change differ."""

from __future__ import annotations

import ast
import difflib
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from unstuck.confirm.written import last_name

__all__ = [
    "Edit",
    "EditError",
    "blocks",
    "called",
    "diff",
    "insert_before",
    "nodes_at",
    "parsed",
    "reaches",
    "span",
    "unwrap",
    "updates_beside",
]

Node = TypeVar("Node", bound=ast.AST)


class EditError(ValueError):
    """The source does not hold what is to be edited."""


@dataclass(frozen=True, kw_only=True)
class Edit:
    """A change of one file.

    Attributes:
        file: Its path.
        before: Its text.
        after: The text with the change.
    """

    file: str
    before: str
    after: str

    @property
    def diff(self) -> str:
        """The change as a unified diff, which ``patch -p0`` takes in the working directory."""
        return diff(self.before, self.after, _from_here(self.file))


def _from_here(file: str) -> str:
    """A path from the working directory, if it lies below it; ``patch`` takes no others without asking."""
    here = os.getcwd()
    return os.path.relpath(file, here) if file.startswith(here.rstrip(os.sep) + os.sep) else file


def diff(before: str, after: str, file: str) -> str:
    """Two texts of a file as a unified diff; empty where they are the same."""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), fromfile=file, tofile=file
    )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def insert_before(source: str, line: int, statement: str, *, calling: str = "") -> str:
    r"""Insert a statement before the one at a line, indented as that is.

    Args:
        source: The file.
        line: A line of the statement, from 1.
        statement: What is inserted.
        calling: Last name of a function that the statement calls, where there may be several at the line.

    Raises:
        EditError: There is no such statement at that line, or the source is not Python.

    Examples:
        >>> print(insert_before("for x in data:\n    loss(x).backward()\n", 2, "optimizer.zero_grad()"), end="")
        for x in data:
            optimizer.zero_grad()
            loss(x).backward()
    """
    statements = nodes_at(parsed(source), line, ast.stmt)
    if calling:
        statements = [node for node in statements if called(node, calling)]
    if not statements:
        raise EditError(f"line {line} holds no statement" + (f" that calls {calling}" if calling else ""))
    node = statements[-1]
    lines = _lines(source)
    own = lines[node.lineno - 1]
    before = own[: _characters(own, node.col_offset)]
    if before.strip():  # after a semicolon or on the line of its block
        at = sum(map(len, lines[: node.lineno - 1])) + len(before)
        return f"{source[:at]}{statement}; {source[at:]}"
    ending = "\r\n" if own.endswith("\r\n") else "\n"
    return "".join([*lines[: node.lineno - 1], f"{before}{statement}{ending}", *lines[node.lineno - 1 :]])


def updates_beside(source: str, line: int, *, calling: str, name: str) -> bool:
    r"""Whether a statement that calls a function at a line has an update by an optimizer behind it in its own block.

    Then the block is run once for each update, and the optimizer goes by that name there.

    Examples:
        >>> updates_beside("loss.backward(); opt.step()", 1, calling="backward", name="opt")
        True
        >>> updates_beside("for x in data:\n    loss(x).backward()\nopt.step()", 2, calling="backward", name="opt")
        False
    """
    for block in blocks(parsed(source)):
        for place, one in enumerate(block):
            if reaches(one, line) and called(one, calling):
                return any(_steps(later, name) for later in block[place:])
    return False


def blocks(tree: ast.Module) -> Iterator[list[ast.stmt]]:
    """The statements that follow one another: of the file, and of each body in it."""
    for node in ast.walk(tree):
        for _, value in ast.iter_fields(node):
            if isinstance(value, list) and value and all(isinstance(one, ast.stmt) for one in value):
                yield value


def reaches(node: ast.expr | ast.stmt, line: int) -> bool:
    """Whether a line is one of those that a node stands in."""
    return node.lineno <= line <= (node.end_lineno or node.lineno)


def called(node: ast.AST, name: str) -> bool:
    """Whether a statement without a body calls a function whose last name is this."""
    return any(last_name(one.func) == name for one in _calls_in(node))


def _calls_in(node: ast.AST) -> Iterator[ast.Call]:
    if not hasattr(node, "body"):
        yield from (one for one in ast.walk(node) if isinstance(one, ast.Call))


def _steps(node: ast.AST, name: str) -> bool:
    """Whether ``NAME.step(...)`` is called, or the step of something that is given NAME, as of a scaler."""
    return any(
        ast.unparse(given) == name
        for call in _calls_in(node)
        if last_name(call.func) == "step"
        for given in ([call.func.value] if isinstance(call.func, ast.Attribute) else []) + call.args
    )


def unwrap(source: str, line: int, names: tuple[str, ...]) -> str:
    """Replace a call by its first argument, or take it out of the arguments of the call around it.

    Args:
        source: The file.
        line: A line of the call, from 1.
        names: Last names of the functions that are meant: ``("softmax", "Softmax")``.

    Raises:
        EditError: There is no such call at that line, or nothing would be left of it.

    Examples:
        >>> unwrap("return F.softmax(self.head(x), dim=1)", 1, ("softmax",))
        Traceback (most recent call last):
        unstuck.confirm.edit.EditError: the source is not Python: 'return' outside function (line 1)
        >>> unwrap("y = F.softmax(head(x), dim=1)", 1, ("softmax",))
        'y = head(x)'
        >>> unwrap("net = Sequential(Linear(4, 2), Softmax(dim=1))", 1, ("Softmax",))
        'net = Sequential(Linear(4, 2))'
    """
    for call in nodes_at(parsed(source), line, ast.Call):
        if last_name(call.func) not in names:
            continue
        start, end = span(source, call)
        inner = None if _is_class(call.func) else _argument(call)
        if inner is None:
            return _without_argument(source, call)
        inner_start, inner_end = span(source, inner)
        return source[:start] + source[inner_start:inner_end] + source[end:]
    raise EditError(f"line {line} holds no call of {' or '.join(names)}")


def _without_argument(source: str, call: ast.Call) -> str:
    """Take an argument out of the call or list around it, with the comma before it."""
    for node in ast.walk(parsed(source)):
        inside = node.args if isinstance(node, ast.Call) else node.elts if isinstance(node, ast.List) else []
        spans = [span(source, one) for one in inside]
        if span(source, call) in spans:
            position = spans.index(span(source, call))
            if len(spans) == 1:
                break
            if position:
                return source[: spans[position - 1][1]] + source[spans[position][1] :]
            return source[: spans[0][0]] + source[spans[1][0] :]
    raise EditError(f"nothing would be left of the expression in line {call.lineno}")


def _is_class(function: ast.expr) -> bool:
    return last_name(function)[:1].isupper()


def _argument(call: ast.Call) -> ast.expr | None:
    """What an activation is applied to: its first argument, that of the name ``input``, or the tensor it is of."""
    named = [keyword.value for keyword in call.keywords if keyword.arg == "input"]
    own = [call.func.value] if isinstance(call.func, ast.Attribute) else []
    return next(iter((*call.args[:1], *named, *own)), None)


def parsed(source: str) -> ast.Module:
    """The syntax tree of a source.

    Raises:
        EditError: It is not Python.
    """
    try:
        tree = ast.parse(source)
        compile(source, "<source>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        raise EditError(f"the source is not Python: {_said(error)}") from error
    return tree


def _said(error: Exception) -> str:
    return f"{error.msg} (line {error.lineno})" if isinstance(error, SyntaxError) else str(error)


def nodes_at(tree: ast.Module, line: int, kind: type[Node]) -> list[Node]:
    """The nodes of a kind that reach over a line, outer ones first."""

    def found(node: ast.AST) -> Iterator[Node]:
        for child in ast.iter_child_nodes(node):
            first, last = getattr(child, "lineno", None), getattr(child, "end_lineno", None)
            if first is None or last is None or first <= line <= last:
                if isinstance(child, kind) and first is not None:
                    yield child
                yield from found(child)

    return list(found(tree))


def span(source: str, node: ast.expr | ast.stmt) -> tuple[int, int]:
    """Where a node begins and ends, in characters of the file."""
    lines = _lines(source)
    assert node.end_lineno is not None
    assert node.end_col_offset is not None

    def at(line: int, column: int) -> int:
        return sum(map(len, lines[: line - 1])) + _characters(lines[line - 1], column)

    return at(node.lineno, node.col_offset), at(node.end_lineno, node.end_col_offset)


def _lines(source: str) -> list[str]:
    """The lines of a source as Python counts them, which a form feed does not end."""
    return list(io.StringIO(source, newline=""))


def _characters(line: str, column: int) -> int:
    """The columns of the syntax tree count bytes."""
    return len(line.encode()[:column].decode())
