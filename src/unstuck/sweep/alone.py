"""Train one setting by itself, by the loop of ``unstuck train``, and stop it where a rule says that it is hopeless."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

from torch import Tensor

from unstuck.errors import MissingPackageError, UnstuckError
from unstuck.sweep.attempt import Outcome, Try
from unstuck.sweep.judge import Judge, Reason
from unstuck.sweep.space import Space
from unstuck.sweep.trace import Gauge
from unstuck.train import Epoch, evaluate, fit
from unstuck.train.setup import Setup, evaluation

__all__ = ["Made", "Ticks", "outcome_of", "point", "train_alone"]


class Made(Protocol):
    """What became of a training, by itself or in a stack."""

    @property
    def reason(self) -> str:
        """How it ended."""
        ...

    @property
    def epochs(self) -> tuple[Epoch, ...]:
        """Its epochs."""
        ...

    @property
    def best(self) -> int:
        """Number of the best; 0 where there is none."""
        ...


Ticks = Callable[[Try, Epoch], Reason | None]
"""Called after each epoch of a try; a reason that it returns ends the training."""


def train_alone(space: Space, attempt: Try, *, after_epoch: Ticks | None = None) -> Outcome:
    """Train a setting.

    Args:
        space: What the setting is of.
        attempt: The setting, its seed, and how patient to be.
        after_epoch: Called after each epoch.

    Returns:
        What came of it; a setting that the recipe refuses, or whose training fails, has an outcome that says so.

    Raises:
        MissingPackageError: What the recipe needs is not installed.

    Examples:
        >>> from unstuck.sweep.space import read_space
        >>> linear = ["data.name=pokemon", "model={name='linear'}", "optimizer={name='sgd'}"]
        >>> short = [*linear, "train={batch_size='all', epochs=5}"]
        >>> space = read_space("mlp", over=["optimizer.lr=1e-2..1"], overrides=short)
        >>> outcome = train_alone(space, Try(setting={"optimizer.lr": 0.1}, stage="coarse"))
        >>> outcome.reason, outcome.epochs
        ('completed', 5)
    """
    try:
        setup = Setup.of(space.recipe(attempt))
    except MissingPackageError:
        raise
    except UnstuckError as error:
        return Outcome(reason="refused", said=str(error))
    gauge, judge = Gauge(setup.model, steps_per_epoch=len(setup.batches)), Judge(setup)
    batches = _Measured(gauge, setup.batches)
    curve: list[tuple[float, float, float]] = []

    def noting(outputs: Tensor, targets: Tensor) -> Tensor:
        loss = setup.loss(outputs, targets)
        if setup.model.training:
            gauge.noted(loss)
        return loss

    stopped: list[Reason] = []

    def over(epoch: Epoch) -> bool:
        gauge.epoch(epoch)
        curve.append(point(time.perf_counter() - batches.began, epoch))
        reason = (after_epoch(attempt, epoch) if after_epoch else None) or judge.stops(gauge.trace)
        stopped.extend([] if reason is None else [reason])
        return reason is not None

    try:
        fitted = fit(
            setup.model,
            noting,
            batches,
            setup.optimizer,
            validation=evaluation(setup.data, "validation"),
            epochs=setup.recipe.train.epochs,
            patience=setup.patience,
            schedule=setup.schedules,
            penalty=setup.penalty,
            compiled=setup.recipe.train.compile,
            after_epoch=over,
        )
    except (RuntimeError, ArithmeticError, UnstuckError) as error:
        return Outcome(reason="failed", said=f"{type(error).__name__}: {error}".splitlines()[0], curve=tuple(curve))
    return outcome_of(setup, fitted, curve, stopped[-1] if stopped else None)


def point(seconds: float, epoch: Epoch) -> tuple[float, float, float]:
    """Where an epoch stands on the curve of an outcome."""
    means = epoch.validation or epoch.train
    return seconds, float("nan") if means.accuracy is None else means.accuracy, means.loss


def outcome_of(
    setup: Setup, made: Made, curve: Sequence[tuple[float, float, float]], stopped: Reason | None, *, stacked: int = 1
) -> Outcome:
    """What a training came to: the best of its epochs by the validation part, or the last.

    Args:
        setup: What was trained; its model has the best weights.
        made: What became of it.
        curve: Where each epoch stands.
        stopped: Why it was stopped before its end; None where it was not.
        stacked: Trainings that were made together.
    """
    best = made.epochs[made.best - 1] if made.best else made.epochs[-1]
    means = best.validation or best.train
    ended: Any = "pruned" if stopped else made.reason
    held_out = evaluation(setup.data, "test") if ended in ("completed", "early stopping") else None
    test = None if held_out is None else evaluate(setup.model, setup.loss, held_out)
    return Outcome(
        reason=ended,
        accuracy=means.accuracy,
        loss=means.loss,
        epochs=len(made.epochs),
        seconds=curve[-1][0],
        curve=tuple(curve),
        said=stopped.said if stopped else "",
        code=stopped.code if stopped else "",
        test=None if test is None else test.loss if test.accuracy is None else test.accuracy,
        stacked=stacked,
    )


class _Measured:
    """The batches, between which the model is measured.

    Attributes:
        began: When the first step was over: what compiles or warms up in it is no time of training.
    """

    def __init__(self, gauge: Gauge, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        self._gauge, self._batches = gauge, batches
        self._steps = 0
        self.began = time.perf_counter()

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for batch in self._gauge.between(self._batches):
            if self._steps == 1:
                self.began = time.perf_counter()
            self._steps += 1
            yield batch
