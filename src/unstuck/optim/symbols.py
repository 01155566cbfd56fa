"""Symbols: run an update rule once on names instead of numbers, and write down what it does.

A rule such as ``m = beta * m + (1 - beta) * g`` is ordinary Python. Called with symbols, each operation is recorded
instead of computed, which yields a straight-line program that the compiled engines turn into kernels. Branches on
options (``if nesterov``) are decided while recording, so every kernel holds only what it needs.

Two kinds of symbols keep the kernels fast and exact. A *constant* is one number for a whole parameter tensor (a rate,
``1 - beta2``, a bias correction): its arithmetic is hoisted out of the loop over elements and done in float64 by
Python. An *element* stands for one entry of a tensor, in the tensor's own precision.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["Program", "Symbol", "record", "select"]

Number = float | int
_OF_FLOATS = {"sqrt": lambda x: x**0.5, "maximum": max, "select": lambda c, x, y: x if c else y}
_OF_ARRAYS = {"sqrt": np.sqrt, "maximum": np.maximum, "select": np.where, "float": np.float64}


@dataclass
class Program:
    """A recorded rule: constants to be computed once a tensor, and lines to be run for each element.

    Attributes:
        arguments: Names that the expressions in ``constants`` may use.
        constants: Python expressions in float64; the k-th is called ``c{k}`` in ``lines``.
        lines: Assignments in the vocabulary ``+ - * /``, ``sqrt``, ``maximum``, ``select``.
        results: Names that hold the new weight and the new states at the end.
    """

    arguments: tuple[str, ...]
    constants: list[str] = field(default_factory=list[str])
    lines: list[str] = field(default_factory=list[str])
    results: tuple[str, ...] = ()

    def constant(self, expression: str) -> str:
        """The name under which the loop over elements finds a constant expression."""
        if expression not in self.constants:
            self.constants.append(expression)
        return f"c{self.constants.index(expression)}"

    def assign(self, expression: str) -> str:
        """Add a line and return the name it defines."""
        name = f"x{len(self.lines)}"
        self.lines.append(f"{name} = {expression}")
        return name

    def evaluator(self, *, of_arrays: bool = False) -> Callable[..., tuple[Any, ...]]:
        """A function of ``arguments`` that returns the values of ``constants``.

        Args:
            of_arrays: Whether arguments may be NumPy arrays, one number for each of several tensors.
        """
        text = f"lambda {', '.join(self.arguments)}: ({''.join(c + ', ' for c in self.constants)})"
        return eval(text, dict(_OF_ARRAYS if of_arrays else _OF_FLOATS))


class Symbol:
    """A value that a rule works on while it is being recorded."""

    __slots__ = ("element", "program", "text")

    def __init__(self, text: str, *, element: bool, program: Program) -> None:
        self.text, self.element, self.program = text, element, program

    @staticmethod
    def of(value: Symbol | Number, program: Program | None = None) -> Symbol:
        """A symbol for a value: a plain number becomes a constant."""
        if isinstance(value, Symbol):
            return value
        assert program is not None, "a number beside no symbol is no part of a rule"
        return Symbol(repr(value), element=False, program=program)

    def _name(self) -> str:
        """How an element expression refers to this symbol."""
        return self.text if self.element else self.program.constant(self.text)

    def combine(self, pattern: str, *operands: Symbol) -> Symbol:
        """The result of an operation: an element if any operand is one, else a constant."""
        everything = (self, *operands)
        if any(s.element for s in everything):
            text = self.program.assign(pattern.format(*(s._name() for s in everything)))
            return Symbol(text, element=True, program=self.program)
        return Symbol(f"({pattern.format(*(s.text for s in everything))})", element=False, program=self.program)

    def _binary(self, pattern: str, other: Symbol | Number) -> Symbol:
        return self.combine(pattern, Symbol.of(other, self.program))

    def __add__(self, other: Symbol | Number) -> Symbol:
        return self._binary("{0} + {1}", other)

    def __radd__(self, other: Number) -> Symbol:
        return self._binary("{1} + {0}", other)

    def __sub__(self, other: Symbol | Number) -> Symbol:
        return self._binary("{0} - {1}", other)

    def __rsub__(self, other: Number) -> Symbol:
        return self._binary("{1} - {0}", other)

    def __mul__(self, other: Symbol | Number) -> Symbol:
        return self._binary("{0} * {1}", other)

    def __rmul__(self, other: Number) -> Symbol:
        return self._binary("{1} * {0}", other)

    def __truediv__(self, other: Symbol | Number) -> Symbol:
        divisor = Symbol.of(other, self.program)
        if self.element and not divisor.element:
            return self * (1 / divisor)  # one division a tensor instead of one an element
        return self.combine("{0} / {1}", divisor)

    def __rtruediv__(self, other: Number) -> Symbol:
        return self._binary("{1} / {0}", other)

    def __neg__(self) -> Symbol:
        return self.combine("-{0}")

    def __pow__(self, other: Symbol | Number) -> Symbol:
        exponent = Symbol.of(other, self.program)
        assert not self.element, "rules raise only constants to a power"
        assert not exponent.element, "rules raise only constants to a power"
        return self.combine("{0} ** {1}", exponent)

    def __rpow__(self, other: Number) -> Symbol:
        return Symbol.of(other, self.program) ** self

    def __gt__(self, other: Symbol | Number) -> Symbol:
        return self._binary("{0} > {1}", other)

    def sqrt(self) -> Symbol:
        """Square root."""
        return self.combine("sqrt({0})")

    def maximum(self, other: Symbol | Number) -> Symbol:
        """The larger of two."""
        return self._binary("maximum({0}, {1})", other)

    def __bool__(self) -> bool:
        raise TypeError("a rule may branch on its options, not on values: use where(condition, x, y)")


def select(condition: Symbol, x: Symbol | Number, y: Symbol | Number) -> Symbol:
    """``x`` where a constant condition holds, ``y`` elsewhere."""
    x, y = Symbol.of(x, condition.program), Symbol.of(y, condition.program)
    if x.element or y.element:
        # the condition travels among the float64 constants, so it becomes 1 or 0 there
        condition = Symbol(f"float({condition.text})", element=False, program=condition.program)
    return condition.combine("select({0}, {1}, {2})", x, y)


def record(
    rule: Callable[..., Sequence[Symbol | None]], elements: Sequence[str | None], arguments: Sequence[str]
) -> Program:
    """Run ``rule(elements, arguments)`` on symbols.

    Args:
        rule: Takes a tuple of elements (weight, gradient, states; None for a state that is not kept) and a dict of
            constants; returns the new weight and the new states.
        elements: Names of the elements; None stays None.
        arguments: Names of the constants.

    Returns:
        The program, with one result for each element but the gradient.

    Example:
        >>> def descend(elements, constants):
        ...     w, g = elements
        ...     return [w - constants["lr"] * g]
        >>> program = record(descend, ("w", "g"), ("lr",))
        >>> program.constants, program.lines
        (['lr'], ['x0 = c0 * g', 'x1 = w - x0'])
    """
    program = Program(tuple(arguments))
    symbols = tuple(None if name is None else Symbol(name, element=True, program=program) for name in elements)
    values = rule(symbols, {name: Symbol(name, element=False, program=program) for name in arguments})
    program.results = tuple(value.text for value in values if value is not None)
    return program
