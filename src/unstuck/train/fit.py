"""The training loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from unstuck.errors import ArgumentError, DataError
from unstuck.nn import check_sizes
from unstuck.optim.second_order_step import SecondOrderOptimizer
from unstuck.train.best import Best
from unstuck.train.evaluate import evaluate, pair
from unstuck.train.losses import LossFunction, takes_logits_of_yes
from unstuck.train.penalty import Penalty
from unstuck.train.step import Step, step_of
from unstuck.train.tally import Means, Tally

if TYPE_CHECKING:
    from unstuck.observe import Observer

__all__ = ["Epoch", "Fitted", "Reason", "fit"]

Batches = Iterable[tuple[Tensor, Tensor]]
Reason = Literal["completed", "early stopping", "diverged", "stopped"]


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """One pass over the training data.

    Attributes:
        number: From 1.
        train: Means over the pass, in training mode, while the weights were moving.
        validation: Means after it, in evaluation mode; None without validation data.
        penalty: What the weights cost after it, beside the losses; 0 without a penalty.
    """

    number: int
    train: Means
    validation: Means | None
    penalty: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """What training came to.

    Attributes:
        reason: completed, early stopping, diverged (the loss was no longer finite), or stopped by ``after_epoch``.
        epochs: Every epoch, in order.
        best: Number of the epoch whose weights the model has now; 0 where it has those of the last step.
    """

    reason: Reason
    epochs: tuple[Epoch, ...]
    best: int


def fit(
    model: nn.Module,
    loss: LossFunction,
    data: Batches,
    optimizer: Optimizer,
    *,
    validation: Batches | None = None,
    epochs: int = 20,
    patience: int | None = 10,
    schedule: LRScheduler | Sequence[LRScheduler] | None = None,
    scheduled: Literal["each step", "each epoch"] = "each step",
    penalty: Penalty | None = None,
    observer: Observer | None = None,
    weights: Path | None = None,
    compiled: bool = False,
    after_epoch: Callable[[Epoch], object] | None = None,
) -> Fitted:
    """Train a model, keep the weights that do best on other data, and stop when they get no better.

    Also on Ctrl-C, and whatever error ends the loop, the model is left with its best weights.

    Args:
        model: Any module, on the device of the data.
        loss: Of outputs and targets, its mean over the batch: one of :data:`~unstuck.train.losses.LOSSES`, a function
            or module of torch, your own. Accuracy is told of class ids, and of the 0 and 1 of ``BCEWithLogitsLoss``.
        data: Batches of inputs and targets, for each epoch anew: :class:`unstuck.data.Batches`, a DataLoader, a list.
        optimizer: Any optimizer of the model's parameters. Of a ``LookAheadNesterov`` gradients are taken ahead, and
            ``Newton`` and ``HessianFree`` get the loss with its graph.
        validation: Batches that steer training; without them all epochs are made, and the last weights kept.
        epochs: Passes over the data, at most.
        patience: Epochs without a better validation accuracy (loss, where there are no classes) after which training
            stops; None never stops.
        schedule: Any schedule of torch or of :mod:`unstuck.schedules` on this optimizer, or several, such as one of
            the rate and one of the momentum; a plateau is told the validation loss (the training loss, without
            validation data) after each epoch.
        scheduled: When its ``step()`` is called; torch's own schedules mostly count epochs.
        penalty: L1 and L2 regularisation, whose gradient joins that of the loss; the losses told are without it.
        observer: An entered observer of this model, which then also records what each epoch came to.
        weights: File for the best weights, as safetensors; for the last ones, without validation data.
        compiled: Whether the model runs under ``torch.compile``; an observer then does not see inside it.
        after_epoch: Called with each epoch; training stops after one for which it returns True.

    Returns:
        What each epoch came to, and which one the model's weights are from.

    Raises:
        ArgumentError: ``epochs`` or ``patience`` is below 1, ``data`` gives no pairs or only once, a layer does not fit
            what it gets (:func:`~unstuck.nn.check_sizes`), or the loss is not one number.
        DataError: There is no batch.
        RunWriteError: The best weights cannot be written.

    Examples:
        >>> import torch
        >>> from unstuck.data import Batches, load
        >>> data = load("diabetes")
        >>> model = nn.Linear(10, 1)
        >>> fitted = fit(model, nn.functional.mse_loss, Batches(data.train, 31),
        ...              torch.optim.SGD(model.parameters(), lr=0.05),
        ...              validation=Batches(data.validation, "all", shuffle="never"), epochs=5)
        >>> len(fitted.epochs), fitted.reason, fitted.epochs[-1].validation.loss < 0.8
        (5, 'completed', True)
    """
    _check(data, epochs=epochs, patience=patience)
    plans = (schedule,) if isinstance(schedule, LRScheduler) else tuple(schedule or ())
    by_epoch = tuple(plan for plan in plans if scheduled == "each epoch" or isinstance(plan, ReduceLROnPlateau))
    by_step = tuple(plan for plan in plans if plan not in by_epoch)
    best = Best(model, patience=patience, file=weights)
    # The compiled module shares the parameters; names in files stay those of the plain one.
    runner = cast("nn.Module", torch.compile(model)) if compiled else model
    step = step_of(runner, loss, optimizer, penalty)
    handle = penalty.attach(model, optimizer) if penalty and not isinstance(optimizer, SecondOrderOptimizer) else None
    done: list[Epoch] = []
    reason: Reason = "completed"
    try:
        for number in range(1, epochs + 1):
            train = _train_epoch(runner, data, step, loss, by_step)
            means = train.means()
            held_out = None if validation is None or train.diverged else evaluate(runner, loss, validation)
            cost = float(penalty(model).detach()) if penalty else 0.0
            epoch = Epoch(number=number, train=means, validation=held_out, penalty=cost)
            done.append(epoch)
            _reschedule(by_epoch, epoch)
            _record(observer, epoch)
            stop = after_epoch is not None and after_epoch(epoch) is True
            if train.diverged:
                reason = "diverged"
                break
            if held_out and held_out.examples:
                best.offer(number, held_out)
                if best.hopeless(number):
                    reason = "early stopping"
                    break
            if stop:
                reason = "stopped"
                break
    finally:
        if handle:
            handle.remove()
        best.restore()
    if reason != "diverged":
        best.close()
    if observer:
        observer.ended("interrupted" if reason == "stopped" else reason)
    return Fitted(reason=reason, epochs=tuple(done), best=best.epoch)


def _train_epoch(
    model: nn.Module, data: Batches, step: Step, loss: LossFunction, schedules: Sequence[LRScheduler]
) -> Tally:
    """One pass over the batches. Ends early where the loss is no longer finite."""
    model.train()
    tally = Tally(yes_or_no=takes_logits_of_yes(loss))
    steps = 0
    for batch in data:
        value, outputs = step(*batch) if steps else _first(step, model, *pair(batch))
        for schedule in schedules:
            schedule.step()
        tally.add(value, outputs, batch[1])
        steps += 1
        if tally.diverged:
            break
    if not steps:
        raise DataError("data: there is no batch in it; give at least one example")
    return tally


def _first(step: Step, model: nn.Module, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The first step, which says of a layer that does not fit what it needs, where that is the reason of an error."""
    try:
        return step(inputs, targets)
    except RuntimeError as error:
        if type(error) is RuntimeError:  # a want of memory, say, is another
            check_sizes(getattr(model, "_orig_mod", model), inputs)
        raise


