"""Plots of one number a step: loss, accuracy, learning rate, and the gradient norm beside the loss."""

from __future__ import annotations

import math

import numpy as np

from unstuck.learning.evaluations import Evaluations
from unstuck.record import Run, Series, Signal, facts, signals
from unstuck.record.numbers import number, share
from unstuck.report.decimate import moving_mean
from unstuck.report.plot import (
    Block,
    Line,
    Plot,
    Reference,
    block,
    ends_note,
    last_step,
    missing,
    nonfinite_note,
    reason_missing,
)
from unstuck.report.wording import Words
from unstuck.rules.unseen import reason

__all__ = ["accuracy", "gradient_norm", "learning_rate", "loss", "smoothing"]

SMOOTHINGS = 40
"""A mean is taken over the number of samples divided by this: long enough to tame the noise, short enough to turn."""
BLOWN = 10.0
"""Times its value at either end to which a loss climbs in between, so that the climb is what there is to tell."""
STOOD = 0.05
"""Relative change below which a curve is said to have stood still."""


def smoothing(samples: int) -> int:
    """Samples in the moving mean of a curve of so many samples, an odd number."""
    return samples // SMOOTHINGS // 2 * 2 + 1


def loss(run: Run, words: Words, *, rows: int) -> Plot:
    """The loss of each batch with its moving mean, the validation loss, and what an untrained model would have."""
    batch, validation = run.series(signals.LOSS), Evaluations.of(run).losses
    if not len(batch.finite()) and not len(validation.finite()):
        return missing("loss", reason_missing(run, signals.LOSS, bool(len(batch)), words), words)
    blocks: list[Block] = []
    if len(batch.finite()):
        blocks.append(_noisy(batch, words, rows, raw=words.say("loss.batch"), mean="loss.mean"))
    notes = nonfinite_note([batch], words)
    if len(validation.finite()):
        blocks.append(_points(validation, words.say("loss.validation"), rows))
    else:
        notes += (_not_drawn(run, "loss.validation.long", signals.VALIDATION_LOSS, words),)
    return Plot(
        id="loss",
        name=words.say("loss.name"),
        title=_loss_title(batch if len(batch.finite()) else validation, words),
        read=words.say("loss.read"),
        blocks=tuple(blocks),
        references=_untrained(run, words),
        log="choose",
        notes=notes,
    )


def accuracy(run: Run, words: Words, *, rows: int) -> Plot:
    """Training and validation accuracy, with that of always giving the commonest class."""
    epochs, batch = run.series(signals.TRAIN_ACCURACY), run.series(signals.ACCURACY)
    validation = Evaluations.of(run).accuracies
    blocks: list[Block] = []
    notes: tuple[str, ...] = ()
    if len(epochs.finite()):
        blocks.append(_points(epochs, words.say("accuracy.train"), rows, tone="train"))
    elif len(batch.finite()):
        window = smoothing(len(batch))
        name = words.say("accuracy.train-mean", window=window)
        blocks.append(block(batch.steps, [Line(name=name, values=moving_mean(batch.values, window))], rows))
    else:
        notes += (_not_drawn(run, "accuracy.train.long", signals.ACCURACY, words),)
    if len(validation.finite()):
        blocks.append(_points(validation, words.say("accuracy.validation"), rows))
    else:
        notes += (_not_drawn(run, "accuracy.validation.long", signals.VALIDATION_ACCURACY, words),)
    if not blocks:
        return missing("accuracy", reason_missing(run, signals.ACCURACY, bool(len(batch)), words), words)
    return Plot(
        id="accuracy",
        name=words.say("accuracy.name"),
        title=_accuracy_title(validation.finite(), blocks[0], words),
        read=words.say("accuracy.read"),
        blocks=tuple(blocks),
        references=_majority(run, words),
        shares=True,
        notes=notes,
    )


def learning_rate(run: Run, words: Words, *, rows: int) -> Plot:
    """The rate of each parameter group; groups whose rates are always equal share a line.

    A rate holds until the next one that was recorded, and the last one to the end.
    """
    table = run.table(signals.LEARNING_RATE)
    groups: dict[bytes, tuple[list[str], Series]] = {}
    for name, series in table.columns():
        if len(series.finite()):
            groups.setdefault(series.values.tobytes(), ([], series))[0].append(name)
    if not groups:
        return missing("rate", reason_missing(run, signals.LEARNING_RATE, bool(len(table)), words), words)
    several = len(groups) > 1
    steps = np.append(table.steps, max(last_step(run), int(table.steps[-1]) + 1))
    lines = [
        Line(
            name=words.say("rate.groups", names=", ".join(names)) if several else words.say("rate.all"),
            values=np.append(series.values, series.values[-1]),
            kind="stairs",
            tone="depth" if several else "train",
            depth=position / max(len(groups) - 1, 1),
        )
        for position, (names, series) in enumerate(groups.values())
    ]
    first = next(iter(groups.values()))[1].finite()
    constant = bool((first.values == first.values[0]).all())
    return Plot(
        id="rate",
        name=words.say("rate.name"),
        title=words.say(
            "rate.constant" if constant else "rate.changed",
            first=number(float(first.values[0])),
            last=number(float(first.values[-1])),
        ),
        read=words.say("rate.read"),
        blocks=(block(steps, lines, rows),),
        log="choose",
    )


