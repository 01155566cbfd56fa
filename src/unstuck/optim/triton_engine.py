"""The Triton engine: all CUDA parameters of a step in one launch."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch

from unstuck.errors import ArgumentError
from unstuck.optim.row import Row
from unstuck.optim.sums import Sum
from unstuck.optim.table import Table, eligible
from unstuck.optim.triton_kernel import available as installed
from unstuck.optim.triton_kernel import compile_kernel
from unstuck.optional import require

__all__ = ["CHUNK", "TritonStep", "accepts", "available", "check"]

CHUNK = 8_192  #: entries a program: enough programs for every multiprocessor even where one tensor is all there is
BLOCK = 1_024  #: entries that a program works on at once
_REALS = {torch.float32: "float32", torch.float64: "float64"}


def _interpreted() -> bool:
    """Whether Triton runs its kernels on the CPU, step by step, as it does for tests."""
    return os.environ.get("TRITON_INTERPRET") == "1"


def available() -> bool:
    """Whether Triton is installed and has something to run on."""
    return (torch.cuda.is_available() or _interpreted()) and installed()


def check() -> None:
    """Raise where the engine cannot run: ``MissingPackageError`` without Triton, ``ArgumentError`` without a device."""
    require("triton", extra="triton", purpose="engine='triton'")
    if not available():
        raise ArgumentError(
            "engine: received 'triton', but torch finds no CUDA device; accepted here are 'auto', 'torch', 'numba', "
            "'fused'"
        )


def accepts(row: Row) -> bool:
    """Whether this engine can serve a row."""
    return eligible(row, device="cpu" if _interpreted() else "cuda", dtypes=_REALS)


class TritonStep:
    """The step of all rows that share a rule, a type and a device."""

    def __init__(self, rows: Sequence[Row], *, constants: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self.table = Table(rows, constants=constants, chunk=CHUNK)
        device = self.table.device
        self._chunks = torch.from_numpy(self.table.chunks).to(device)
        shape = (len(self.table.chunks), len(Sum))
        self._sums = torch.full(shape, torch.nan, dtype=torch.float64, device=device)

    def ready(self) -> bool:
        """Whether the table still holds; if so, it has taken the gradients of this step."""
        return self.table.ready()

    def run(self) -> None:
        """Update every row whose gradient the table has taken."""
        table = self.table
        table.advance_constants()
        words = np.concatenate([table.addresses.ravel(), table.constants.view(np.int64).ravel()])
        on_device = torch.from_numpy(words).to(table.device)
        context = torch.cuda.device(table.device) if table.device.type == "cuda" else nullcontext()
        aligned = not bool((table.addresses % 16).any())
        kernel = compile_kernel(table.rule, _REALS[table.dtype], aligned=aligned)
        with context:
            kernel[(len(table.chunks),)](on_device, table.addresses.size, self._chunks, self._sums, BLOCK=BLOCK)
        table.mark_changed()

    def sums(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """What the last run saw: one row of ``sums.Sum`` a parameter; waits for the device."""
        return self.table.add_up(self._sums.cpu().numpy())