def _reschedule(schedules: Sequence[LRScheduler], epoch: Epoch) -> None:
    """Step the schedules that count epochs."""
    held_out = epoch.validation
    for schedule in schedules:
        if isinstance(schedule, ReduceLROnPlateau):
            schedule.step(held_out.loss if held_out and held_out.examples else epoch.train.loss)
        else:
            schedule.step()


def _record(observer: Observer | None, epoch: Epoch) -> None:
    if observer:
        observer.evaluated(
            train_loss=epoch.train.loss,
            train_accuracy=epoch.train.accuracy,
            validation_loss=epoch.validation.loss if epoch.validation else None,
            validation_accuracy=epoch.validation.accuracy if epoch.validation else None,
        )


def _check(data: Batches, *, epochs: int, patience: int | None) -> None:
    for name, value in (("epochs", epochs), ("patience", patience)):
        if value is not None and value < 1:
            raise ArgumentError(f"{name}={value!r}: a whole number from 1 is accepted")
    if not isinstance(cast("object", data), Iterable):
        raise ArgumentError(
            f"data={data!r}: batches are accepted, to be iterated over in every epoch: a list of pairs (inputs, "
            "targets), a DataLoader, unstuck.data.Batches"
        )
    if isinstance(data, Sized) and not len(data):
        raise DataError("data: there is no batch in it; give at least one example")
    if epochs > 1 and iter(data) is data:
        raise ArgumentError(
            f"data={type(data).__name__}: an iterator is used up after one epoch; give what it iterates over: "
            "a list of batches, a DataLoader, unstuck.data.Batches"
        )
