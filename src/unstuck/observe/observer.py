"""Watch one training: a model and the optimizer that holds its parameters, in anybody's loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from unstuck.errors import ArgumentError
from unstuck.observe import forward, hooks
from unstuck.observe.frames import user_place
from unstuck.observe.sampling import DEFAULT_BUDGET, Sampler
from unstuck.observe.step import StepProbe
from unstuck.observe.structure import describe_environment, describe_model, describe_optimizer, named_parameters
from unstuck.record import RunWriter, facts, signals
from unstuck.record.signals import Index, Signal

__all__ = ["Latest", "Observer"]

EndReason = Literal["completed", "early stopping", "diverged", "interrupted", "crashed"]

FETCH_EVERY = 256
"""Losses left on an accelerator before they are fetched together."""


@dataclass(frozen=True, kw_only=True)
class Latest:
    """The newest numbers, for a progress bar; None where nothing is known yet.

    Attributes:
        step: Updates made.
        loss: Loss of the latest step whose loss has been fetched.
        accuracy: Accuracy on the latest sampled batch.
        learning_rate: Rate of the first parameter group.
        update_ratio: Median of ||dw|| / ||w|| over the weight tensors of the latest sampled step.
    """

    step: int = 0
    loss: float | None = None
    accuracy: float | None = None
    learning_rate: float | None = None
    update_ratio: float | None = None


class Observer:
    """Record a training through PyTorch's hooks, without changing a number of it.

    Every step gives its loss and, when it changes, the rate. Sampled steps also give, by parameter tensor, the norms of
    gradient, weights and update (from the real change of the weights), and by layer the statistics of the activations;
    they are reduced on the device and fetched in one synchronisation. How often steps are sampled follows the budget.

    Parameters, buffers, gradients and random-number generators are left bitwise as they would be without it.

    Args:
        model: The model; its forward pass is seen when it, or a module of it, is called.
        optimizer: The optimizer that steps it; any subclass of ``torch.optim.Optimizer``.
        writer: The run to write to; closed by its owner.
        budget: Share of the training time that observing may take.
        stream: Number of this training within the run.

    Attributes:
        latest: The newest numbers.
        failure: The error that ended the observation, where one did; training goes on without it.

    Raises:
        ArgumentError: The optimizer holds no parameters, or the budget is out of range.

    Examples:
        >>> import tempfile, torch
        >>> from pathlib import Path
        >>> from unstuck.record import Run, RunWriter, signals
        >>> model = torch.nn.Linear(3, 1)
        >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        >>> folder = Path(tempfile.mkdtemp())
        >>> with RunWriter(folder) as writer, Observer(model, optimizer, writer):
        ...     for _ in range(5):
        ...         optimizer.zero_grad()
        ...         torch.nn.functional.mse_loss(model(torch.ones(4, 3)), torch.zeros(4, 1)).backward()
        ...         optimizer.step()
        >>> Run.open(folder).table(signals.UPDATE_RATIO).names
        ('weight', 'bias')
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        writer: RunWriter,
        *,
        budget: float = DEFAULT_BUDGET,
        stream: int = 0,
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.latest = Latest()
        self.failure: Exception | None = None
        self._writer = writer
        self._stream = stream
        self._sampler = Sampler(budget=budget)
        self._named = named_parameters(model, optimizer)
        if not self._named:
            raise ArgumentError("model and optimizer hold no parameters; hand over the model that the optimizer trains")
        self._probe = StepProbe(model, list(self._named.values()))
        self._step = 0
        self._sampling = True
        self._samples = 0
        self._pending: list[Tensor | float] = []
        self._stepped = False
        self._unfetched: list[tuple[int, Tensor]] = []
        self._rates: tuple[float, ...] = ()
        self._layers_named = 0
        self._began = self._resumed = time.perf_counter()
        self._spent = 0.0
        self._nonfinite = False
        self._ended = False

    def __enter__(self) -> Observer:
        environment = describe_environment(self.model)
        self._guard(lambda: self._writer.state(environment, stream=self._stream))
        self._guard(lambda: self._writer.name(Index.PARAMETER, self._named, stream=self._stream))
        groups = [f"group{i}" for i in range(len(self.optimizer.param_groups))]
        self._guard(lambda: self._writer.name(Index.GROUP, groups, stream=self._stream))
        self._state(describe_model(self.model, self.optimizer, self._named))
        self._guard(lambda: self._record_filters())
        self._began = time.perf_counter()
        hooks.listen(self)
        if self._sampling:
            forward.listen(self._probe)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        hooks.unlisten(self)
        forward.unlisten(self._probe)
        if not self._ended:
            if kind is None:
                self.ended("completed")
            elif issubclass(kind, KeyboardInterrupt):
                self.ended("interrupted")
            else:
                self.ended("crashed", message=f"{kind.__name__}: {error}")

    def evaluated(
        self,
        *,
        train_loss: float | None = None,
        train_accuracy: float | None = None,
        validation_loss: float | None = None,
        validation_accuracy: float | None = None,
    ) -> None:
        """Record the means of an epoch, as far as they are known."""
        for signal, value in (
            (signals.TRAIN_LOSS, train_loss),
            (signals.TRAIN_ACCURACY, train_accuracy),
            (signals.VALIDATION_LOSS, validation_loss),
            (signals.VALIDATION_ACCURACY, validation_accuracy),
        ):
            if value is not None:
                self._add(signal, value)

    def ended(self, reason: EndReason, *, message: str = "") -> None:
        """Record how training ended, and all that was gathered up to here; the first call counts."""
        if self._ended:
            return
        self._ended = True
        self._guard(self._fetch_losses)
        self._guard(self._state_gathered)
        self._guard(lambda: self._record_filters())
        seconds = time.perf_counter() - self._began
        self._state(
            facts.Cost(seconds=self._spent, training_seconds=seconds, sampled_steps=self._samples, steps=self._step)
        )
        self._state(facts.End(reason=reason, steps=self._step, message=message))

    # What the hooks tell.

    def backward_begins(self, roots: tuple[Tensor, ...]) -> None:
        """Note the loss; of several backward passes before one step, the mean is recorded."""
        start = time.perf_counter()
        if self._stepped:
            self._pending.clear()
            self._stepped = False
        if self._probe.complete:
            forward.unlisten(self._probe)
        root = roots[0].detach()
        value = root if root.dim() == 0 else root.mean()
        if value.device.type == "cpu":
            number = float(value.real if value.is_complex() else value)
            self._pending.append(number)
            if not math.isfinite(number) and not self._nonfinite:
                self._nonfinite = True
                self._state(facts.NonFinite(step=self._step, what="loss", count=1))
        else:
            self._pending.append(value.clone())
        self._spent += time.perf_counter() - start

    def step_begins(self, optimizer: Optimizer, *, closure: bool) -> None:
        """Copy the weights, if this step is sampled."""
        if optimizer is not self.optimizer:
            return
        start = time.perf_counter()
        if self._step == 0:
            self._state(describe_optimizer(optimizer, user_place()))
        if self._sampling:
            self._refresh_parameters()
            self._probe.before_update(self._step, closure=closure)
        self._spent += time.perf_counter() - start

    def step_ended(self, optimizer: Optimizer) -> None:
        """Record the step, and decide whether to sample the next one."""
        if optimizer is not self.optimizer:
            return
        start = time.perf_counter()
        self._stepped = True
        self._record_loss()
        if self._sampling:
            self._record_sample()
        self._record_rates()
        self._step += 1
        self._spent += time.perf_counter() - start
        self._sampling = self._sampler.due(self._step, elapsed=start - self._began, spent=self._spent)
        if self._sampling:
            self._probe.begin()
            forward.listen(self._probe)
        else:
            forward.unlisten(self._probe)

    def gradients_cleared(self, optimizer: Optimizer) -> None:
        """Nothing to note yet."""

    def failed(self, error: Exception) -> None:
        """Stop watching; what was recorded is kept."""
        self.failure = self.failure or error
        hooks.unlisten(self)
        forward.unlisten(self._probe)

    # Recording.

    def _record_loss(self) -> None:
        if not self._pending:
            return
        if isinstance(self._pending[0], float):
            self._unfetched_number(sum(float(value) for value in self._pending) / len(self._pending))
            return
        self._unfetched.append((self._step, torch.stack([torch.as_tensor(v) for v in self._pending]).mean()))
        if self._sampling or len(self._unfetched) >= FETCH_EVERY:
            self._fetch_losses()

    def _unfetched_number(self, loss: float) -> None:
        self._add(signals.LOSS, loss)
        self.latest = Latest(
            step=self._step + 1,
            loss=loss,
            accuracy=self.latest.accuracy,
            learning_rate=self.latest.learning_rate,
            update_ratio=self.latest.update_ratio,
        )

    def _fetch_losses(self) -> None:
        if not self._unfetched:
            return
        steps = [step for step, _ in self._unfetched]
        values = torch.stack([loss.double() for _, loss in self._unfetched]).tolist()
        self._unfetched.clear()
        for step, value in zip(steps, values, strict=True):
            self._guard(lambda step=step, value=value: self._writer.add(signals.LOSS, step, value, stream=self._stream))
            if not math.isfinite(value) and not self._nonfinite:
                self._nonfinite = True
                self._state(facts.NonFinite(step=step, what="loss", count=1))

    def _record_rates(self) -> None:
        rates = tuple(float(group["lr"]) if "lr" in group else math.nan for group in self.optimizer.param_groups)
        if rates != self._rates:
            self._rates = rates
            self._add(signals.LEARNING_RATE, rates)

    def _record_sample(self) -> None:
        """Fetch and write all that this step's probes measured."""
        sample = self._probe.after_update(self._step)
        self._samples += 1
        layers = self._probe.layers
        if len(layers) > self._layers_named:
            new = layers[self._layers_named :]
            self._layers_named = len(layers)
            self._guard(lambda: self._writer.name(Index.LAYER, new, stream=self._stream))
        for signal, values in sample.items():
            self._add(signal, values)
        if self._samples & (self._samples - 1) == 0:
            self._state_gathered()
        ratios = sample.get(signals.UPDATE_RATIO)
        accuracy = sample.get(signals.ACCURACY, self.latest.accuracy)
        self.latest = Latest(
            step=self._step + 1,
            loss=self.latest.loss,
            accuracy=accuracy,
            learning_rate=self._rates[0] if self._rates else None,
            update_ratio=_median(ratios) if ratios is not None else self.latest.update_ratio,
        )

    def _state_gathered(self) -> None:
        for fact in self._probe.facts():
            self._state(fact)

    def _record_filters(self) -> None:
        filters = self._probe.filters()
        if filters is not None:
            self._writer.array("filters", self._step, filters, stream=self._stream)

    def _refresh_parameters(self) -> None:
        """Take in parameters that were added to the optimizer since."""
        named = named_parameters(self.model, self.optimizer)
        new = {name: parameter for name, parameter in named.items() if name not in self._named}
        if new:
            self._named.update(new)
            self._probe.parameters.parameters = list(self._named.values())
            self._guard(lambda: self._writer.name(Index.PARAMETER, new, stream=self._stream))
            self._state(describe_model(self.model, self.optimizer, self._named))

    def _add(self, signal: Signal, values: Any) -> None:
        self._guard(lambda: self._writer.add(signal, self._step, values, stream=self._stream))

    def _state(self, fact: facts.Fact) -> None:
        self._guard(lambda: self._writer.state(fact, stream=self._stream))

    def _guard(self, write: Callable[[], None]) -> None:
        """Write, unless writing failed before; a run that cannot be written must not stop the training."""
        if self.failure is not None:
            return
        try:
            write()
        except Exception as error:
            self.failed(error)


def _median(values: list[float]) -> float | None:
    known = sorted(value for value in values if math.isfinite(value))
    return known[len(known) // 2] if known else None
