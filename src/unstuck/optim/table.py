"""The table that a compiled kernel works through: addresses, constants and chunks of many tensors.

Building a table costs as much as several steps, so it is kept from step to step, and each step only checks that
nothing it was built from has moved. Gradients are looked up anew each time, since ``zero_grad`` replaces them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unstuck.optim.row import Row, scalar, step_dtype
from unstuck.optim.sums import Sum

__all__ = ["Table", "eligible"]

_address: Callable[[Tensor], int] = Tensor.data_ptr
_gradient: Callable[[Tensor], Any] = attrgetter("grad")
_dtype: Callable[[Tensor], torch.dtype] = attrgetter("dtype")
_FLOATS = frozenset((float, int))
_PLAIN = (Tensor, torch.nn.Parameter)


def eligible(row: Row, *, device: str, dtypes: Iterable[torch.dtype]) -> bool:
    """Whether a row may enter a table: plain, dense, real tensors of one layout, with nothing for autograd to see."""
    param, gradient = row.param, row.param.grad
    if row.group.get("differentiable") or row.group.get("capturable") or gradient is None:
        return False
    tensors = [param, gradient, *row.buffers]
    step = row.state.get("step")
    return (
        param.numel() > 0
        and all(type(x) in _PLAIN for x in tensors)
        and all(x.layout is torch.strided and x.device.type == device for x in tensors)
        and all(x.dtype is param.dtype and x.shape == param.shape for x in tensors)
        and param.dtype in dtypes
        and all(x.stride() == param.stride() and not x.is_neg() for x in (param, *row.buffers))
        and _fills_its_memory(param)
        and not gradient.requires_grad
        and (step is None or step.device.type == "cpu")
    )


def _fills_its_memory(x: Tensor) -> bool:
    """Whether the entries of a tensor lie side by side in memory, in any order of the dimensions."""
    expected = 1
    for stride, size in sorted(zip(x.stride(), x.shape, strict=True)):
        if size != 1 and stride != expected:
            return False
        expected *= size
    return True


class Table:
    """Rows that share a rule, a type and a device.

    Args:
        rows: Non-empty, each ``eligible``.
        constants: The numbers of the method, from a group.
        chunk: Largest number of entries of a chunk.
    """

    def __init__(
        self, rows: Sequence[Row], *, constants: Callable[[dict[str, Any]], dict[str, Any]], chunk: int
    ) -> None:
        self.rows = tuple(rows)
        self.rule = rows[0].rule
        self.dtype, self.device = rows[0].param.dtype, rows[0].param.device
        self._constants_of = constants
        self._params = [row.param for row in rows]
        self._count_steps()
        self._tensors = [x for row in rows for x in (row.param, *row.buffers)]
        self._addresses = list(map(_address, self._tensors))
        self._flat = all(p.is_contiguous() for p in self._params)
        self._sizes = [p.numel() for p in self._params]
        self._strides = [p.stride() for p in self._params]
        # a lazily negated gradient, as complex numbers leave behind, looks regular where it has one entry only
        self._single = [k for k, p in enumerate(self._params) if p.numel() == 1]
        self._usual_types, self._usual_dtypes = [Tensor] * len(rows), [self.dtype] * len(rows)
        self._copies: dict[int, Tensor] = {}

        kept = len(self.rule.kept)
        self.addresses = np.zeros((len(rows), 2 + kept), np.int64)
        self.addresses[:, [0, *range(2, 2 + kept)]] = np.reshape(self._addresses, (len(rows), 1 + kept))
        self._program = self.rule.program()
        self._evaluate = self._program.evaluator()
        self.constants = np.zeros((len(rows), len(self._program.constants)))
        self.chunks = np.array(
            [
                (k, start, min(start + chunk, p.numel()))
                for k, p in enumerate(self._params)
                for start in range(0, p.numel(), chunk)
            ],
            np.int64,
        )
        self.first_chunks = np.searchsorted(self.chunks[:, 0], np.arange(len(rows)))
        self.elements = sum(p.numel() for p in self._params)
        self.active = np.zeros(len(rows), np.bool_)
        self._all_active = False

    def _count_steps(self) -> None:
        """Move the step counts of all rows side by side, so that one operation advances them."""
        if "step" in self._rows_state(0):
            counts = [scalar(row.state["step"]) for row in self.rows]
            shared = torch.tensor(counts, dtype=step_dtype())
            for row, count in zip(self.rows, shared.unbind(), strict=True):
                row.state["step"] = count
        else:
            shared = torch.tensor([0.0 if row.fresh else 1.0 for row in self.rows])
        self._shared = shared
        self._steps = shared.numpy()
        self._left = b""
        self._runs: list[tuple[slice, dict[str, Any], float]] = []

    def _rows_state(self, k: int) -> dict[str, Any]:
        return self.rows[k].state

    def ready(self) -> bool:
        """Whether the table still holds; if so, it has taken the gradients of this step."""
        return (
            list(map(_address, self._tensors)) == self._addresses
            and self._laid_out(self._params)  # p.data = p.data.t() stays in its place
            and self.take_gradients()
        )

    def take_gradients(self) -> bool:
        """Enter the addresses of this step's gradients; False where one needs another engine."""
        gradients = list(map(_gradient, self._params))
        if self._copies:
            self._copies = {}
        try:
            usual = (
                list(map(type, gradients)) == self._usual_types
                and list(map(_dtype, gradients)) == self._usual_dtypes
                and list(map(Tensor.numel, gradients)) == self._sizes  # p.data = p.data[:3] shortens its gradient
                and self._laid_out(gradients)
                and not (self._single and any(gradients[k].is_neg() for k in self._single))
            )
        except RuntimeError:  # sparse tensors have no layout to ask for
            usual = False
        if not usual:
            return self._take_unusual(gradients)
        self.addresses[:, 1] = list(map(_address, gradients))
        if not self._all_active:
            self._left = b""
            self.active[:] = self._all_active = True
        return True

    def gradients(self) -> dict[int, Tensor]:
        """The gradients that were taken, by the number of their row, each laid out in memory as its parameter."""
        return {
            k: self._copies.get(k, param.grad)
            for k, param in enumerate(self._params)
            if self.active[k] and param.grad is not None
        }

    def _laid_out(self, tensors: list[Tensor]) -> bool:
        """Whether each tensor lies in memory as the table takes it to."""
        if self._flat:
            return all(map(Tensor.is_contiguous, tensors))
        return list(map(Tensor.stride, tensors)) == self._strides

    def _take_unusual(self, gradients: list[Tensor | None]) -> bool:
        active = np.array([g is not None for g in gradients])
        for k, (g, p) in enumerate(zip(gradients, self._params, strict=True)):
            if g is None:
                self.addresses[k, 1] = 0
                continue
            if type(g) not in _PLAIN or g.layout is not torch.strided or g.dtype is not p.dtype:
                return False
            if g.shape != p.shape or g.numel() != self._sizes[k]:
                return False
            if g.stride() != p.stride() or g.is_neg():
                g = torch.empty_like(p, requires_grad=False).copy_(g.detach())
                self._copies[k] = g
            self.addresses[k, 1] = _address(g)
        if not np.array_equal(active, self.active):
            self._left = b""
            self.active[:] = active
            self._all_active = bool(active.all())
        return True

    def advance_constants(self) -> None:
        """Count the step and compute every row's constants for it."""
        if self._steps.tobytes() != self._left:
            self._find_runs()
        for k, (rows, group, t) in enumerate(self._runs):
            numbers: list[Any] = [group["lr"], group["weight_decay"], *self._constants_of(group).values()]
            if not _FLOATS.issuperset(map(type, numbers)):
                numbers = [scalar(x) for x in numbers]
            self.constants[rows] = self._evaluate(t + 1, *numbers)
            self._runs[k] = (rows, group, t + 1)
        self._steps += 1 if self._all_active else self.active
        self._left = self._steps.tobytes() if self._all_active else b""

    def _find_runs(self) -> None:
        """Split the rows into stretches of one group and one step count, whose constants are therefore equal."""
        self._left = b""
        self._runs = []
        start = 0
        for k in range(1, len(self.rows) + 1):
            if k == len(self.rows) or not (
                self.rows[k].group is self.rows[start].group and self._steps[k] == self._steps[start]
            ):
                self._runs.append((slice(start, k), self.rows[start].group, float(self._steps[start])))
                start = k

    def mark_changed(self) -> None:
        """Tell autograd that the weights were written to, so that it refuses to use what it saved of them."""
        changed = self._params
        if not self._all_active:
            changed = [p for p, on in zip(self._params, self.active, strict=True) if on]
        torch.autograd.graph.increment_version(changed)

    def add_up(self, sums: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float64]]:
        """The sums of each row from those of its chunks; NaN for rows that took no part."""
        total = np.add.reduceat(sums, self.first_chunks, axis=0)
        total[:, Sum.GRADIENT_MAX] = np.maximum.reduceat(sums[:, Sum.GRADIENT_MAX], self.first_chunks)
        total[~self.active] = np.nan
        return total
