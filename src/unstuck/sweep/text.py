"""What a sweep has found out, for the terminal."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from unstuck.sweep.result import Result
from unstuck.sweep.said import headline, sentences, shown_worth, stops, trade_rows

__all__ = ["SweepText"]

ROWS = 6
"""Settings in the table."""


@dataclass(frozen=True)
class SweepText:
    """The best settings, how sure it is, and what was stopped."""

    result: Result

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The lines."""
        result = self.result
        yield Text(f"{'✔' if result.best else '✖'} {headline(result)}", style="bold")
        for sentence in sentences(result):
            yield Text(f"  {sentence}")
        if len(result.ranked) > 1:
            yield Text("")
            yield self._settings()
        if result.trade:
            yield Text("")
            yield self._sizes()
        if result.stopped:
            yield Text("")
            for reason, count, said, named in stops(result):
                yield Text(f"  stopped {count}, {reason}: {said or named}", overflow="fold")

    def _settings(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for axis in self.result.space.axes:
            table.add_column(axis.key, overflow="fold")
        for name in ("validation", "± seeds", "loss", "test"):
            table.add_column(name, justify="right")
        for worth in self.result.ranked[:ROWS]:
            setting = worth.setting
            values = [
                axis.written(setting[axis.key]) if axis.key in setting else "-" for axis in self.result.space.axes
            ]
            mean, spread, loss, test = shown_worth(worth)
            table.add_row(*values, mean, spread or "-", loss, test)
        return table

    def _sizes(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("batch size", justify="right")
        for name in ("best accuracy", "seconds to 99% of the best", "accuracy per second"):
            table.add_column(name, justify="right")
        for row in trade_rows(self.result):
            table.add_row(*row)
        return table
