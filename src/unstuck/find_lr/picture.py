"""The pictures of a search, as a page of one file and as one SVG file."""

from __future__ import annotations

from pathlib import Path

from unstuck.find_lr.result import FoundRate
from unstuck.find_lr.text import agreement, headline, rows
from unstuck.record.comparison import Chart, Comparison, Strand
from unstuck.report import write_chart, write_comparison

__all__ = ["PAGE", "PICTURE", "comparison_of", "write_pictures"]

FAR = 3.0
"""Times the loss at the start up to which losses are drawn."""
PAGE, PICTURE = "find-lr.html", "find-lr.svg"


def write_pictures(found: FoundRate, folder: Path) -> tuple[Path, Path]:
    """Write page and picture into a folder.

    Returns:
        Their paths.

    Raises:
        RunWriteError: They may not be written.
    """
    shown = comparison_of(found)
    return write_comparison(shown, folder / PAGE), write_chart(shown.charts[0], folder / PICTURE)


def comparison_of(found: FoundRate) -> Comparison:
    """Charts and table of a result."""
    return Comparison(
        title=headline(found),
        columns=("method", "rate", "what was seen"),
        rows=(*rows(found), ("together", "" if found.rate is None else f"{found.rate:.2g}", agreement(found))),
        charts=tuple(_charts(found)),
        kind="the learning rate",
    )


def _charts(found: FoundRate) -> list[Chart]:
    rounds = found.short_trainings.rounds
    trained = tuple(
        Strand(name=f"after {done.steps} updates", x=done.rates, y=done.reached) for done in rounds
    )  # fmt: skip
    tries = sorted((one.rate, one.last) for one in found.course.tries)
    tried = (Strand(name="each try", x=tuple(rate for rate, _ in tries), y=tuple(loss for _, loss in tries)),)
    test = found.range_test
    ramps = tuple(
        Strand(name=f"ramp {number}", x=tuple(test.rates.tolist()), y=tuple(losses.tolist()))
        for number, losses in enumerate(test.losses, start=1)
    )
    start = found.course.tries[0].first if found.course.tries else 0.0
    titles = {
        "Loss that short trainings reach; green: the suggested rate, and the band that does about as well": trained,
        "Range test: the loss while the rate climbs": ramps,
        "The way of the course: the loss at the end of each try": tried,
    }
    return [
        Chart(
            title=title, across="learning rate", up="loss", strands=strands, log_across=True, counted=False,
            mark=found.rate, band=found.band, top=FAR * start if start > 0.0 else None,
        )
        for title, strands in titles.items()
    ]  # fmt: skip
