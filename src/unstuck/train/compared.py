"""Trainings side by side: curves, what the start was like, and what became of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unstuck.record import Run, Signal, signals
from unstuck.record.comparison import Chart, Comparison, Strand
from unstuck.record.facts import Model
from unstuck.train.outcome import Outcome

__all__ = ["Compared", "compared", "comparison"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What one training came to.

    Attributes:
        outcome: Its training and its verdict.
        start: The loss before the first step; None where it was not checked.
        losses: Mean training loss of each epoch.
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
        check = outcome.trained.check
        return Compared(
            outcome=outcome,
            start=None if check is None else check.value,
            losses=run.series(signals.TRAIN_LOSS).values,
            worth=accuracy if len(accuracy) else run.series(signals.VALIDATION_LOSS).values,
            dead=_last(run, signals.DEAD_UNITS),
            saturated=_last(run, signals.ACTIVATION_SATURATED),
            gradients=norms.values[0, columns] if len(norms) else np.zeros(0),
            weighted_input=_first_weighted_input(run, model),
        )


def comparison(rows: Sequence[Compared], title: str) -> Comparison:
    """The trainings as a page shows them: the loss first, then the validation, then the gradient by depth."""
    classes = any(row.classes for row in rows)
    loss = Chart(
        title="Training loss by epoch, from the untrained network on",
        across="epoch",
        up="loss, logarithmic",
        strands=tuple(_strand(row, [_known(row.start), *row.losses], first=0) for row in rows),
        log=True,
    )
    charts = [loss]
    if any(len(row.worth) for row in rows):
        charts.append(
            Chart(
                title="Validation accuracy by epoch" if classes else "Validation loss by epoch",
                across="epoch",
                up="accuracy" if classes else "loss, logarithmic",
                strands=tuple(_strand(row, row.worth) for row in rows),
                log=not classes,
            )
        )
    if any(len(row.gradients) > 1 for row in rows):
        charts.append(
            Chart(
                title="Gradient before the first update, by depth",
                across="weight, from input to output",
                up="norm, logarithmic",
                strands=tuple(_strand(row, row.gradients) for row in rows),
                log=True,
            )
        )
    columns = ("", "epochs", "loss", "first epoch", "best validation", "test", "weighted input", "dead", "saturated")
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


def _strand(row: Compared, values: Iterable[float], *, first: int = 1) -> Strand:
    y = tuple(float(value) for value in values)
    return Strand(name=row.name, x=tuple(float(first + k) for k in range(len(y))), y=y)


def _known(value: float | None) -> float:
    return np.nan if value is None else value


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
