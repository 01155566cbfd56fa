"""What a sweep shows while it runs: a table that changes on a terminal, lines elsewhere, or nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from unstuck.sweep.attempt import Outcome, Try
from unstuck.sweep.chosen import Tried, first
from unstuck.sweep.space import Space
from unstuck.sweep.wording import left, outcome_words, setting_words
from unstuck.train import Epoch

__all__ = ["Lines", "Quiet", "Screen", "Show", "show_for"]

ROWS = 8
"""Best settings in the table."""

REFRESHES = 4
"""Redrawings of the table in a second."""


class Show(Protocol):
    """What a sweep tells whoever watches it."""

    def say(self, line: str) -> None:
        """Show a line."""
        ...

    def known(self, known: Mapping[str, Tried]) -> None:
        """What is known by now, of others too."""
        ...

    def began(self, tries: Sequence[Try]) -> None:
        """Tries begin."""
        ...

    def epoch(self, attempt: Try, epoch: Epoch) -> None:
        """A try has made an epoch."""
        ...

    def ended(self, attempt: Try, outcome: Outcome, known: Mapping[str, Tried]) -> None:
        """A try is over."""
        ...

    def end(self) -> None:
        """The sweep is over, however it ended."""
        ...


def show_for(console: Console, space: Space, *, expected: int) -> Show:
    """A table on a terminal, lines elsewhere.

    Args:
        console: Where it is shown.
        space: What is swept.
        expected: Tries that there will be, about.
    """
    return (Screen if console.is_terminal else Lines)(console, space, expected)


class Quiet:
    """Show nothing."""

    def say(self, line: str) -> None:
        """Show nothing."""

    def known(self, known: Mapping[str, Tried]) -> None:
        """Show nothing."""

    def began(self, tries: Sequence[Try]) -> None:
        """Show nothing."""

    def epoch(self, attempt: Try, epoch: Epoch) -> None:
        """Show nothing."""

    def ended(self, attempt: Try, outcome: Outcome, known: Mapping[str, Tried]) -> None:
        """Show nothing."""

    def end(self) -> None:
        """Show nothing."""


class _Clock:
    """The time left, by the tries that were made here and those that others have made meanwhile."""

    def __init__(self, expected: int) -> None:
        self._expected, self._began = expected, time.monotonic()
        self._at_first: int | None = None
        self.done = 0

    def count(self, known: Mapping[str, Tried]) -> None:
        self.done = len(known)
        self._at_first = self.done if self._at_first is None else self._at_first

    @property
    def said(self) -> str:
        made = self.done - (self._at_first or 0)
        remaining = max(self._expected - self.done, 0)
        return left((time.monotonic() - self._began) / made * remaining) if made and remaining else ""


class Lines:
    """One plain line a try, for a log."""

    def __init__(self, console: Console, space: Space, expected: int) -> None:
        self._console, self._space = console, space
        self._clock = _Clock(expected)

    def say(self, line: str) -> None:
        """Print the line as it is, however narrow the console."""
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def known(self, known: Mapping[str, Tried]) -> None:
        """Count what is known."""
        self._clock.count(known)

    def began(self, tries: Sequence[Try]) -> None:
        """Say how many are made together, where there are several."""
        if len(tries) > 1:
            self.say(f"{tries[0].stage}: {len(tries)} settings")

    def epoch(self, attempt: Try, epoch: Epoch) -> None:
        """Nothing is shown of single epochs."""

    def ended(self, attempt: Try, outcome: Outcome, known: Mapping[str, Tried]) -> None:
        """Print what came of it, and the best so far."""
        self._clock.count(known)
        best = first(one for one in known.values() if one.attempt.whole == attempt.whole)
        parts = [f"{self._clock.done:>3}", setting_words(self._space, attempt), outcome_words(outcome)]
        if best and best.attempt.key == attempt.key:
            parts.append("the best so far")
        self.say("  ".join([*parts, self._clock.said]).rstrip())

    def end(self) -> None:
        """Nothing is left to show."""


class Screen:
    """A table of the best settings so far, with what is being tried, what was stopped, and the time left."""

    def __init__(self, console: Console, space: Space, expected: int) -> None:
        self._console, self._space = console, space
        self._clock = _Clock(expected)
        self._known: Mapping[str, Tried] = {}
        self._trying: dict[str, str] = {}
        self._live = Live(console=console, refresh_per_second=REFRESHES, get_renderable=self._drawn)

    def say(self, line: str) -> None:
        """Print the line above the table."""
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def known(self, known: Mapping[str, Tried]) -> None:
        """Show what is known."""
        self._known = dict(known)
        self._clock.count(known)
        self._live.start()

    def began(self, tries: Sequence[Try]) -> None:
        """Show what is being tried."""
        self._trying = {attempt.key: setting_words(self._space, attempt) for attempt in tries}

    def epoch(self, attempt: Try, epoch: Epoch) -> None:
        """Show how far it is."""
        self._trying[attempt.key] = f"{setting_words(self._space, attempt)}, epoch {epoch.number}"

    def ended(self, attempt: Try, outcome: Outcome, known: Mapping[str, Tried]) -> None:
        """Show it among the others."""
        self._trying.pop(attempt.key, None)
        self.known(known)

    def end(self) -> None:
        """Leave the table where it stands."""
        self._trying.clear()
        self._live.stop()

    def _drawn(self) -> Group:
        tried = list(self._known.values())
        whole = any(one.attempt.whole and one.outcome.kept for one in tried)
        kept = [one for one in tried if one.outcome.kept and one.attempt.whole == whole]
        best = sorted(kept, key=lambda one: one.outcome.worth, reverse=True)[:ROWS]
        table = Table(
            "", *self._space.keys, "validation", "loss", "epochs", box=None, pad_edge=False, header_style="bold"
        )
        for place, one in enumerate(best):
            setting = one.attempt.setting
            values = [axis.written(setting[axis.key]) if axis.key in setting else "-" for axis in self._space.axes]
            worth = "-" if one.outcome.accuracy is None else f"{one.outcome.accuracy:.1%}"
            row = ("best" if not place else "", *values, worth, f"{one.outcome.loss:.4g}", str(one.outcome.epochs))
            table.add_row(*row, style="bold" if not place else "")
        stopped = sum(not one.outcome.kept for one in tried)
        said = [f"{len(tried)} tried", f"{stopped} of them stopped early" if stopped else "", self._clock.said]
        doing = next(reversed(self._trying.values()), "")
        more = f" and {len(self._trying) - 1} more" if len(self._trying) > 1 else ""
        return Group(
            table, Text(", ".join(filter(None, said))), Text(f"{doing}{more}", style="dim", overflow="ellipsis")
        )
