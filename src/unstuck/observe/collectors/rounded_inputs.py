"""What is left of the differences between examples where a program casts them to half precision?"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from unstuck.observe.collectors.lost_updates import HALVES
from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.user_code.frames import user_place
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["RoundedInputs", "different"]

CASTS: frozenset[Any] = frozenset({Tensor.to, Tensor.bfloat16, Tensor.half, Tensor.type, Tensor.type_as})

FEWEST_ROWS = 16
MOST_ROWS = 256
"""Examples that are compared: half precision has 256 or 2,048 numbers between two powers of two."""

MOST_COLUMNS = 16
MOST_LOOKS = 16
"""Casts that are looked at."""

COARSE = 0.75
"""Share of the different values that is left, above which nothing is stated."""


def different(rows: Tensor) -> Tensor:
    """How many different values each column holds.

    Examples:
        >>> different(torch.tensor([[1.0, 2.0], [3.0, 2.0], [1.0, 2.0]])).tolist()
        [2, 1]
    """
    return (rows.sort(dim=0).values.diff(dim=0) != 0).sum(dim=0) + 1


class RoundedInputs:
    """Count the different values of data before and after a cast, in the first sampled steps.

    Args:
        view: What is known of the step; what is found is written there.
    """

    measures: tuple[Signal, ...] = ()
    functions = CASTS

    def __init__(self, view: View) -> None:
        self._view = view
        self._looks = 0

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Look at a cast of what is no output of weights."""
        source = args[0] if args else None
        if type(output) is not Tensor or output.dtype not in HALVES or self._looks >= MOST_LOOKS:
            return
        if type(source) is not Tensor or source.requires_grad or source.dtype not in (torch.float32, torch.float64):
            return
        if source.dim() < 1 or len(source) < FEWEST_ROWS or not source.numel() or not is_readable(source):
            return
        self._looks += 1
        self._look(_some(source), _some(output.detach()), str(output.dtype).removeprefix("torch."))

    def _look(self, wide: Tensor, narrow: Tensor, type_: str) -> None:
        before, after = different(wide), different(narrow.to(wide.dtype))
        known = before >= FEWEST_ROWS
        if not bool(known.any()) or not bool(wide.isfinite().all()):
            return
        left = (after[known].double() / before[known]).median()
        if float(left) >= COARSE:
            return
        column = wide[:, known][:, 0].double()
        size = max(float(column.abs().median()), 1e-300)
        digits = 7 if type_ == "bfloat16" else 10
        file, line = user_place(2)
        self._view.notice(
            facts.RoundedInput(
                step=self._view.updates,
                left=float(left),
                size=size,
                spread=float(column.std()),
                apart=2.0 ** (math.floor(math.log2(size)) - digits),
                type=type_,
                file=file,
                line=line,
            )
        )


def _some(values: Tensor) -> Tensor:
    """A few examples and features, shape (rows, columns)."""
    rows = values[:MOST_ROWS].reshape(min(len(values), MOST_ROWS), -1)
    return rows[:, :: -(-rows.shape[1] // MOST_COLUMNS)]