def gradient_norm(run: Run, words: Words, *, rows: int) -> Plot:
    r"""The norm of the whole gradient, :math:`\sqrt{\sum_p \|g_p\|^2}`, on the left; the loss on the right."""
    table = run.table(signals.GRADIENT_NORM)
    whole = np.sqrt(np.nansum(table.values**2, axis=1))
    whole[np.isnan(table.values).all(axis=1)] = np.nan
    norm = Series(table.steps, whole)
    if not len(norm.finite()):
        return missing("gradient", reason_missing(run, signals.GRADIENT_NORM, bool(len(table)), words), words)
    blocks = [block(norm.steps, [Line(name=words.say("gradient.norm"), values=norm.values)], rows)]
    notes = nonfinite_note([norm], words) + ends_note(run, norm.steps, words)
    batch = run.series(signals.LOSS)
    if len(batch.finite()):
        mean = moving_mean(batch.values, smoothing(len(batch)))
        line = Line(name=words.say("gradient.loss"), values=mean, tone="loss", right=True)
        blocks.append(block(batch.steps, [line], rows))
    else:
        notes += (_not_drawn(run, "gradient.loss.long", signals.LOSS, words),)
    first, last = _ends(norm.finite())
    return Plot(
        id="gradient",
        name=words.say("gradient.name"),
        title=words.say(f"gradient.{_moved(first, last)}", first=number(first), last=number(last)),
        read=words.say("gradient.read"),
        blocks=tuple(blocks),
        log="always",
        notes=notes,
    )


def _noisy(series: Series, words: Words, rows: int, *, raw: str, mean: str) -> Block:
    window = smoothing(len(series))
    lines = [Line(name=raw, values=series.values, kind="raw" if window > 1 else "line")]
    if window > 1:
        lines.append(Line(name=words.say(mean, window=window), values=moving_mean(series.values, window)))
    return block(series.steps, lines, rows)


def _points(series: Series, name: str, rows: int, *, tone: str = "validation") -> Block:
    line = Line(name=name, values=series.values, kind="points", tone="train" if tone == "train" else "validation")
    return block(series.steps, [line], rows)


def _not_drawn(run: Run, what: str, signal: Signal, words: Words) -> str:
    return words.say("page.partly", what=words.say(what), reason=reason(run, signal))


def _ends(series: Series) -> tuple[float, float]:
    """The first value, and the mean of the last ones."""
    return float(series.values[0]), float(series.values[-smoothing(len(series)) :].mean())


def _moved(first: float, last: float) -> str:
    if abs(last - first) <= STOOD * abs(first):
        return "stood"
    return "fell" if last < first else "rose"


def _loss_title(series: Series, words: Words) -> str:
    broken = ~np.isfinite(series.values)
    if broken[-1]:
        last_finite = int(np.flatnonzero(~broken)[-1])
        return words.say("loss.broke", step=f"{int(series.steps[last_finite + 1]):,}")
    first, last = _ends(series.finite())
    peak = float(series.finite().values.max())
    blew_up = first > 0 and peak > BLOWN * max(first, last)
    said = {"first": number(first), "last": number(last), "peak": number(peak)}
    return words.say("loss.peaked" if blew_up else f"loss.{_moved(first, last)}", **said)


def _accuracy_title(validation: Series, training: Block, words: Words) -> str:
    if len(validation):
        key, best = "accuracy.validation-peak", validation
    else:
        key, best = "accuracy.train-peak", Series(training.steps, training.lines[0].values).finite()
    peak = int(best.values.argmax())
    return words.say(key, best=share(float(best.values[peak])), step=f"{int(best.steps[peak]):,}")


def _untrained(run: Run, words: Words) -> tuple[Reference, ...]:
    initial = run.fact(facts.InitialLoss)
    if initial is None or not math.isfinite(initial.expected):
        return ()
    key = "loss.expected" if initial.formula else "loss.expected.plain"
    return (Reference(words.say(key, formula=initial.formula, value=number(initial.expected)), initial.expected),)


def _majority(run: Run, words: Words) -> tuple[Reference, ...]:
    known = run.fact(facts.Loss)
    counts = known.classes.counts if known else ()
    return (Reference(words.say("accuracy.majority"), max(counts) / sum(counts)),) if sum(counts) else ()
