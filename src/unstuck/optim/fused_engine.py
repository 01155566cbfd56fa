"""The engine that needs nothing but torch: its own fused step where it has one, else the formula.

It stands in where neither compiled engine can serve: on the CPU without Numba, on CUDA without Triton. The measuring
takes passes of its own over memory, which the compiled engines save; it is left out where nobody looks at it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

import numpy as np
import torch

from unstuck.optim.reference import advance, measure
from unstuck.optim.row import Row, scalar
from unstuck.optim.sums import Sum
from unstuck.optim.table import Table, eligible
from unstuck.optim.torch_steps import Share

__all__ = ["FusedStep", "UnseenStep", "accepts"]

_DEVICES = ("cpu", "cuda")
_REALS = (torch.float32, torch.float64)


def accepts(row: Row) -> bool:
    """Whether this engine can serve a row."""
    return row.param.device.type in _DEVICES and eligible(row, device=row.param.device.type, dtypes=_REALS)


class FusedStep:
    """The step of all rows that share a rule, a type and a device."""

    measures: ClassVar[bool] = True

    def __init__(self, rows: Sequence[Row], *, constants: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self.table = Table(rows, constants=constants, chunk=sys.maxsize)
        self._constants_of = constants
        self._measured: dict[int, torch.Tensor] = {}
        if self.table.rule.torch_step is None or not self.measures:
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
        self._measured = {}
        if rule.torch_step is None:
            for k in gradients:
                seen = advance(rows[k], constants=self._constants_of, sparse=False, observe=self.measures)
                if seen is not None:
                    self._measured[k] = seen
            return
        with torch.no_grad():
            if self.measures:
                self._keep(gradients)
            for same in _alike(rows, gradients):
                rule.torch_step(self._share(same, gradients))
            self.table.mark_changed()  # torch's fused functions leave that out
            for k in gradients:
                rows[k].fresh = False
            if self.measures:
                self._measured = {
                    k: measure(self._before[k], gradient, rows[k].param, self._averages[k])
                    for k, gradient in gradients.items()
                }

    def _keep(self, members: Iterable[int]) -> None:
        """Copy what is measured against."""
        for k in members:
            row, average = self.table.rows[k], self._averages[k]
            self._before[k].copy_(row.param)
            if average is not None and row.average is not None:
                average.copy_(row.average)

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


class UnseenStep(FusedStep):
    """The same unmeasured, for steps that nobody looks at."""

    measures = False


def _alike(rows: Sequence[Row], members: dict[int, torch.Tensor]) -> list[list[int]]:
    """Rows that take the same numbers: those of one group, and either all or none with buffers still empty."""
    found: dict[tuple[int, bool], list[int]] = {}
    for k in members:
        found.setdefault((id(rows[k].group), rows[k].fresh), []).append(k)
    return list(found.values())
