"""The plot of whether successive gradients agree, bounce, or have nothing to do with each other."""

from __future__ import annotations

import numpy as np

from unstuck.record import Run, signals
from unstuck.record.numbers import number
from unstuck.report.curves import smoothing
from unstuck.report.decimate import moving_mean
from unstuck.report.plot import Line, Plot, Reference, block, ends_note, missing, reason_missing
from unstuck.report.wording import Words

__all__ = ["gradient_cosine"]

FEW = 8
"""Samples below which half of them are no mean worth a title."""


def gradient_cosine(run: Run, words: Words, *, rows: int) -> Plot:
    r"""The cosine :math:`g_t^T g_{t+1} / (\|g_t\| \|g_{t+1}\|)`, with its moving mean."""
    every = run.series(signals.GRADIENT_COSINE)
    series = every.finite()
    if not len(series):
        return missing("cosine", reason_missing(run, signals.GRADIENT_COSINE, bool(len(every)), words), words)
    window = smoothing(len(series))
    lines = [Line(name=words.say("cosine.step"), values=series.values, kind="raw" if window > 1 else "line")]
    if window > 1:
        mean = moving_mean(series.values, window)
        lines.append(Line(name=words.say("cosine.mean", window=window), values=mean))
    if len(series) < FEW:
        low, high = number(float(series.values.min())), number(float(series.values.max()))
        title = words.say("cosine.few", count=len(series), low=low, high=high)
    else:
        title = words.say("cosine.title", late=number(float(np.mean(series.values[len(series) // 2 :]))))
    return Plot(
        id="cosine",
        name=words.say("cosine.name"),
        title=title,
        read=words.say("cosine.read"),
        blocks=(block(series.steps, lines, rows),),
        references=(Reference(words.say("cosine.none"), 0.0),),
        notes=ends_note(run, series.steps, words),
    )
