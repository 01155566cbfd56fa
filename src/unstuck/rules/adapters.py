r"""Low-rank adapters: how large their products BA have become beside the frozen weights W, if nothing else is trained.

The factor that begins at zero has no size of its own to compare its steps with, and the other one may turn as it likes
while the first is small: what they do to the model is :math:`\|BA\| / \|W\|`, in the Frobenius norm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unstuck.record import Run, Table, signals
from unstuck.record.facts import Adapter
from unstuck.rules.step_size import counted

__all__ = ["Products"]


@dataclass(frozen=True)
class Products:
    """The relative sizes of the products of all adapters.

    Attributes:
        table: By step, one column an adapter.
    """

    table: Table

    @classmethod
    def of(cls, run: Run) -> Products | None:
        """Those of a run; None where none was measured, or other matrices are trained too, such as a new head."""
        adapters = {adapter.zero: adapter for adapter in run.facts(Adapter) if not adapter.begins}
        table = run.table(signals.ADAPTER_SIZE)
        names = tuple(name for name in table.names if name in adapters)
        others = {adapter.other for adapter in adapters.values()}
        moved = {name for name, norms in run.table(signals.UPDATE_NORM).columns() if np.nan_to_num(norms.values).any()}
        if not len(table) or not names or (moved & set(counted(run))) - others - adapters.keys():
            return None
        return cls(Table(table.steps, names, table.values[:, [table.names.index(name) for name in names]]))

    def after(self, steps: int) -> float:
        """The size that half of them had reached by then, behind the last update that was sampled."""
        early = self.table.values[self.table.steps < steps]
        return float(np.nanmedian(early[-1])) if len(early) else 0.0

    def largest(self) -> float:
        """The largest size that any of them reached."""
        return float(np.nanmax(self.table.values))
