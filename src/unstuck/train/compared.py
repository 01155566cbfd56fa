"""Trainings side by side: curves, what the start was like, and what became of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unstuck.record import Run, Signal, signals
from unstuck.record.comparison import Chart, Comparison, Strand
from unstuck.record.facts import Model, Training
from unstuck.train.optimizer import takes_a_closure
from unstuck.train.outcome import Outcome

__all__ = ["Compared", "compared", "comparison"]

Floats = NDArray[np.float64]

ABOVE = 1.3
"""The upper edge of the picture, over the loss of a guess, or that of the first step where it is not far above."""
APART = 1.5
"""Ratio of the gradients of two trainings from which a picture of them shows something."""


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What one training came to.

    Attributes:
        outcome: Its training and its verdict.
        start: The loss before the first step; None where it was not checked.
        losses: Mean training loss of each epoch.
        early: Epochs, in fractions, and the mean loss of the steps about each: few at first, more later.
        steps_per_epoch: Steps in an epoch.
        guess: The loss of a guess; None where it is not known.
        worth: Validation accuracy of each epoch; validation loss where there are no classes.
        dead: Share of rectifier units that fired for no example of late; None where there are no rectifiers.
        saturated: Share of values within 1% of a bound at the end; None for activations without two bounds.
        gradients: Norm of the gradient of each weight before the first update, from the first layer to the last.
        weighted_input: Standard deviation of the weighted inputs of the first layer before the first update; None
            where it was not seen.
    """

    outcome: Outcome
    start: float | None
    losses: Floats
    early: tuple[Floats, Floats]
    steps_per_epoch: int
    guess: float | None
    worth: Floats
    dead: float | None
    saturated: float | None
    gradients: Floats
    weighted_input: float | None

    @property
    def name(self) -> str:
        """What is different in it."""
        return self.outcome.variant.name

    @property
    def classes(self) -> bool:
        """Whether its worth is an accuracy."""
        epochs = self.outcome.trained.epochs
        return bool(epochs) and epochs[-1].train.accuracy is not None

    def to_dict(self) -> dict[str, Any]:
        """The comparison's row as plain data."""
        return {
            **self.outcome.to_dict(),
            "start": self.start,
            "losses": self.losses.tolist(),
            "seconds": self.outcome.trained.seconds,
            "validation_curve": self.worth.tolist(),
            "dead": self.dead,
            "saturated": self.saturated,
            "gradients": self.gradients.tolist(),
            "weighted_input": self.weighted_input,
        }


def compared(outcome: Outcome) -> Compared:
    """Read the curves of a training from its run.

    Raises:
        NotARunError: Its run is gone.
    """
    with Run.open(outcome.trained.folder) as run:
        accuracy = run.series(signals.VALIDATION_ACCURACY).values
        model, norms = run.fact(Model), run.table(signals.GRADIENT_NORM)
        weights = (
            {parameter.name for parameter in model.parameters if len(parameter.shape) > 1} if model else set[str]()
        )
        columns = [column for column, name in enumerate(norms.names) if name in weights]
        check, plan = outcome.trained.check, run.fact(Training)
        start, steps_per_epoch = None if check is None else check.value, (plan.steps_per_epoch or 1) if plan else 1
        return Compared(
            outcome=outcome,
            start=start,
            losses=run.series(signals.TRAIN_LOSS).values,
            early=_early(run, start, steps_per_epoch),
            steps_per_epoch=steps_per_epoch,
            guess=_guess(outcome),
            worth=accuracy if len(accuracy) else run.series(signals.VALIDATION_LOSS).values,
            dead=_last(run, signals.DEAD_UNITS),
            saturated=_last(run, signals.ACTIVATION_SATURATED),
            gradients=norms.values[0, columns] if len(norms) else np.zeros(0),
            weighted_input=_first_weighted_input(run, model),
        )


def comparison(rows: Sequence[Compared], title: str) -> Comparison:
    """The trainings as a page shows them: the loss first, then the validation, then the gradient by depth."""
    classes = any(row.classes for row in rows)
    names = _names(rows)
    charts = [*_from_the_first_step(rows, names)]
    if not any(chart.log_across for chart in charts):
        charts.append(_by_epoch(rows, names))
    if any(len(row.worth) for row in rows):
        charts.append(
            Chart(
                title="Validation accuracy by epoch" if classes else "Validation loss by epoch",
                across="epoch",
                up="accuracy" if classes else "loss, logarithmic",
                strands=tuple(_strand(name, row.worth) for row, name in zip(rows, names, strict=True)),
                log=not classes,
            )
        )
    if _apart(rows):
        charts.append(
            Chart(
                title="Gradient before the first update, by depth",
                across="weight, from input to output",
                up="norm, logarithmic",
                strands=tuple(_strand(name, row.gradients) for row, name in zip(rows, names, strict=True)),
                log=True,
            )
        )
    columns = (
        "",
        "epochs",
        "seconds",
        "loss",
        "first epoch",
        "best validation",
        "test",
        "weighted input",
        "dead",
        "saturated",
    )
    figures = [_figures(row) for row in rows]
    shown = [k for k in range(len(columns)) if k == 0 or any(row[k] != "-" for row in figures)]
    return Comparison(
        title=title,
        columns=(*(columns[k] for k in shown), "verdict"),
        rows=tuple((*(figure[k] for k in shown), row.outcome.cause) for row, figure in zip(rows, figures, strict=True)),
        charts=tuple(charts),
    )


