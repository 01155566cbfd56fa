"""Formulas: run a function of x and y once on symbols, and write down its value and its gradient.

A function such as ``lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2`` is ordinary Python. Called with symbols, each
operation is recorded instead of computed; going backwards through them by the chain rule yields the derivatives as
operations too. The straight-line program is compiled into the loop of a race.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from unstuck.surfaces.operations import DERIVATIVES, PATTERNS, SPELLINGS, VOCABULARY

__all__ = ["Formula", "NotRecordable", "Term", "record"]


class NotRecordable(TypeError):  # noqa: N818  it is no error of the user's: the function is called instead
    """The function does something with its arguments that no symbol can follow, such as branching on their values."""


_SOURCE = '''\
"""Made by unstuck.surfaces from a function of two numbers; safe to delete."""


def height(x, y):
{lines}
    return 0.0 + {results[0]}, 0.0 + {results[1]}, 0.0 + {results[2]}
'''


@dataclass(frozen=True, kw_only=True)
class Formula:
    """A recorded function of x and y with its gradient.

    Attributes:
        lines: Assignments.
        results: What holds the value and both derivatives after them.
    """

    lines: tuple[str, ...]
    results: tuple[str, str, str]

    @property
    def source(self) -> str:
        """The text of ``height(x, y)``, which returns the value and both derivatives."""
        return _SOURCE.format(lines="\n".join(f"    {line}" for line in self.lines), results=self.results)

    @cached_property
    def height(self) -> Callable[..., tuple[Any, Any, Any]]:
        """The function itself, of numbers or arrays of NumPy."""
        space = dict(VOCABULARY)
        exec(compile(self.source, "<unstuck formula>", "exec"), space)
        return space["height"]


class Recorder:
    """The lines recorded so far; equal operations on equal terms are recorded once."""

    def __init__(self) -> None:
        self.terms: dict[tuple[Any, ...], Term] = {}

    def apply(self, name: str, *operands: Term | float) -> Term:
        """The term of an operation."""
        given = tuple(self.term(operand) for operand in operands)
        if simpler := _simpler(name, given):
            return simpler[0]
        key = (name, *(id(term) for term in given))
        if key not in self.terms:
            self.terms[key] = Term(self, name, given)
        return self.terms[key]

    def term(self, value: Term | float) -> Term:
        """A number as a term."""
        if isinstance(value, Term):
            return value
        key = ("number", repr(float(value)))
        if key not in self.terms:
            self.terms[key] = Term(self, "number", (), text=_literal(value))
        return self.terms[key]

    def variable(self, name: str) -> Term:
        """An argument of the function."""
        return self.terms.setdefault(("variable", name), Term(self, "variable", (), text=name))

    def gradient(self, of: Term, by: tuple[Term, ...]) -> tuple[Term, ...]:
        """The derivatives of a term, by the chain rule from the last operation to the first."""
        slopes: dict[int, Term] = {id(of): self.term(1.0)}
        for term in reversed(_below(of)):
            slope = slopes.get(id(term))
            if slope is None or not term.operands:
                continue
            for operand, local in zip(term.operands, DERIVATIVES[term.name](term, *term.operands), strict=True):
                if local is not None:
                    earlier = slopes.get(id(operand))
                    share = slope * local
                    slopes[id(operand)] = share if earlier is None else earlier + share
        return tuple(slopes.get(id(variable), self.term(0.0)) for variable in by)


class Term:
    """A value that a function works on while it is being recorded."""

    __slots__ = ("name", "operands", "recorder", "text")
    __array_priority__ = 1000

    def __init__(self, recorder: Recorder, name: str, operands: tuple[Term, ...], *, text: str = "") -> None:
        self.recorder, self.name, self.operands, self.text = recorder, name, operands, text

    def __add__(self, other: Any) -> Term:
        return self._with("add", other)

    def __radd__(self, other: Any) -> Term:
        return self._with("add", other, swapped=True)

    def __sub__(self, other: Any) -> Term:
        return self._with("subtract", other)

    def __rsub__(self, other: Any) -> Term:
        return self._with("subtract", other, swapped=True)

    def __mul__(self, other: Any) -> Term:
        return self._with("multiply", other)

    def __rmul__(self, other: Any) -> Term:
        return self._with("multiply", other, swapped=True)

    def __truediv__(self, other: Any) -> Term:
        return self._with("divide", other)

    def __rtruediv__(self, other: Any) -> Term:
        return self._with("divide", other, swapped=True)

    def __pow__(self, other: Any) -> Term:
        return self._with("power", other)

    def __rpow__(self, other: Any) -> Term:
        return self._with("power", other, swapped=True)

    def __gt__(self, other: Any) -> Term:
        return self._with("greater", other)

    def __lt__(self, other: Any) -> Term:
        return self._with("greater", other, swapped=True)

    __ge__, __le__ = __gt__, __lt__

    def __neg__(self) -> Term:
        return self.recorder.apply("negative", self)

    def __pos__(self) -> Term:
        return self

    def __abs__(self) -> Term:
        return self.recorder.apply("absolute", self)

    def __bool__(self) -> bool:
        raise NotRecordable("branches on a value")

    def __float__(self) -> float:
        raise NotRecordable("asks for a value")

    def __getattr__(self, name: str) -> Callable[..., Term]:
        known = SPELLINGS.get(name, name)
        if known not in DERIVATIVES:
            raise AttributeError(name)
        return lambda *others: self.recorder.apply(known, self, *map(_operand, others))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Term:
        if method != "__call__" or options:
            raise NotRecordable(f"calls numpy.{ufunc.__name__}.{method}")
        return self._called(ufunc.__name__, inputs)

    def __array_function__(self, function: Any, types: Any, inputs: Any, options: Any) -> Term:
        return self._called(function.__name__, inputs)

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, inputs: Any = (), options: Any = None) -> Term:
        owner = next(value for value in inputs if isinstance(value, Term))
        return owner._called(function.__name__, inputs)

    def _called(self, name: str, inputs: tuple[Any, ...]) -> Term:
        known = SPELLINGS.get(name, name)
        if known not in DERIVATIVES:
            raise NotRecordable(f"calls {name}")
        return self.recorder.apply(known, *map(_operand, inputs))

    def _with(self, name: str, other: Any, *, swapped: bool = False) -> Term:
        pair = (_operand(other), self) if swapped else (self, _operand(other))
        return self.recorder.apply(name, *pair)


def record(function: Callable[[Any, Any], Any]) -> Formula:
    """Run a function of two numbers on symbols.

    Args:
        function: Made of ``+ - * / **``, comparisons in ``where``, and the functions of NumPy or torch named in
            :data:`~unstuck.surfaces.operations.DERIVATIVES`.

    Raises:
        NotRecordable: It branches on its arguments, or calls something else.

    Example:
        >>> formula = record(lambda x, y: x * y + 3 * x)
        >>> formula.lines, formula.results
        (('a0 = x * y', 'a1 = 3.0 * x', 'a2 = a0 + a1', 'a3 = 3.0 + y'), ('a2', 'a3', 'x'))
        >>> formula.height(2.0, 5.0)
        (16.0, 8.0, 2.0)
    """
    recorder = Recorder()
    x, y = recorder.variable("x"), recorder.variable("y")
    value = recorder.term(_operand(function(x, y)))
    results = (value, *recorder.gradient(value, (x, y)))
    names: dict[int, str] = {}
    lines: list[str] = []
    for result in results:
        for term in _below(result):
            if id(term) in names:
                continue
            if not term.operands:
                names[id(term)] = term.text
                continue
            names[id(term)] = f"a{len(lines)}"
            written = PATTERNS[term.name].format(*(names[id(operand)] for operand in term.operands))
            lines.append(f"a{len(lines)} = {written}")
    return Formula(lines=tuple(lines), results=cast("tuple[str, str, str]", tuple(names[id(r)] for r in results)))


def _operand(value: Any) -> Term | float:
    if isinstance(value, Term):
        return value
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise NotRecordable(f"computes with {type(value).__name__}") from error


def _literal(value: float) -> str:
    value = float(value)
    if not math.isfinite(value):
        raise NotRecordable(f"computes with {value}")
    return repr(value) if value >= 0 else f"({value!r})"


def _below(term: Term) -> list[Term]:
    """A term and all that it is computed from, operands first."""
    ordered: list[Term] = []
    seen: set[int] = set()
    waiting = [(term, False)]
    while waiting:
        term, ready = waiting.pop()
        if ready:
            ordered.append(term)
        elif id(term) not in seen:
            seen.add(id(term))
            waiting.append((term, True))
            waiting.extend((operand, False) for operand in reversed(term.operands))
    return ordered


def _simpler(name: str, given: tuple[Term, ...]) -> tuple[Term] | None:
    """What 0 + a, 1 * a, a / 1, a ** 1 and arithmetic of numbers come to."""
    first, last = given[0], given[-1]
    numbers = [float(term.text.strip("()")) if term.name == "number" else None for term in given]
    recorder = first.recorder
    match (name, *numbers):
        case ("add", 0.0, _) | ("multiply", 1.0, _):
            return (last,)
        case ("add" | "subtract", _, 0.0) | ("multiply" | "divide" | "power", _, 1.0):
            return (first,)
        case ("power", _, 2.0):
            return (recorder.apply("multiply", first, first),)
        case ("power", _, 0.5):
            return (recorder.apply("sqrt", first),)
        case ("subtract", float(a), float(b)):
            return (recorder.term(a - b),)
        case ("multiply", float(a), float(b)):
            return (recorder.term(a * b),)
        case ("negative", float(a)):
            return (recorder.term(-a),)
        case _:
            return None
