"""Train a model of this process, and leave it as it was."""

from __future__ import annotations

import inspect
import itertools
import math
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from unstuck.errors import ArgumentError, DataError
from unstuck.find_lr.kept import Kept
from unstuck.find_lr.trainer import Trial, grew, momentum_of, rates_of, ratios_of, set_rates
from unstuck.observe import check_training
from unstuck.optim import LookAheadNesterov
from unstuck.optim.optimizer import ObservedOptimizer
from unstuck.preflight.arrangement import Arrangement, Each, arrange, called
from unstuck.preflight.generators import generators_of, kept_generators, seed_generators
from unstuck.preflight.subject import Penalty, is_batch

__all__ = ["InProcess", "Practice"]

SKIPPED_AT_MOST = 50
"""Steps that a gradient scaler may skip in one trial, as its scale comes down from 65,536 (by half each time)."""


@dataclass(frozen=True, kw_only=True)
class Practice:
    """How a loop makes an update, other than in the plainest way.

    Attributes:
        accumulate: Batches whose gradients are averaged for one update.
        max_norm: The gradient is clipped to this norm; None does not clip.
        scaler: The gradient scaler of mixed precision; updates that it skips are no part of a trial.
        autocast: Entered around model and loss, such as ``torch.autocast("cuda", torch.float16)``.
        regularisation: A penalty on the model, added to the loss.
    """

    accumulate: int = 1
    max_norm: float | None = None
    scaler: torch.amp.GradScaler | None = None
    autocast: AbstractContextManager[Any] = field(default_factory=nullcontext)
    regularisation: Penalty | None = None

    def __post_init__(self) -> None:
        if type(self.accumulate) is not int or self.accumulate < 1:
            raise ArgumentError(f"accumulate={self.accumulate!r}: a whole number of batches from 1 is accepted")
        if self.max_norm is not None and (type(self.max_norm) not in (int, float) or not self.max_norm > 0.0):
            raise ArgumentError(f"max_norm={self.max_norm!r}: a number above 0 is accepted, or None")
        if not isinstance(self.scaler, torch.amp.GradScaler | None):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ArgumentError(f"scaler={self.scaler!r}: a torch.amp.GradScaler is accepted, or None")


