"""Inspection: is every tensor of a table where and what it was, and where does its gradient lie? One compiled call.

In Python these questions take half a microsecond a parameter while its objects are in the caches, and several times
that after an update that swept them. Nothing is remembered about when a tensor might have moved: PyTorch counts no
version where ``p.data`` is assigned or where two tensors are swapped, so each step looks at all of them.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from unstuck.optim.compilation import compiled
from unstuck.optim.native import NativeFunctions, native_functions

if TYPE_CHECKING:
    from unstuck.optim.table import Table

__all__ = ["Inspection"]

Words = np.ndarray[Any, np.dtype[np.int64]]

_QUESTIONS = ("data_ptr", "numel", "dtype", "layout", "device_type", "is_contiguous", "dim", "sizes", "strides", "grad")
_BOOK = (*_QUESTIONS, "handle", "undefined", "real", "strided", "cpu", "count", "kept", "addresses", "active", "rows")

_SOURCE = '''\
"""Made by unstuck.optim to look where tensors lie; safe to delete."""


def lies_as(tensor, number, shape, numel, is_contiguous, dim, sizes, strides):
    if ask_long(numel, tensor) != number:
        return 0
    if shape == 0:
        return ask_flag(is_contiguous, tensor)
    dims = load_integer(shape, 0)
    if ask_long(dim, tensor) != dims:
        return 0
    size, stride = ask_long(sizes, tensor), ask_long(strides, tensor)
    for k in range(dims):
        length = load_integer(size, k)
        if length != load_integer(shape, 1 + k):
            return 0
        if length != 1 and load_integer(stride, k) != load_integer(shape, 1 + dims + k):
            return 0
    return 1


def inspect(book):
    {book}
    width = 3 + kept
    for k in range(count):
        row, place = rows + 8 * width * k, addresses + 8 * (2 + kept) * k
        number, shape, weight = load_integer(row, 0), load_integer(row, 1), load_integer(row, 2) + handle
        if ask_long(data_ptr, weight) != load_integer(place, 0) or ask_integer(dtype, weight) != real:
            return 0
        if lies_as(weight, number, shape, numel, is_contiguous, dim, sizes, strides) != 1:
            return 0
        for j in range(kept):
            if ask_long(data_ptr, load_integer(row, 3 + j) + handle) != load_integer(place, 2 + j):
                return 0
        gradient = call_one(grad, load_integer(weight, 0))
        if load_integer(gradient, 0) == undefined:
            if load_flag(active, k) != 0:
                return 0
            continue
        if load_flag(active, k) == 0 or ask_integer(layout, gradient) != strided:
            return 0
        if ask_integer(device_type, gradient) != cpu or ask_integer(dtype, gradient) != real:
            return 0
        if lies_as(gradient, number, shape, numel, is_contiguous, dim, sizes, strides) != 1:
            return 0
        store_integer(place, 1, ask_long(data_ptr, gradient))
    return 1
'''.format(book="\n    ".join(f"{name} = load_integer(book, {k})" for k, name in enumerate(_BOOK)))


class Inspection:
    """The compiled look at a table's tensors, which lie on the CPU.

    Args:
        table: It, and so its tensors, outlive the inspection.
        functions: What to look with.
    """

    def __init__(self, table: Table, functions: NativeFunctions) -> None:
        params, kept = [row.param for row in table.rows], len(table.rule.kept)
        self._single = [p for p in params if p.numel() == 1]
        self._shapes = [np.array([p.dim(), *p.shape, *p.stride()], np.int64) for p in params]
        self._rows = np.array(
            [
                (p.numel(), 0 if p.is_contiguous() else shape.ctypes.data, id(p), *map(id, row.buffers))
                for row, p, shape in zip(table.rows, params, self._shapes, strict=True)
            ],
            np.int64,
        )
        known = {
            **{name: functions.addresses[name] for name in _QUESTIONS},
            "handle": functions.handle,
            "undefined": functions.undefined,
            "real": functions.ask("dtype", params[0]),
            "strided": functions.ask("layout", params[0]),
            "cpu": functions.ask("device_type", params[0]),
            "count": len(params),
            "kept": kept,
            "addresses": table.addresses.ctypes.data,
            "active": table.active.ctypes.data,
            "rows": self._rows.ctypes.data,
        }
        self._book: Words = np.array([known[name] for name in _BOOK], np.int64)
        self._address = self._book.ctypes.data
        self._inspect = _compiled()

    @classmethod
    def of(cls, table: Table) -> Inspection | None:
        """The inspection of a table; None where there are no native functions."""
        functions = native_functions()
        return None if functions is None else cls(table, functions)

    def passed(self) -> bool:
        """Whether all is as it was; if so, the table holds the addresses of this step's gradients."""
        if self._inspect(self._address) == 0:
            return False
        # a lazily negated gradient, as complex numbers leave behind, looks regular where it has one entry only
        return not any(p.grad.is_neg() for p in self._single if p.grad is not None)


@cache
def _compiled() -> Any:
    return compiled(_SOURCE, name="inspection", entry="inspect", helpers=("lies_as",), arguments=1, answers=True)
