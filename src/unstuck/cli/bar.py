"""How far an evaluation of many points is: the time said before, and a bar on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

__all__ = ["PointsBar"]

SAID = 2.0  #: seconds from which on the time is said before
LONG = 120.0  #: seconds from which on it is said how to need less


class PointsBar:
    """Says how long it will take, then draws a bar where the console is a terminal.

    Args:
        console: Where to.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Progress(
            BarColumn(bar_width=None), MofNCompleteColumn(), TimeRemainingColumn(compact=True),
            console=console, expand=True, transient=True, disable=not console.is_terminal,
        )  # fmt: skip
        self._task = self._bar.add_task("", total=None)

    def begin(self, points: int, seconds: float) -> None:
        """Say how many points there are and about how long they take."""
        if seconds >= SAID:
            less = "; fewer with --points, or less of each with --examples" if seconds > LONG else ""
            took = f"{seconds:.0f} s" if seconds < LONG else f"{seconds / 60:.0f} minutes"
            self._console.print(f"{points:,} points take about {took}{less}", markup=False, highlight=False)
        self._bar.update(self._task, total=points)
        self._bar.start()

    def advance(self, points: int) -> None:
        """Move the bar."""
        self._bar.advance(self._task, points)

    def end(self) -> None:
        """Take the bar away."""
        self._bar.stop()
