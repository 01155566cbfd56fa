"""A plan: which engine takes which parameter, kept from step to step for as long as it holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol, get_args

import numpy as np
import torch
from torch.optim.optimizer import _device_dtype_check_for_fused as check_fused  # pyright: ignore[reportPrivateUsage]

from unstuck.errors import ArgumentError
from unstuck.optim import fused_engine, numba_engine, triton_engine
from unstuck.optim.contents import Contents
from unstuck.optim.reference import advance
from unstuck.optim.row import Row
from unstuck.optim.rule import Rule
from unstuck.optim.sums import Sum
from unstuck.optim.table import Table

__all__ = ["Engine", "Method", "Plan", "check_engine"]

Engine = Literal["auto", "torch", "numba", "triton", "fused", "unseen"]
Group = dict[str, Any]
Floats = np.ndarray[Any, np.dtype[np.float64]]


def check_engine(engine: str) -> None:
    """Raise ``ArgumentError`` for an engine that does not exist or cannot run here."""
    if engine not in get_args(Engine):
        raise ArgumentError(f"engine: received {engine!r}; accepted are {', '.join(map(repr, get_args(Engine)))}")
    if engine == "triton":
        triton_engine.check()
    if engine == "numba":
        numba_engine.check()


class Method(Protocol):
    """What a plan asks of an optimizer."""

    param_groups: list[Group]
    state: Any

    def rule(self, group: Group) -> Rule:
        """The formula of a group."""
        ...

    def numbers(self, group: Group) -> dict[str, Any]:
        """The formula's own numbers."""
        ...

    def fill_state(self, param: torch.Tensor, group: Group) -> bool:
        """Create missing state; True if the buffers are new."""
        ...


class TableStep(Protocol):
    """An engine at work on rows that share a rule, a type and a device."""

    table: Table

    def ready(self) -> bool:
        """Whether the table still holds; if so, it has taken this step's gradients."""
        ...

    def run(self) -> None:
        """Take the step."""
        ...

    def sums(self) -> Floats:
        """What was seen."""
        ...


class Plan:
    """The rows of an optimizer, each with its engine.

    Args:
        method: The optimizer.
        engine: Which engines may be used beside the plain formula.
        sparse: Whether the method may act on the rows of a sparse gradient alone.
    """

    def __init__(self, method: Method, *, engine: Engine, sparse: bool) -> None:
        self._method, self._sparse = method, sparse
        self.params = _flatten(method.param_groups)
        self._groups = list(method.param_groups)
        self._rules = [method.rule(group) for group in self._groups]
        self._settings = [list(group.values()) for group in self._groups]
        self._listed: list[list[torch.Tensor]] = [group["params"] for group in self._groups]
        rows = self._rows()
        tables: dict[Any, list[Row]] = {}
        kinds = _step_kinds(engine)
        self._rest: list[Row] = []
        several = {id(row.param) for row in rows if row.repeated}  # threads would write to them at the same time
        for row in rows:
            kind = next((make for accepts, make in kinds if accepts(row) and id(row.param) not in several), None)
            if kind is None:
                self._rest.append(row)
            else:
                tables.setdefault((kind, row.rule, row.param.dtype, row.param.device), []).append(row)
        self._steps: list[TableStep] = [key[0](rows, constants=method.numbers) for key, rows in tables.items()]
        self._known = {row.index for row in rows}
        self._waiting = [p for k, p in enumerate(self.params) if k not in self._known]
        self._state = method.state
        self._contents = Contents(
            [*self._listed, self._state, *(row.state for row in rows)],
            native=any(isinstance(step, numba_engine.NumbaStep) for step in self._steps),
        )
        self._measured: dict[int, torch.Tensor] = {}
        self._skipped = np.zeros(len(self.params), np.bool_)

    def _rows(self) -> list[Row]:
        """Rows of all parameters that have a gradient now, or had one before."""
        rows: list[Row] = []
        first: dict[int, Row] = {}
        index = 0
        for group, rule in zip(self._groups, self._rules, strict=True):
            for param in group["params"]:
                if param.grad is not None:
                    if group.get("fused"):
                        check_fused(param)
                    fresh = self._method.fill_state(param, group)
                    state = self._method.state.get(param, {})
                    row = Row(index=index, group=group, param=param, state=state, rule=rule, fresh=fresh)
                    earlier = first.setdefault(id(param), row)
                    if earlier is not row:
                        row.repeated, row.fresh = True, earlier.fresh
                    rows.append(row)
                index += 1
        return rows

    def ready(self) -> bool:
        """Whether the plan still holds; if so, the gradients of this step have been taken."""
        method = self._method
        if len(method.param_groups) != len(self._groups):
            return False
        for k, group in enumerate(method.param_groups):
            # the parameters come first: comparing lists of other tensors would compare their entries
            if group is not self._groups[k] or group["params"] is not self._listed[k]:
                return False
            values = list(group.values())
            if values != self._settings[k]:
                if method.rule(group) != self._rules[k]:
                    return False
                self._settings[k] = values
        if method.state is not self._state or not self._contents.unchanged():
            return False
        if self._waiting and any(p.grad is not None for p in self._waiting):
            return False
        return all(step.ready() for step in self._steps)

    def take_gradients(self) -> None:
        """Take the gradients of this step into a plan that was just made."""
        for step in self._steps:
            taken = step.table.take_gradients()
            assert taken, "rows were found eligible a moment ago"

    def run(self, *, observe: bool) -> None:
        """Take the step."""
        for step in self._steps:
            step.run()
        self._measured = {}
        for row in self._rest:
            if row.param.grad is None:
                continue
            seen = advance(row, constants=self._method.numbers, sparse=self._sparse, observe=observe)
            if seen is not None:
                self._measured[row.index] = seen
        if self._waiting or self._rest:
            self._skipped[:] = [p.grad is None for p in self.params]

    def sums(self) -> tuple[Floats, np.ndarray[Any, np.dtype[np.bool_]]]:
        """The sums of every parameter, and which parameters were skipped."""
        sums = np.full((len(self.params), len(Sum)), np.nan)
        skipped = self._skipped.copy()
        for step in self._steps:
            indices = [row.index for row in step.table.rows]
            sums[indices] = step.sums()
            skipped[indices] = ~step.table.active
        for device in {seen.device for seen in self._measured.values()}:
            mine = {index: seen for index, seen in self._measured.items() if seen.device == device}
            sums[list(mine)] = torch.stack(list(mine.values())).double().cpu().numpy()
        return sums, skipped


def _flatten(groups: Sequence[Group]) -> list[torch.Tensor]:
    return [param for group in groups for param in group["params"]]


def _step_kinds(engine: Engine) -> list[tuple[Callable[[Row], bool], Any]]:
    """The engines that may be used, the fastest first: what each accepts, and how to make its step."""
    kinds: list[tuple[Callable[[Row], bool], Any]] = []
    if engine == "numba" or (engine == "auto" and numba_engine.available()):
        kinds.append((numba_engine.accepts, numba_engine.NumbaStep))
    if engine == "triton" or (engine == "auto" and triton_engine.available()):
        kinds.append((triton_engine.accepts, triton_engine.TritonStep))
    if engine in ("auto", "fused"):
        kinds.append((fused_engine.accepts, fused_engine.FusedStep))
    if engine == "unseen":
        kinds.append((fused_engine.accepts, fused_engine.UnseenStep))
    return kinds
