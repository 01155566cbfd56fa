"""What runs on the ranks beside the recording one: it measures their part of sharded parameters, and nothing else."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from types import TracebackType

from torch.optim import Optimizer

from unstuck.observe.sampling import agreed
from unstuck.observe.sharded.rank_store import connect
from unstuck.observe.sharded.shards import ShardProbe, has_shards
from unstuck.observe.torch_hooks import patches

__all__ = ["OtherRanks"]


@dataclass
class _Steps:
    """How far an optimizer has come, and what measures it; None where none of its parameters is sharded."""

    probe: ShardProbe | None
    taken: int = 0


class OtherRanks:
    """Measure this rank's part of sharded parameters on the steps that rank 0 may sample.

    Of a training whose parameters are whole on every rank it does nothing.
    """

    thread: int | None = None
    updates_of: int | None = None

    def __init__(self) -> None:
        self._steps: weakref.WeakKeyDictionary[Optimizer, _Steps] = weakref.WeakKeyDictionary()

    def __enter__(self) -> OtherRanks:
        patches.listen(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        patches.unlisten(self)

    def failed(self, error: Exception) -> None:
        """Rank 0 will miss what comes from here, and says so."""

    def step_begins(self, optimizer: Optimizer) -> None:
        """Copy this rank's part of the weights."""
        steps = self._steps.get(optimizer)
        if steps is None:
            store = connect() if has_shards(optimizer) else None
            steps = self._steps[optimizer] = _Steps(None if store is None else ShardProbe(store))
        if steps.probe is not None and agreed(steps.taken):
            steps.probe.before(optimizer)

    closure_begins = step_begins

    def step_ended(self, optimizer: Optimizer) -> None:
        """Measure this rank's part of the step."""
        steps = self._steps.get(optimizer)
        if steps is None:
            return
        if steps.probe is not None and agreed(steps.taken):
            steps.probe.after(optimizer, steps.taken)
        steps.taken += 1