def _figures(row: Compared) -> tuple[str, ...]:
    best = (row.worth.max() if row.classes else row.worth.min()) if len(row.worth) else None
    test = row.outcome.trained.test
    return (
        row.name,
        str(len(row.losses)),
        f"{row.outcome.trained.seconds:.1f}",
        f"{row.losses[-1]:.4g}" if len(row.losses) else "-",
        _worth(row.worth[0] if len(row.worth) else None, row.classes),
        _worth(best, row.classes),
        _worth((test.accuracy if row.classes else test.loss) if test else None, row.classes),
        "-" if row.weighted_input is None else f"{row.weighted_input:.3g}",
        "-" if row.dead is None else f"{row.dead:.1%}",
        "-" if row.saturated is None else f"{row.saturated:.1%}",
    )


def _worth(value: float | None, classes: bool) -> str:
    return "-" if value is None else f"{value:.1%}" if classes else f"{value:.4g}"


def _strand(name: str, values: Iterable[float], *, first: int = 1) -> Strand:
    y = tuple(float(value) for value in values)
    return Strand(name=name, x=tuple(float(first + k) for k in range(len(y))), y=y)


def _names(rows: Sequence[Compared]) -> tuple[str, ...]:
    """Their names, with the rates where these are what differs."""
    rates = [row.outcome.variant.recipe.optimizer.lr for row in rows]
    differ = None not in rates and len(set(rates)) > 1
    return tuple(f"{row.name}, rate {rate:g}" if differ else row.name for row, rate in zip(rows, rates, strict=True))


def _from_the_first_step(rows: Sequence[Compared], names: Sequence[str]) -> Iterator[Chart]:
    """The early phase, and whatever stays between it and what a guess costs."""
    if any(takes_a_closure(row.outcome.variant.recipe.optimizer.name) for row in rows):
        yield from _by_steps_and_seconds(rows, names)
    guess = next((row.guess for row in rows if row.guess), None)
    if guess is None:
        return
    strands = tuple(
        Strand(name=name, x=tuple(row.early[0].tolist()), y=tuple(row.early[1].tolist()))
        for row, name in zip(rows, names, strict=True)
    )
    begins = [strand.y[0] for strand in strands if strand.y and np.isfinite(strand.y[0])]
    yield Chart(
        title="Training loss from the first step on",
        across="epoch",
        up="loss",
        strands=strands,
        level=guess,
        level_name=f"a guess: {guess:.3g}",
        top=ABOVE * max([guess, *(begin for begin in begins if begin < 2.0 * guess)]),
    )


def _by_steps_and_seconds(rows: Sequence[Compared], names: Sequence[str]) -> Iterator[Chart]:
    """A step of one method may cost as much as a hundred of another: both, from the first step to the last."""
    for across, seconds in (("step, logarithmic", False), ("seconds, logarithmic", True)):
        strands: list[Strand] = []
        for row, name in zip(rows, names, strict=True):
            steps = row.early[0] * row.steps_per_epoch
            each = row.outcome.trained.seconds / max(steps[-1], 1.0) if seconds else 1.0
            strands.append(Strand(name=name, x=tuple((each * steps).tolist()), y=tuple(row.early[1].tolist())))
        yield Chart(
            title=f"Training loss by {'time' if seconds else 'step'}",
            across=across,
            up="loss, logarithmic",
            strands=tuple(strands),
            log=True,
            log_across=True,
        )


def _by_epoch(rows: Sequence[Compared], names: Sequence[str]) -> Chart:
    return Chart(
        title="Training loss by epoch",
        across="epoch",
        up="loss, logarithmic",
        strands=tuple(
            _strand(name, [_known(row.start), *row.losses], first=0) for row, name in zip(rows, names, strict=True)
        ),
        log=True,
    )


def _apart(rows: Sequence[Compared]) -> bool:
    """Whether the gradients by depth differ between trainings, as those of the same first weights do not."""
    known = [row.gradients for row in rows if len(row.gradients) > 1]
    if len({len(gradients) for gradients in known}) > 1:
        return True
    if not known:
        return False
    table = np.stack(known)
    return bool((table.max(axis=0) > APART * table.min(axis=0)).any())


def _known(value: float | None) -> float:
    return np.nan if value is None else value


def _early(run: Run, start: float | None, steps_per_epoch: int) -> tuple[Floats, Floats]:
    """The first loss, then means over successive steps: a tenth of those so far, between a 250th and a 60th of all."""
    series = run.series(signals.LOSS)
    ends, total = [0], len(series)
    while ends[-1] < total:
        ends.append(min(ends[-1] + max(1, total // 250, min(ends[-1] // 10, total // 60)), total))
    pairs = list(pairwise(ends))
    steps = [float(series.steps[a:b].mean()) + 1.0 for a, b in pairs]
    means = [float(series.values[a:b].mean()) for a, b in pairs]
    return np.array([0.0, *steps]) / steps_per_epoch, np.array([_known(start), *means])


def _guess(outcome: Outcome) -> float | None:
    """What classes cost that are guessed."""
    check, epochs = outcome.trained.check, outcome.trained.epochs
    return check.expected if check and epochs and epochs[-1].train.accuracy is not None else None


def _first_weighted_input(run: Run, model: Model | None) -> float | None:
    """Spread of what the first layer with weights gives before any activation, before the first update."""
    spread = run.table(signals.ACTIVATION_STD)
    with_weights = [layer.path for layer in model.layers if layer.type in ("Linear", "Conv2d")] if model else []
    for path in with_weights[:1]:
        if path in spread.names and len(spread):
            value = float(spread.values[0, spread.names.index(path)])
            return value if np.isfinite(value) else None
    return None


def _last(run: Run, signal: Signal) -> float | None:
    """Mean over the layers of the last sample that knows any of them."""
    table = run.table(signal)
    known = table.values[np.isfinite(table.values).any(axis=1)] if len(table) else table.values
    return float(np.nanmean(known[-1])) if len(known) else None
