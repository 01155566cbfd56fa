"""The page of a sweep: the best setting and how sure it is, every try, the loss over two keys, what was stopped."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from unstuck.record.comparison import Chart, Strand
from unstuck.report.comparison import Picture, picture
from unstuck.report.page import Script, static, write_page
from unstuck.report.still_page import render_page
from unstuck.sweep.chosen import Tried
from unstuck.sweep.landscape import landscape
from unstuck.sweep.parallel import parallel
from unstuck.sweep.result import Result
from unstuck.sweep.said import headline, sentences, shown_worth, stops, trade_rows
from unstuck.sweep.wording import outcome_words, setting_words, values_words

__all__ = ["render_sweep", "write_sweep"]

PACKAGE = "unstuck.sweep"

FIRST = 12
"""Settings of the table of the best."""


def write_sweep(result: Result, path: Path, *, source: str, best: Path) -> Path:
    """Write the page.

    Args:
        result: What to show.
        path: The file.
        source: The recipe that was swept, as the user named it.
        best: Where the recipe of the best setting lies.

    Raises:
        RunWriteError: The file may not be written.
    """
    return write_page(path, render_sweep(result, source=source, best=best), what="page")


def render_sweep(result: Result, *, source: str, best: Path) -> str:
    """The page as text."""
    script = Script.of(static("sweep.js", package=PACKAGE))
    space = result.space
    return render_page(
        "sweep.html.j2",
        package=PACKAGE,
        script=script,
        title=f"Sweep of {source} over {', '.join(space.keys)}",
        headline=headline(result),
        sentences=sentences(result),
        recipe=result.text,
        command=f"unstuck train {shlex.quote(str(best))}",
        ranked=[(values_words(space, worth.setting), *shown_worth(worth)) for worth in result.ranked[:FIRST]],
        parallel=parallel(result),
        map=landscape(result),
        trade=trade_rows(result),
        chart=_chart(result),
        stops=stops(result),
        tried=[
            (
                setting_words(space, one.attempt),
                one.attempt.stage,
                outcome_words(one.outcome),
                f"{one.outcome.seconds:.1f}",
            )
            for one in _ordered(result)
        ],
    )


def _ordered(result: Result) -> Sequence[Tried]:
    return sorted(result.tried, key=lambda one: one.outcome.worth, reverse=True)


def _chart(result: Result) -> Picture | None:
    """Accuracy over the time that it took, a line for each batch size; None where they were not swept."""
    if len(result.trade) < 2:
        return None
    strands = tuple(
        Strand(
            name=f"batch size {trade.size}",
            x=tuple(seconds for seconds, _ in trade.curve),
            y=tuple(accuracy for _, accuracy in trade.curve),
        )
        for trade in result.trade
    )
    title = "Validation accuracy against the time of training, by batch size"
    return picture(Chart(title=title, across="seconds", up="accuracy", strands=strands, counted=False))
