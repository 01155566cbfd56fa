"""Larger batches, or smaller ones."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from torch import Tensor
from torch.optim import Optimizer
from torch.utils.data import BatchSampler, DataLoader

from unstuck.learning import batch_size
from unstuck.record import Finding, Run, facts, signals
from unstuck.remedies import effects, obstacles
from unstuck.remedies.arguments import temporarily
from unstuck.remedies.change import Change
from unstuck.remedies.interventions import Run as Function
from unstuck.remedies.interventions import around_steps, before_updates, patched
from unstuck.remedies.remedy import Remedy

__all__ = ["BatchSize"]

ADVISED = 32
"""The batch size that advice names."""


class BatchSize(Remedy):
    """Make each update from several batches, or from a part of one.

    Changes: with ``times`` above 1, so many steps of an optimizer become one, with the mean of their gradients; the
    script's batches, and what batch norms see of them, stay as they are. With ``size``, loaders hand out batches of
    that size, so that an epoch makes more steps.

    Applies: where batches are small, or large ones come from a ``DataLoader``.

    Proves: batches so small that noise drowns the step, or so large that too few steps are made.
    """

    name = "batch-size"
    proves = ("batch-size-unsuited",)
    decides = False

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """The size that advice names, and twice the batch."""
        if not run.has(signals.BATCH_SIZE):
            return ()
        size = batch_size(run)
        if size > 2 * ADVISED and run.knows(facts.Loader):
            return (Change(remedy=self.name, settings={"size": ADVISED}),)
        if size >= ADVISED:
            return ()
        times = dict.fromkeys((max(2, round(ADVISED / max(size, 1.0))), 2))
        return [Change(remedy=self.name, settings={"times": count}) for count in times]

    def words(self, change: Change, run: Run) -> str:
        """``"with batches of 32"``."""
        times = change.number("times")
        return f"with batches of {change.number('size'):.0f}" if times is None else f"with {times:.0f} times the batch"

    def obstacle(self, run: Run) -> str | None:
        """There must be an optimizer."""
        return obstacles.without_optimizer(run)

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Collect gradients over steps, or cut batches smaller."""
        times, size = change.number("times"), change.number("size")
        with ExitStack() as stack:
            if times is not None:
                gathered = _Gathered(round(times), self.name)
                stack.enter_context(before_updates(gathered.gather))
                stack.enter_context(around_steps(gathered.waits, lambda optimizer: None))
            if size is not None:
                stack.enter_context(patched(DataLoader, "__iter__", self._cutting(round(size), stack)))
            yield

    def _cutting(self, size: int, stack: ExitStack) -> Callable[[Function], Function]:
        def around(begin: Function) -> Function:
            def smaller(loader: DataLoader[Any]) -> Iterator[Any]:
                batches = loader.batch_sampler
                if isinstance(batches, BatchSampler) and batches.batch_size > size:
                    effects.happened(self.name)
                    stack.enter_context(temporarily(batches, batch_size=size))
                return begin(loader)

            return smaller

        return around


class _Gathered:
    """Gradients of steps that were not made yet."""

    def __init__(self, times: int, remedy: str) -> None:
        self._times = times
        self._remedy = remedy
        self._steps: WeakKeyDictionary[Optimizer, int] = WeakKeyDictionary()
        self._sums: WeakKeyDictionary[Optimizer, dict[int, Tensor]] = WeakKeyDictionary()

    def gather(self, optimizer: Optimizer) -> None:
        """Add the gradients of this step to those before; the last of a row gets the mean of all."""
        step = self._steps[optimizer] = self._steps.get(optimizer, 0) + 1
        sums = self._sums.setdefault(optimizer, {})
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    known = sums.get(id(parameter))
                    sums[id(parameter)] = parameter.grad.detach().clone() if known is None else known + parameter.grad
        if step % self._times == 0:
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    if id(parameter) in sums:
                        parameter.grad = sums[id(parameter)] / self._times
            sums.clear()
            effects.happened(self._remedy)

    def waits(self, optimizer: Optimizer) -> bool:
        """Whether this step is not made."""
        return self._steps[optimizer] % self._times != 0
