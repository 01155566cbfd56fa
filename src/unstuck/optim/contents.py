"""Lists and dicts that are to hold the very same objects from step to step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from itertools import chain
from operator import is_
from typing import Any

import numpy as np

from unstuck.optim.compilation import compiled
from unstuck.optim.native import native_functions

__all__ = ["Contents"]

Container = list[Any] | dict[Any, Any]

_SOURCE = '''\
"""Made by unstuck.optim to see whether containers hold what they held; safe to delete."""


def same(book):
    dict_next, list_size, list_item = load_integer(book, 0), load_integer(book, 1), load_integer(book, 2)
    lists, dicts, sizes = load_integer(book, 3), load_integer(book, 4), load_integer(book, 5)
    containers, objects, place = load_integer(book, 6), load_integer(book, 7), load_integer(book, 8)
    seen = 0
    for k in range(lists):
        container, size = load_integer(containers, k), load_integer(sizes, k)
        if call_one(list_size, container) != size:
            return 0
        for item in range(size):
            if call_two(list_item, container, item) != load_integer(objects, seen + item):
                return 0
        seen += size
    for k in range(lists, lists + dicts):
        container, size = load_integer(containers, k), load_integer(sizes, k)
        store_integer(place, 0, 0)
        for item in range(size):
            if next_item(dict_next, container, place) == 0:
                return 0
            if load_integer(place, 2) != load_integer(objects, seen + item):
                return 0
        if next_item(dict_next, container, place) != 0:
            return 0
        seen += size
    return 1
'''


class Contents:
    """What some containers hold: the items of lists, the values of dicts.

    Args:
        containers: They are kept alive, and so is what they hold now.
        native: Compare by compiled code where that is possible here.

    Example:
        >>> rates = {"weight": 0.1, "bias": 0.2}
        >>> contents = Contents([rates], native=False)
        >>> contents.unchanged()
        True
        >>> rates["bias"] = 0.3
        >>> contents.unchanged()
        False
    """

    def __init__(self, containers: Iterable[Container], *, native: bool) -> None:
        # lists first, as the compiled code expects them
        self._containers: list[Container] = sorted(containers, key=lambda container: not isinstance(container, list))
        self._held = [list(_items(container)) for container in self._containers]
        self._everything = list(chain.from_iterable(self._held))
        self._compare, self._book = self._native() if native else (None, 0)

    def unchanged(self) -> bool:
        """Whether each still holds the very same objects in the same order."""
        if self._compare is not None:
            return bool(self._compare(self._book))
        return list(map(len, self._containers)) == list(map(len, self._held)) and all(
            map(is_, chain.from_iterable(map(_items, self._containers)), self._everything)
        )

    def _native(self) -> tuple[Callable[[int], int] | None, int]:
        functions = native_functions()
        if functions is None:
            return None, 0
        lists = sum(isinstance(container, list) for container in self._containers)
        self._arrays = [
            _words(map(len, self._held)),
            _words(map(id, self._containers)),
            _words(map(id, self._everything)),
            np.zeros(3, np.int64),
        ]
        book = _words(
            [
                *(functions.addresses[name] for name in ("PyDict_Next", "PyList_Size", "PyList_GetItem")),
                lists,
                len(self._containers) - lists,
                *(array.ctypes.data for array in self._arrays),
            ]
        )
        self._arrays.append(book)
        return _compiled(), book.ctypes.data


@cache
def _compiled() -> Any:
    return compiled(_SOURCE, name="contents", entry="same", arguments=1, answers=True)


def _items(container: Container) -> Iterable[Any]:
    return container if isinstance(container, list) else container.values()


def _words(values: Iterable[int]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array(list(values), np.int64)
