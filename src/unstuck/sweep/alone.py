"""Train one setting by itself, by the loop of ``unstuck train``, and stop it where a rule says that it is hopeless."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from torch import Tensor

from unstuck.errors import MissingPackageError, UnstuckError
from unstuck.sweep.attempt import Outcome, Try
from unstuck.sweep.judge import Judge, Reason, Stopped
from unstuck.sweep.space import Space
from unstuck.sweep.trace import Gauge
from unstuck.train import Epoch, Fitted, Means, evaluate, fit
from unstuck.train.setup import Setup, evaluation

__all__ = ["Ticks", "outcome_of", "train_alone"]

Ticks = Callable[[Try, Epoch], None]
"""Called after each epoch of a try; what it raises ends the training."""


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
    curve: list[tuple[float, float, float]] = []
    begin = time.perf_counter()

    def noting(outputs: Tensor, targets: Tensor) -> Tensor:
        loss = setup.loss(outputs, targets)
        if setup.model.training:
            gauge.noted(loss)
        return loss

    def over(epoch: Epoch) -> None:
        gauge.epoch(epoch)
        curve.append(point(time.perf_counter() - begin, epoch))
        if after_epoch:
            after_epoch(attempt, epoch)
        reason = judge.stops(gauge.trace)
        if reason is not None:
            raise Stopped(reason)

    stopped: Reason | None = None
    fitted: Fitted | None = None
    try:
        fitted = fit(
            setup.model,
            noting,
            _Measured(gauge, setup.batches),
            setup.optimizer,
            validation=evaluation(setup.data, "validation"),
            epochs=setup.recipe.train.epochs,
            patience=setup.patience,
            schedule=setup.schedules,
            penalty=setup.penalty,
            compiled=setup.recipe.train.compile,
            after_epoch=over,
        )
    except Stopped as stop:
        stopped = stop.reason
    except (RuntimeError, ArithmeticError, UnstuckError) as error:
        return Outcome(reason="failed", said=f"{type(error).__name__}: {error}".splitlines()[0], curve=tuple(curve))
    held_out = evaluation(setup.data, "test") if fitted and fitted.reason != "diverged" else None
    test = evaluate(setup.model, setup.loss, held_out) if held_out is not None else None
    return outcome_of(gauge.trace.epochs, curve, stopped=stopped, fitted=fitted, test=test)


def point(seconds: float, epoch: Epoch) -> tuple[float, float, float]:
    """Where an epoch stands on the curve of an outcome."""
    means = epoch.validation or epoch.train
    return seconds, float("nan") if means.accuracy is None else means.accuracy, means.loss


def outcome_of(
    epochs: Iterable[Epoch],
    curve: Iterable[tuple[float, float, float]],
    *,
    stopped: Reason | None,
    fitted: Fitted | None,
    test: Means | None,
) -> Outcome:
    """What the epochs of a training came to: the best of them by the validation part, or the last."""
    epochs, curve = tuple(epochs), tuple(curve)
    best = epochs[fitted.best - 1] if fitted and fitted.best else epochs[-1] if epochs else None
    means = (best.validation or best.train) if best else None
    return Outcome(
        reason="pruned" if stopped else fitted.reason if fitted else "failed",
        accuracy=means.accuracy if means else None,
        loss=means.loss if means else float("nan"),
        epochs=len(epochs),
        seconds=curve[-1][0] if curve else 0.0,
        curve=curve,
        said=stopped.said if stopped else "",
        code=stopped.code if stopped else "",
        test=None if test is None else test.loss if test.accuracy is None else test.accuracy,
    )


class _Measured:
    """The batches, between which the model is measured."""

    def __init__(self, gauge: Gauge, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        self._gauge, self._batches = gauge, batches

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return self._gauge.between(self._batches)
