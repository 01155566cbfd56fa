"""The engine that needs nothing but torch: its own fused step where it has one, else the formula, and always measured.

It stands in where neither compiled engine can serve: on the CPU without Numba, on CUDA without Triton. The measuring
takes passes of its own over memory, which the compiled engines save.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from unstuck.optim.reference import advance, measure
from unstuck.optim.row import Row, scalar
from unstuck.optim.sums import Sum
from unstuck.optim.table import Table, eligible
from unstuck.optim.torch_steps import Share

__all__ = ["FusedStep", "accepts"]

_DEVICES = ("cpu", "cuda")
_REALS = (torch.float32, torch.float64)


def accepts(row: Row) -> bool:
    """Whether this engine can serve a row."""
    return row.param.device.type in _DEVICES and eligible(row, device=row.param.device.type, dtypes=_REALS)


class FusedStep:
    """The step of all rows that share a rule, a type and a device."""

    def __init__(self, rows: Sequence[Row], *, constants: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self.table = Table(rows, constants=constants, chunk=sys.maxsize)
        self._constants_of = constants
        self._measured: dict[int, torch.Tensor] = {}
        if self.table.rule.torch_step is None:
            return
        # memory that is new each time would take longer to get than the step
        self._before = [torch.empty_like(row.param, requires_grad=False) for row in rows]
        self._averages = [None if row.average is None else torch.empty_like(row.average) for row in rows]

    def ready(self) -> bool:
        """Whether the table still holds; if so, it has taken the gradients of this step."""
        return self.table.ready()

    def run(self) -> None:
        """Update every row whose gradient the table has taken."""
        rows, rule = self.table.rows, self.table.rule
        gradients = self.table.gradients()
        if rule.torch_step is None:
            self._measured = {k: self._by_formula(rows[k]) for k in gradients}
            return
        self._measured = {}
        with torch.no_grad():
            for k in gradients:
                self._keep(k)
            for same in _alike(rows, gradients):
                rule.torch_step(self._share(same, gradients))
            self.table.mark_changed()  # torch's fused functions leave that out
            for k, gradient in gradients.items():
                rows[k].fresh = False
                self._measured[k] = measure(self._before[k], gradient, rows[k].param, self._averages[k])

    def _keep(self, k: int) -> None:
        """Copy what is measured against."""
        row, average = self.table.rows[k], self._averages[k]
        self._before[k].copy_(row.param)
        if average is not None and row.average is not None:
            average.copy_(row.average)

    def _by_formula(self, row: Row) -> torch.Tensor:
        seen = advance(row, constants=self._constants_of, sparse=False, observe=True)
        assert seen is not None, "it was asked for"
        return seen

    def _share(self, members: Sequence[int], gradients: dict[int, torch.Tensor]) -> Share:
        rows = [self.table.rows[k] for k in members]
        group, rule = rows[0].group, rows[0].rule
        numbers = {"lr": group["lr"], "weight_decay": group["weight_decay"], **self._constants_of(group)}
        return Share(
            params=[row.param for row in rows],
            gradients=[gradients[k] for k in members],
            states={name: [row.state[name] for row in rows] for name in rule.kept},
            counts=[row.state["step"] for row in rows if "step" in row.state],
            numbers={name: scalar(value) for name, value in numbers.items()},
            switches=dict(rule.switches),
            maximize=rule.maximize,
            decoupled=rule.decay == "decoupled",
            first=rows[0].fresh,
        )

    def sums(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """What the last run saw: one row of ``sums.Sum`` a parameter; waits for the device."""
        table = np.full((len(self.table.rows), len(Sum)), np.nan)
        if self._measured:
            table[list(self._measured)] = torch.stack(list(self._measured.values())).cpu().numpy()
        return table


def _alike(rows: Sequence[Row], members: dict[int, torch.Tensor]) -> list[list[int]]:
    """Rows that take the same numbers: those of one group, and either all or none with buffers still empty."""
    found: dict[tuple[int, bool], list[int]] = {}
    for k in members:
        found.setdefault((id(rows[k].group), rows[k].fresh), []).append(k)
    return list(found.values())
