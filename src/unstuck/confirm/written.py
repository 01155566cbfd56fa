"""Where the number that a call is given stands in a user's source: at the call, or where its name leads.

Names lead to the one place that gives them a value: a constant, an entry of a dictionary, a field of a class, a default
of a function or of a command-line option. A place counts only where it holds the number that was recorded.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Option", "entries", "last_name", "written"]

STEPS = 8
"""Names that are followed from one to the next."""

SAME = 1e-6
"""Relative difference up to which two numbers are one: a rate may have been a number of 32 bits."""

ARITHMETIC: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


@dataclass(frozen=True)
class Option:
    """A number that was given on the command line.

    Attributes:
        name: Its option: ``"--lr"``.
    """

    name: str


Place = ast.expr | Option


def written(tree: ast.Module, expression: ast.expr, number: float, args: Sequence[str] = ()) -> Place | None:
    r"""The place in a source that makes an expression the number that it was.

    Args:
        tree: The source.
        expression: What a call in it is given.
        number: What that was when the program ran.
        args: The arguments that the program was started with.

    Returns:
        The expression to change, an option of the command line, or None where neither is certain.

    Examples:
        >>> tree = ast.parse("RATE = 1.0\nopt = SGD(params, lr=RATE)")
        >>> rate = tree.body[1].value.keywords[0].value
        >>> written(tree, rate, 1.0).lineno
        1
        >>> written(tree, rate, 0.5)
    """
    return _Source(tree, number, tuple(args)).place(expression, STEPS)


def last_name(function: ast.expr) -> str:
    """The last part of the name of what is called: ``SGD`` of ``torch.optim.SGD``."""
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


@dataclass(frozen=True)
class _Source:
    tree: ast.Module
    number: float
    args: tuple[str, ...]

    def place(self, node: ast.expr, steps: int) -> Place | None:
        value = _constant(node)
        if value is not None:
            return node if math.isclose(value, self.number, rel_tol=SAME) else None
        if steps == 0:
            return None
        follow: Mapping[type[ast.expr], Callable[[ast.expr], list[Place]]] = {
            ast.Name: self._name,
            ast.Attribute: self._attribute,
            ast.Subscript: self._item,
            ast.Call: self._inside,
        }
        leads = follow.get(type(node), lambda _: [])(node)
        if len(leads) != 1:
            return None
        return leads[0] if isinstance(leads[0], Option) else self.place(leads[0], steps - 1)

    def _name(self, node: ast.expr) -> list[Place]:
        assert isinstance(node, ast.Name)
        parameters = [function for function in _around(self.tree, node) if node.id in _defaults(function)]
        if parameters:
            return self._parameter(parameters[-1], node.id)
        return [*self._values(node.id)]

    def _parameter(self, function: ast.FunctionDef, name: str) -> list[Place]:
        """What its callers give it, or else its default; an option of a command line may stand in its place."""
        given: list[Place] = [*_given(self.tree, function, name)]
        default = _defaults(function)[name]
        return (
            given or self._option(name) or [*_options(function.decorator_list, name), *([default] if default else [])]
        )

    def _attribute(self, node: ast.expr) -> list[Place]:
        """A field, an option that was parsed, or an argument of what the object was made by."""
        assert isinstance(node, ast.Attribute)
        parsed = list(_options(ast.walk(self.tree), node.attr))
        if parsed:
            return self._option(node.attr) or [*parsed]
        made = [one for one in self._values(last_name(node.value)) if isinstance(one, ast.Call)]
        arguments = [word.value for call in made for word in call.keywords if word.arg == node.attr]
        return [*(arguments or self._field(node.attr))]

    def _item(self, node: ast.expr) -> list[Place]:
        assert isinstance(node, ast.Subscript)
        return [*self._entries(node.value, node.slice)]

    def _inside(self, node: ast.expr) -> list[Place]:
        """What a call gives back as it is, or takes from a dictionary."""
        assert isinstance(node, ast.Call)
        if last_name(node.func) == "float" and len(node.args) == 1:
            return [node.args[0]]
        if isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args:
            return [*(self._entries(node.func.value, node.args[0]) or node.args[1:2])]
        return []

    def _option(self, name: str) -> list[Place]:
        """The option of that name, if the program was started with it, in whichever of its spellings."""
        declared = [one for call in _declared(ast.walk(self.tree), name) for one in _spelt(call)]
        spelt = dict.fromkeys((f"--{name}", f"--{name.replace('_', '-')}", *declared))
        found: list[Place] = [Option(one) for one in spelt if any(_gives(word, one) for word in self.args)]
        return found[:1]

    def _values(self, name: str) -> list[ast.expr]:
        """What a name is given anywhere outside of the bodies of classes."""
        fields = self._fields()
        pairs = _bindings(ast.walk(self.tree))
        return [value for to, value in pairs if isinstance(to, ast.Name) and to.id == name and id(to) not in fields]

    def _field(self, name: str) -> list[ast.expr]:
        """What a field of an object is given, in the body of its class or from anywhere."""
        own = [(to, value) for to, value in _bindings(ast.walk(self.tree)) if isinstance(to, ast.Attribute)]
        return [value for to, value in (*own, *self._fields().values()) if last_name(to) == name]

    def _fields(self) -> dict[int, tuple[ast.expr, ast.expr]]:
        bodies = [node.body for node in ast.walk(self.tree) if isinstance(node, ast.ClassDef)]
        return {id(pair[0]): pair for body in bodies for pair in _bindings(body)}

    def _entries(self, base: ast.expr, key: ast.expr) -> list[ast.expr]:
        """What a dictionary holds under a key."""
        if not isinstance(key, ast.Constant):
            return []
        dictionaries: list[ast.expr]
        if isinstance(base, ast.Dict | ast.Call):
            dictionaries = [base]
        elif isinstance(base, ast.Subscript):
            dictionaries = self._entries(base.value, base.slice)
        else:
            named = self._field if isinstance(base, ast.Attribute) else self._values
            dictionaries = named(last_name(base))
        return [value for one in dictionaries for value in entries(one, key.value)] + [
            node.value
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Assign)
            and any(ast.unparse(target) == f"{ast.unparse(base)}[{key.value!r}]" for target in node.targets)
        ]


def _bindings(nodes: Iterable[ast.AST]) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Targets of assignments, each with what it is given."""
    for node in nodes:
        targets: list[ast.expr] = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr):
            targets = [node.target]
        value: ast.expr | None = getattr(node, "value", None)
        for target in targets if value is not None else ():
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                yield from zip(target.elts, value.elts, strict=False)
            elif value is not None:
                yield target, value


