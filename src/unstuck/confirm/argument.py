"""Another value for an argument of a call in a user's source, where that value is written."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from unstuck.confirm.edit import EditError, nodes_at, parsed, span
from unstuck.confirm.written import Option, entries, last_name, written

__all__ = ["Argument", "OptionError", "set_argument"]


class OptionError(EditError):
    """What is to be edited was given on the command line.

    Args:
        option: Its name there.
    """

    def __init__(self, option: str) -> None:
        super().__init__(f"{option} was given on the command line")
        self.option = option


LAST = -1


@dataclass(frozen=True, kw_only=True)
class Argument:
    """An argument of a call.

    Attributes:
        name: Its keyword.
        of: Last names of the functions that have it; empty for any.
        position: Its place where it has no keyword, from 0; -1 the last where that is a number or not the only one;
            None where it always has a keyword.
        was: The number that it had when the program ran; None where that is not known.
    """

    name: str
    of: tuple[str, ...] = ()
    position: int | None = None
    was: float | None = None


def set_argument(source: str, line: int, argument: Argument, value: object, *, args: Sequence[str] = ()) -> str:
    r"""Give an argument of the call at a line another value where that is written, or add the argument.

    Args:
        source: The file.
        line: A line of the call, from 1; of several calls the outermost that has the argument, or else may have it.
        argument: Which.
        value: What is written, as ``repr`` writes it.
        args: The arguments that the program was started with.

    Raises:
        OptionError: The value was given on the command line.
        EditError: There is no such call at that line, its value is not found or comes from elsewhere, such as the
            environment, or the source is not Python.

    Examples:
        >>> rate = Argument(name="lr", of=("SGD", "Adam"), position=1, was=1.0)
        >>> set_argument("optimizer = SGD(net.parameters(), lr=1.0)", 1, rate, 0.01)
        'optimizer = SGD(net.parameters(), lr=0.01)'
        >>> set_argument("optimizer = Adam(net.parameters())", 1, rate, 0.01)
        'optimizer = Adam(net.parameters(), lr=0.01)'
        >>> print(set_argument("RATE = 1.0\noptimizer = SGD(net.parameters(), RATE)", 2, rate, 0.01))
        RATE = 0.01
        optimizer = SGD(net.parameters(), RATE)
    """
    tree = parsed(source)
    calls = nodes_at(tree, line, ast.Call)
    given = [found for call in calls if (found := _given(call, argument)) is not None]
    if not given:
        fit = [call for call in calls if not argument.of or last_name(call.func) in argument.of]
        if not fit:
            raise EditError(f"line {line} holds no call" + (f" of {' or '.join(argument.of)}" if argument.of else ""))
        return _with_keyword(source, fit[0], argument.name, value)
    own = given[0]
    place = _literal(own) if argument.was is None else written(tree, own, argument.was, args)
    if isinstance(place, Option):
        raise OptionError(place.name)
    if place is None:
        raise EditError(f"where the value of `{argument.name}={ast.unparse(own)}` is written is not known")
    start, end = span(source, place)
    return source[:start] + repr(value) + source[end:]


def _literal(node: ast.expr) -> ast.expr | None:
    """What is written out as it is; None of an expression that takes its value from elsewhere."""
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError):
        return None
    return node


def _given(call: ast.Call, argument: Argument) -> ast.expr | None:
    """What a call gives for an argument: in parameter groups that are written out, by its name, in its place.

    Raises:
        EditError: Several parameter groups have one each.
    """
    if argument.of and last_name(call.func) not in argument.of and argument.name not in _keywords(call):
        return None
    groups = [node for one in call.args[:1] for node in ast.walk(one) if isinstance(node, ast.Dict)]
    own = [value for group in groups for value in entries(group, argument.name)]
    if own and len(groups) > 1:
        raise EditError(f"several parameter groups have a {argument.name} each")
    own += [word.value for word in call.keywords if word.arg == argument.name]
    own += _in_place(call, argument.position)
    unpacked = [word.value for word in call.keywords if word.arg is None]
    own += [ast.Subscript(value=one, slice=ast.Constant(argument.name)) for one in unpacked]
    return own[0] if own else None


def _in_place(call: ast.Call, position: int | None) -> list[ast.expr]:
    if position == LAST:
        return call.args[-1:] if len(call.args) > 1 or any(isinstance(one, ast.Constant) for one in call.args) else []
    return call.args[position : position + 1] if position is not None else []


def _keywords(call: ast.Call) -> list[str | None]:
    return [word.arg for word in call.keywords]


def _with_keyword(source: str, call: ast.Call, name: str, value: object) -> str:
    """A call with one more argument, behind its last one and the parentheses around that."""
    inside = [*call.args, *(keyword.value for keyword in call.keywords)]
    _, close = span(source, call)
    if not inside:
        return f"{source[: close - 1]}{name}={value!r}{source[close - 1 :]}"
    end = max(span(source, node)[1] for node in inside)
    end += len(_closing(source[end : close - 1]))
    return f"{source[:end]}, {name}={value!r}{source[end:]}"


def _closing(text: str) -> str:
    """What stands behind the last argument up to the last parenthesis that closes around it."""
    code, comment = "", False
    for letter in text:
        comment = (comment or letter == "#") and letter != "\n"
        code += "\0" if comment else letter
    return text[: code.rfind(")") + 1]