class InProcess:
    """A trainer of a model, its loss, batches and optimizer; enter it, and all is put back on leaving.

    Args:
        model: The model.
        loss: Of outputs and targets; None where the model returns it.
        batches: What one epoch iterates over: a loader, a list of batches, :class:`unstuck.data.Batches`.
        optimizer: What steps the model.
        practice: How an update is made.
        seed: Seed of the batches and of whatever the model draws.

    Raises:
        ArgumentError: The parts do not fit each other, or the batches can be read only once.
        DataError: There is no batch.
    """

    def __init__(
        self, model: nn.Module, loss: Any, batches: Any, optimizer: Optimizer, *, practice: Practice, seed: int = 0
    ) -> None:
        check_training(model, optimizer)
        if type(seed) is not int:
            raise ArgumentError(f"seed={seed!r}: a whole number is accepted")
        _check_rates(optimizer)
        _check_held(model, optimizer)
        self._batches = [batches] if is_batch(batches) else batches
        _check_batches(self._batches)
        self._model, self._optimizer = model, optimizer
        self._practice, self._seed = practice, seed
        self._generators = generators_of(self._batches)
        self._modules = [model, *([loss] if isinstance(loss, nn.Module) else [])]
        self._kept = Kept(self._modules, optimizer, practice.scaler)
        self._ratios = ratios_of(optimizer)
        self.rate, self.momentum = max(rates_of(optimizer)), momentum_of(optimizer)
        self.method, self.bound = type(optimizer).__name__, math.inf
        self._arrangement = self._arranged(loss)
        self._runner = Each(model) if self._arrangement.each else model
        self._step = _step_of(optimizer, practice)

    def _arranged(self, loss: Any) -> Arrangement:
        """How batches, model and loss fit together, tried on the first batch."""
        with self._undisturbed():
            for first in self._batches:
                found = arrange(self._model, loss, first)
                try:
                    inputs, targets = found.split(first)
                    value = found.loss(called(Each(self._model) if found.each else self._model, inputs), targets)
                except Exception as error:  # model and loss are the user's, and may raise anything
                    raise ArgumentError(
                        f"model, loss, batches: the first batch raised {type(error).__name__}: {error}; "
                        "unstuck check says what does not fit"
                    ) from error
                _check_loss(value)
                return found
        raise DataError("batches: there is no batch in it; give at least one")

    def __enter__(self) -> InProcess:
        self._leave = self._undisturbed()
        self._leave.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._leave.__exit__(*error)

    @contextmanager
    def _undisturbed(self) -> Generator[None]:
        try:
            with kept_generators(self._generators), torch.enable_grad(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # training will warn of the same
                yield
        finally:
            self._kept.restore()

    def train(self, rates: Sequence[float], *, repeat: int = 0) -> Trial:
        """Train from the start; see :class:`~unstuck.find_lr.trainer.Trainer`."""
        self._kept.restore()
        self._kept.forget_gradients()
        if isinstance(self._optimizer, ObservedOptimizer):
            self._optimizer.step_unseen()  # a search takes too few steps for a compiled engine to be worth loading
        seed_generators(self._seed + repeat, self._generators)
        if not self._model.training:
            self._model.train()
        batches = self._endless(repeat)
        losses: list[float] = []
        skipped = 0
        while len(losses) < len(rates):
            rate = rates[len(losses)]
            set_rates(self._optimizer, rate, self._ratios)
            loss, stepped = self._step(lambda: self._differentiated(batches)) if rate else (self._seen(batches), True)
            if not stepped and math.isfinite(loss):
                skipped += 1
                if skipped > SKIPPED_AT_MOST:
                    return self._trial(rates, losses, "the gradient scaler skipped nearly every update")
                continue
            losses.append(loss)
            if not math.isfinite(loss):
                break
            if rate and loss > self.bound:
                return self._trial(rates, losses, grew(loss))
        return self._trial(rates, losses)

    def _trial(self, rates: Sequence[float], losses: list[float], ended: str = "") -> Trial:
        return Trial(tuple(rates[: len(losses)]), tuple(losses), ended)

    def _differentiated(self, batches: Iterator[Any]) -> float:
        """The gradient of one update, over one batch or several, and their mean loss."""
        self._kept.forget_gradients()
        accumulate, scaler, total = self._practice.accumulate, self._practice.scaler, 0.0
        for _ in range(accumulate):
            value = self._loss(next(batches))
            if not value.requires_grad:
                raise ArgumentError("loss: no gradient leads from it to the model; see unstuck check")
            total += float(value.detach())
            (value / accumulate if scaler is None else scaler.scale(value / accumulate)).backward()
        return total / accumulate

    @torch.no_grad()
    def _seen(self, batches: Iterator[Any]) -> float:
        """The same loss without an update, as at a rate of zero."""
        accumulate = self._practice.accumulate
        return sum(float(self._loss(next(batches))) for _ in range(accumulate)) / accumulate

    def _loss(self, batch: tuple[Any, Any]) -> Tensor:
        inputs, targets = batch
        with self._practice.autocast:
            value = self._arrangement.loss(called(self._runner, inputs), targets)
            if self._practice.regularisation is not None:
                value = value + self._practice.regularisation(self._model)
        return value

    def _endless(self, repeat: int) -> Iterator[Any]:
        """Batches, pass after pass; a list has another order in each repeat."""
        for number in itertools.count():
            given = 0
            for batch in _ordered(self._batches, self._seed + 1000 * repeat + number):
                given += 1
                yield self._arrangement.split(batch)
            if not given:
                raise DataError("batches: a further pass over it gives no batch; give what can be iterated over again")


Differentiated = Callable[[], float]
Step = Callable[[Differentiated], tuple[float, bool]]


def _step_of(optimizer: Optimizer, practice: Practice) -> Step:
    """What makes an update, and says what the loss was and whether the weights were stepped."""
    clip = _clip_of(optimizer, practice)
    scaler = practice.scaler
    needs_closure = inspect.signature(type(optimizer).step).parameters.get("closure")
    if needs_closure is not None and needs_closure.default is inspect.Parameter.empty:
        raise ArgumentError(
            f"optimizer={type(optimizer).__name__}: it calls the loss several times in a step and chooses the step's "
            "length by it; a rate is sought for optimizers that step once for each gradient"
        )

    def plain(differentiated: Differentiated) -> tuple[float, bool]:
        with _ahead(optimizer):
            loss = differentiated()
        if math.isfinite(loss):
            clip()
            optimizer.step()
        return loss, True

    def scaled(differentiated: Differentiated) -> tuple[float, bool]:
        assert scaler is not None
        loss = differentiated()
        scaler.unscale_(optimizer)
        clip()
        before = scaler.get_scale()
        scaler.step(optimizer)
        scaler.update()
        return loss, scaler.get_scale() >= before

    return plain if scaler is None else scaled


def _clip_of(optimizer: Optimizer, practice: Practice) -> Callable[[], object]:
    if practice.max_norm is None:
        return lambda: None
    held = [p for group in optimizer.param_groups for p in group["params"]]
    return lambda: nn.utils.clip_grad_norm_(held, cast("float", practice.max_norm))


def _ahead(optimizer: Optimizer) -> AbstractContextManager[Any]:
    """Of a look-ahead method gradients are taken ahead."""
    return optimizer.look_ahead() if isinstance(optimizer, LookAheadNesterov) else nullcontext()


def _ordered(batches: Any, seed: int) -> Iterable[Any]:
    if not isinstance(batches, Sequence):
        return batches
    order = torch.randperm(len(batches), generator=torch.Generator().manual_seed(seed)).tolist()
    return (batches[k] for k in order)


def _check_batches(batches: Any) -> None:
    """Refuse what cannot be read again."""
    if not isinstance(batches, Iterable) or isinstance(batches, str | bytes):
        raise ArgumentError(f"batches={batches!r:.60}: batches to iterate over are accepted: a loader, a list of pairs")
    if isinstance(batches, Iterator):
        raise ArgumentError(
            f"batches={type(batches).__name__}: an iterator ends, and what is read of it is lost; give what it "
            "iterates over: a DataLoader, a list of batches, unstuck.data.Batches"
        )


def _check_loss(value: Any) -> None:
    """Refuse what is not one number."""
    if not isinstance(value, Tensor):
        raise ArgumentError(f"loss: it gives a {type(value).__name__}; a tensor that holds one number is accepted")
    if value.numel() != 1 or value.is_complex():
        raise ArgumentError(
            f"loss: it gives a tensor of shape {tuple(value.shape)}, {value.dtype}; one real number is accepted, "
            "such as the mean over the batch"
        )


def _check_rates(optimizer: Optimizer) -> None:
    for group in optimizer.param_groups:
        if not isinstance(group.get("lr"), int | float | Tensor):
            raise ArgumentError(f"optimizer={type(optimizer).__name__}: it has no lr in its groups, so none is sought")


def _check_held(model: nn.Module, optimizer: Optimizer) -> None:
    """Refuse an optimizer of other parameters."""
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    if not any(id(parameter) in held and parameter.requires_grad for parameter in model.parameters()):
        raise ArgumentError(
            f"optimizer={type(optimizer).__name__}: it holds no parameter of the model that requires a gradient, so "
            f"that no rate changes {type(model).__name__}; give the optimizer of model.parameters()"
        )
