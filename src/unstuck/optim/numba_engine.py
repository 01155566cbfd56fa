"""The Numba engine: all CPU parameters of a step in one call of a compiled kernel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from unstuck.optim.compilation import available, numba
from unstuck.optim.inspection import Inspection
from unstuck.optim.numba_kernel import compile_kernel
from unstuck.optim.row import Row
from unstuck.optim.sums import Sum
from unstuck.optim.table import Table, eligible
from unstuck.optim.threads import call_in_threads

__all__ = ["CHUNK", "NumbaStep", "accepts", "available", "check"]

CHUNK = 32_768  #: entries a chunk: small enough for weight, gradient and states to sit in a core's cache
_WORTH_A_THREAD = 150_000  #: entries a thread below which waking it costs more than it saves
_REALS = {torch.float32: "float32", torch.float64: "float64"}


def check() -> None:
    """Raise ``MissingPackageError`` where the engine cannot run."""
    numba()


def accepts(row: Row) -> bool:
    """Whether this engine can serve a row."""
    return eligible(row, device="cpu", dtypes=_REALS)


class NumbaStep:
    """The step of all rows that share a rule and a type."""

    def __init__(self, rows: Sequence[Row], *, constants: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self.table = Table(rows, constants=constants, chunk=CHUNK)
        self._kernel = compile_kernel(self.table.rule, _REALS[self.table.dtype])  # type: ignore[arg-type]
        self._inspection = Inspection.of(self.table)
        self._ticket = np.zeros(1, np.int64)
        self._sums = np.full((len(self.table.chunks), len(Sum)), np.nan)
        self._arguments: tuple[int, ...] = (
            self.table.addresses.ctypes.data,
            self.table.constants.ctypes.data,
            self.table.chunks.ctypes.data,
            len(self.table.chunks),
            self._ticket.ctypes.data,
            self._sums.ctypes.data,
        )

    def ready(self) -> bool:
        """Whether the table still holds; if so, it has taken the gradients of this step."""
        if self._inspection is not None and self._inspection.passed():
            return True
        return self.table.ready()

    def run(self) -> None:
        """Update every row whose gradient the table has taken."""
        self.table.advance_constants()
        self.table.mark_changed()  # while what was inspected is at hand; the kernel sweeps the caches
        self._ticket[0] = 0
        if self.table.elements < 2 * _WORTH_A_THREAD:
            self._call()
        else:
            useful = min(torch.get_num_threads(), len(self.table.chunks), self.table.elements // _WORTH_A_THREAD)
            call_in_threads(self._call, useful)

    def _call(self) -> None:
        self._kernel(*self._arguments)

    def sums(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """What the last run saw: one row of ``sums.Sum`` a parameter."""
        return self.table.add_up(self._sums)
