"""Follow tensors through every function that is called, in the few steps in which it is asked what becomes of them."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Collection, Hashable, Mapping
from typing import Any

from torch import Tensor

from unstuck.observe.collectors.inputs import tensors_of

__all__ = ["Calls", "Followed"]

MOST_CALLS = 20_000
"""Calls of a step that are looked at."""

READS: frozenset[str] = frozenset(
    {
        *("item", "tolist", "numpy", "__array__", "__float__", "__int__", "__bool__", "__index__", "__complex__"),
        *("__iter__", "__dlpack__", "__reduce_ex__", "to_dlpack", "equal", "allclose", "is_nonzero", "save"),
    }
)
"""Functions that hand the values of tensors to what is no tensor, and cannot be followed."""


class Followed:
    """What tensors are made of, by marks.

    Attributes:
        left: Marks of tensors whose values were read by what cannot be followed.

    Examples:
        >>> import torch
        >>> x = torch.ones(2)
        >>> known = Followed()
        >>> known.mark(x, {"x"})
        >>> y = 2.0 * x
        >>> sorted(known.call(torch.mul, (2.0, x), {}, y)), sorted(known.of(y))
        (['x'], ['x'])
        >>> known.call(Tensor.item, (y[0],), {}, 2.0), sorted(known.call(Tensor.tolist, (y,), {}, [2.0, 2.0]))
        (frozenset(), ['x'])
        >>> sorted(known.left)
        ['x']
    """

    def __init__(self) -> None:
        self._marks: dict[int, tuple[weakref.ref[Tensor], frozenset[Hashable]]] = {}
        self._calls = 0
        self.left: set[Hashable] = set()

    @property
    def full(self) -> bool:
        """Whether so many calls were made that the rest was not looked at."""
        return self._calls > MOST_CALLS

    def mark(self, tensor: Tensor, marks: Collection[Hashable]) -> None:
        """Add marks to a tensor."""
        self._marks[id(tensor)] = (weakref.ref(tensor), self.of(tensor) | frozenset(marks))

    def of(self, value: Any) -> frozenset[Hashable]:
        """The marks of all tensors in nested tuples, lists and dictionaries."""
        found = frozenset[Hashable]()
        for tensor in tensors_of(value):
            reference, marks = self._marks.get(id(tensor), (None, frozenset[Hashable]()))
            if reference is not None and reference() is tensor:
                found |= marks
        return found

    def call(
        self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any, new: Collection[Hashable] = ()
    ) -> frozenset[Hashable]:
        """A function was called; the marks of what it was given.

        Args:
            function: The function.
            args: What it was given.
            kwargs: The same, by name.
            output: What it returned.
            new: Marks that its results get beside.
        """
        self._calls += 1
        if self.full:
            return frozenset()
        marks = self.of((args, kwargs)) | frozenset(new)
        if not marks:
            return marks
        for made in tensors_of(output):
            self.mark(made, marks)
        name = getattr(function, "__name__", "")
        if name == "__setitem__" and isinstance(args[0], Tensor):
            self.mark(args[0], marks)
        elif name in READS:
            self.left |= marks
        return marks


class Calls(dict[Any, Callable[..., None]]):
    """Calls of functions, each of which is told to a follower, and then to whoever cares for it.

    Args:
        known: Who cares for which function.
        scalars: Who cares for functions that return one number.
        follow: Called with a function, its arguments, its result, and whether it is one to learn from.
    """

    def __init__(
        self, known: Mapping[Any, Callable[..., None]], scalars: Callable[..., None], follow: Callable[..., None]
    ) -> None:
        super().__init__(known)
        self._scalars, self._follow = scalars, follow

    def get(self, function: Any, default: Any = None) -> Callable[..., None]:
        """What is to be called with a function, its arguments, and what it returned."""
        known = super().get(function)

        def told(*args: Any, learning: bool) -> None:
            self._follow(*args, learning=learning)
            output, handler = args[-1], known
            if handler is None and type(output) is Tensor and not output.is_nested and not output.ndim:
                handler = self._scalars
            if handler is not None:
                handler(*args, learning=learning)

        return told