def entries(node: ast.AST, key: object) -> list[ast.expr]:
    """What a dictionary that is written out holds under a key."""
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return [value for name, value in pairs if isinstance(name, ast.Constant) and name.value == key]
    if isinstance(node, ast.Call) and last_name(node.func) == "dict":
        return [word.value for word in node.keywords if word.arg == key]
    return []


def _constant(node: ast.expr) -> float | None:
    """The number that an expression of numbers alone is."""
    if isinstance(node, ast.Constant):
        return float(node.value) if isinstance(node.value, int | float) and not isinstance(node.value, bool) else None
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _constant(node.operand)
        return None if inner is None else -inner
    if isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        left, right = _constant(node.left), _constant(node.right)
        try:
            return None if left is None or right is None else float(ARITHMETIC[type(node.op)](left, right))
        except (ArithmeticError, TypeError):
            return None
    return None


def _around(tree: ast.AST, node: ast.expr) -> Iterator[ast.FunctionDef]:
    """The functions that an expression lies in, outer ones first."""
    for child in ast.iter_child_nodes(tree):
        if any(one is node for one in ast.walk(child)):
            if isinstance(child, ast.FunctionDef):
                yield child
            yield from _around(child, node)


def _defaults(function: ast.FunctionDef) -> dict[str, ast.expr | None]:
    """The arguments of a function with their defaults."""
    stated = function.args
    names = [*stated.posonlyargs, *stated.args]
    values = [*[None] * (len(names) - len(stated.defaults)), *stated.defaults]
    pairs = [*zip(names, values, strict=True), *zip(stated.kwonlyargs, stated.kw_defaults, strict=True)]
    return {argument.arg: default for argument, default in pairs}


def _given(tree: ast.Module, function: ast.FunctionDef, name: str) -> Iterator[ast.expr]:
    """What the calls of a function in the same source give for an argument."""
    names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    position = names.index(name) if name in names else None
    called, of_an_object = function.name, bool(names) and names[0] in ("self", "cls")
    if called == "__init__":
        called = next(c.name for c in ast.walk(tree) if isinstance(c, ast.ClassDef) and function in c.body)
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and last_name(call.func) == called:
            at = None if position is None else position - of_an_object
            yield from (word.value for word in call.keywords if word.arg == name)
            if at is not None and at < len(call.args):
                yield call.args[at]


def _options(nodes: Iterable[ast.AST], name: str) -> Iterator[ast.expr]:
    """The defaults of options of a command line that have a name, as argparse and click spell them."""
    for call in _declared(nodes, name):
        yield next((word.value for word in call.keywords if word.arg == "default"), call)


def _declared(nodes: Iterable[ast.AST], name: str) -> Iterator[ast.Call]:
    """The calls that declare an option of that name."""
    for node in nodes:
        if isinstance(node, ast.Call) and last_name(node.func) in ("add_argument", "option", "Option"):
            named = [word.value for word in node.keywords if word.arg == "dest"] or node.args
            words = [one.value for one in named if isinstance(one, ast.Constant)]
            if any(isinstance(one, str) and one.lstrip("-").replace("-", "_") == name for one in words):
                yield node


def _spelt(call: ast.Call) -> list[str]:
    words = [one.value for one in call.args if isinstance(one, ast.Constant)]
    return [one for one in words if isinstance(one, str) and one.startswith("-")]


def _gives(word: str, option: str) -> bool:
    """Whether a word of a command line gives an option: ``--lr``, ``--lr=1``, ``-l``, ``-l1``, ``-vl``."""
    if word.partition("=")[0] == option:
        return True
    letters = re.match(r"-([A-Za-z]+)", word)
    return len(option) == len("-l") and letters is not None and option[1] in letters[1]
