"""The observer's pen: writes one stream of a run, and stops writing, not training, when writing fails."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from unstuck.observe.blind_spots import SPREAD_LOSS, UNREADABLE_LOSS
from unstuck.observe.loss_limit import LossLimit
from unstuck.observe.tensors.distributed import is_distributed
from unstuck.observe.tensors.readable import is_readable, whole_here
from unstuck.observe.updates import Steps
from unstuck.record import RunWriter, facts, signals
from unstuck.record.signals import Index, Signal

__all__ = ["Journal"]

FETCH_EVERY = 256
"""Losses left on an accelerator before they are fetched together."""

WRITE_EVERY = 64
"""Losses kept before they are written together."""

WRITE_SECONDS = 0.25
"""How old they may get: what is lost by kill -9."""


class Journal:
    """Write samples and facts of one training.

    Args:
        writer: The run.
        streams: Numbers for trainings; the next one is taken by :meth:`open`.

    Attributes:
        failure: The error that ended writing; None while all is well.
        pending: Losses of the backward passes since the last step.
        different: How many of them are different terms of one loss, the others being of further micro-batches; infinite
            where all are.
        limit: The highest loss that is usual.
    """

    def __init__(self, writer: RunWriter, streams: Iterator[int]) -> None:
        self.failure: Exception | None = None
        self.pending: list[Tensor | float] = []
        self.different: float = 1
        self.limit = LossLimit()
        self._writer = writer
        self._streams = streams
        self._stream: int | None = None
        self._unfetched: list[tuple[int, Tensor]] = []
        self._unwritten: list[tuple[int, float]] = []
        self._written = time.perf_counter()
        self._rates: tuple[float, ...] = ()
        self._given: list[Any] = []
        self._later: dict[Signal, float] = {}
        self._nonfinite = self._spread = False
        self._passed_by: Tensor | float | None = None
        self._early: list[facts.Fact] = []

    @property
    def opened(self) -> bool:
        """Whether the stream has its number."""
        return self._stream is not None

    def open(self) -> None:
        """Take the stream's number, and write the facts that came before."""
        self._stream = next(self._streams)
        if self._early:
            self.state(*self._early)
            self._early.clear()

    def note_loss(self, roots: Sequence[Tensor], step: int, trace: Callable[[], facts.NonFinite]) -> None:
        """Keep the loss of a backward pass; the first that is not finite is traced to its origin.

        Of several tensors that are differentiated together it is the sum, which is what descends.
        """
        values: list[Tensor | float] = []
        for root in roots:
            value = self._value(root, step)
            if value is None:
                return
            values.append(value)
        loss = sum(values[1:], values[0])
        self.pending.append(loss)
        if type(loss) is float and not math.isfinite(loss) and not self._nonfinite:
            self._nonfinite = True
            self.state(trace())

    def _value(self, root: Tensor, step: int) -> Tensor | float | None:
        """A loss, on an accelerator left there; None where it cannot be read in this process."""
        if not is_readable(root):
            whole = whole_here(root)
            if whole is None:
                return self._miss_loss(step, SPREAD_LOSS if is_distributed(root) else UNREADABLE_LOSS)
            root = whole
        if not root.is_cpu:
            return root.detach().double().mean()
        number = (root if root.dim() == 0 else root.detach().mean()).item()
        return float(number.real if isinstance(number, complex) else number)

    def _miss_loss(self, step: int, why: str) -> None:
        """Say once that losses are not seen."""
        if not self._spread:
            self._spread = True
            self.state(facts.Event(step=step, what=why, blinds=True))

    def note_numbers(self, losses: Iterable[float]) -> None:
        """Keep the losses of a step's backward passes so far."""
        self.pending[:] = losses
        self._passed_by = None
        self._passed_by = None

    def clear_pending(self) -> None:
        """Forget the losses so far: they belong to an earlier step."""
        self.pending.clear()
        self._passed_by = None

    def pass_by(self) -> None:
        """The latest loss reached no parameter: it is recorded only where no other does before the step."""
        if self.pending:
            self._passed_by = self.pending.pop()

    def record_loss(self, step: int, *, now: bool) -> float | None:
        r"""Write the loss of a step, by the losses of its backward passes; on an accelerator later, unless asked now.

        .. math:: L = \frac d n \sum_{i=1}^n l_i

        of :math:`n` passes for :math:`d` different terms: their sum, as a mean over micro-batches.
        """
        if not self.pending and self._passed_by is not None:
            self.pending.append(self._passed_by)
        if not self.pending:
            return None
        numbers = [value for value in self.pending if type(value) is float]
        if len(numbers) == len(self.pending):
            loss = sum(numbers) / len(numbers) * min(self.different, len(numbers))
            self._unwritten.append((step, loss))
            late = time.perf_counter() - self._written > WRITE_SECONDS
            if now or late or len(self._unwritten) >= WRITE_EVERY:
                self.write_losses()
            return loss
        mean = torch.stack([torch.as_tensor(value).double() for value in self.pending]).mean()
        self._unfetched.append((step, mean * min(self.different, len(self.pending))))
        if now or len(self._unfetched) >= FETCH_EVERY:
            return self.fetch_losses()
        return None

    def record_number(self, step: int, optimizer: Steps, now: float) -> float | None:
        """Write the loss of a step, if it is one number and the rates are what they were; otherwise do nothing.

        Args:
            step: Optimizer updates completed before it.
            optimizer: What holds the rates.
            now: The time, by ``time.perf_counter``.

        Returns:
            The loss, where it was written.
        """
        loss = self.pending[0] if len(self.pending) == 1 else None
        if type(loss) is not float or len(self._unwritten) >= WRITE_EVERY or now - self._written > WRITE_SECONDS:
            return None
        if len(optimizer.param_groups) != len(self._rates):
            return None
        for group, rate in zip(optimizer.param_groups, self._rates, strict=True):
            if group.get("lr") is not rate:
                return None
        self._unwritten.append((step, loss))
        return loss

    @property
    def full_at(self) -> float:
        """When losses are to be written at the latest, by ``time.perf_counter``."""
        return self._written + WRITE_SECONDS

    def record_numbers(self, step: int, losses: Sequence[float]) -> None:
        """Keep the losses of successive steps, to be written together.

        Args:
            step: Updates completed before the first.
            losses: One finite number for each.
        """
        self._unwritten += enumerate(losses, start=step)
        self.clear_pending()

    def write_losses(self) -> None:
        """Write the losses that are known, together, which costs less than one by one."""
        if self._unwritten:
            steps, losses = zip(*self._unwritten, strict=True)
            self._unwritten.clear()
            self.limit.renew(losses)
            self._guard(lambda stream: self._writer.add_series(signals.LOSS, steps, losses, stream=stream))
        self._written = time.perf_counter()

    def fetch_losses(self) -> float | None:
        """Fetch and write the losses left on an accelerator; the latest of them."""
        self.write_losses()
        if not self._unfetched:
            return None
        values: list[float] = torch.stack([loss for _, loss in self._unfetched]).tolist()
        for (step, _), value in zip(self._unfetched, values, strict=True):
            self.add(signals.LOSS, step, value)
            if not math.isfinite(value) and not self._nonfinite:
                self._nonfinite = True
                self.state(facts.NonFinite(step=step, what="loss", count=1))
        self._unfetched.clear()
        return values[-1]

    def record_rates(self, step: int, optimizer: Steps) -> tuple[float, ...]:
        """Write the rates where they changed."""
        given = [group.get("lr", math.nan) for group in optimizer.param_groups]
        if given == self._given and set(map(type, given)) == {float}:
            return self._rates
        self._given = given
        rates = tuple(float(rate) for rate in given)
        if rates != self._rates:
            if len(rates) > len(self._rates) > 0:
                self.name(Index.GROUP, [f"group{i}" for i in range(len(self._rates), len(rates))])
            self._rates = rates
            self.add(signals.LEARNING_RATE, step, rates)
        return rates

    def record_changes(self, step: int, changes: Sequence[tuple[int, tuple[float, ...]]]) -> tuple[float, ...]:
        """Write rates that were others than before.

        Args:
            step: Updates completed before the first of some steps.
            changes: New rates, each with how many of these steps came before.

        Returns:
            The latest.
        """
        self._rates = changes[-1][1]
        self._given = [*self._rates]
        steps, rates = [step + late for late, _ in changes], [rates for _, rates in changes]
        self._guard(lambda stream: self._writer.add_series(signals.LEARNING_RATE, steps, rates, stream=stream))
        return self._rates

    def later(self, signal: Signal, value: float) -> None:
        """Keep a number for the sample that this step will give."""
        self._later[signal] = value

    def add_later(self, step: int) -> None:
        """Write the numbers that were kept."""
        if self._later:
            self.add_sample(step, self._later)
            self._later.clear()

    def name(self, index: Index, names: Iterable[str]) -> None:
        """Append names to an index."""
        names = list(names)
        self._guard(lambda stream: self._writer.name(index, names, stream=stream))

    def add(self, signal: Signal, step: int, values: Any) -> None:
        """Write one sample of one signal."""
        self.add_sample(step, {signal: values})

    def add_means(
        self,
        step: int,
        *,
        training: tuple[float | None, float | None] = (None, None),
        validation: tuple[float | None, float | None] = (None, None),
    ) -> None:
        """Write the mean losses and accuracies of an epoch or an evaluation, as far as they are known."""
        known = {
            signals.TRAIN_LOSS: training[0],
            signals.TRAIN_ACCURACY: training[1],
            signals.VALIDATION_LOSS: validation[0],
            signals.VALIDATION_ACCURACY: validation[1],
        }
        for signal, value in known.items():
            if value is not None:
                self.add(signal, step, value)

    def add_sample(self, step: int, sample: Mapping[Signal, Any]) -> None:
        """Write what was measured of one step."""
        if self.failure is not None or self._stream is None:
            return
        try:
            self._writer.add_sample(step, sample, stream=self._stream)
        except Exception as error:
            self.failure = error

    def state(self, *stated: facts.Fact) -> None:
        """Write facts, all together; before the stream is opened they are kept."""
        if self._stream is None:
            self._early.extend(stated)
        elif stated:
            self.write_losses()  # so that a reader sees the facts together with what came before them
            self._guard(lambda stream: self._writer.state(*stated, stream=stream))

    def array(self, name: str, step: int, values: Any) -> None:
        """Write one array."""
        self._guard(lambda stream: self._writer.array(name, step, values, stream=stream))

    def _guard(self, write: Callable[[int], None]) -> None:
        """Write, unless writing failed before; a run that cannot be written must not stop the training."""
        if self.failure is not None or self._stream is None:
            return
        try:
            write(self._stream)
        except Exception as error:
            self.failure = error
