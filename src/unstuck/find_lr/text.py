"""What was found, in words: for a terminal and for the page."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from unstuck.find_lr.result import FoundRate

__all__ = ["FoundText", "agreement", "headline", "rows"]


def headline(found: FoundRate) -> str:
    """The answer in a sentence."""
    if found.rate is None or found.band is None:
        return f"No usable rate: {found.why_none}."
    low, high = found.band
    return f"Suggested rate for {found.method}: {found.rate:.2g} ({low:.2g} to {high:.2g} do about as well)."


def agreement(found: FoundRate) -> str:
    """Whether the methods say the same."""
    known = {name: rate for name, rate in found.by_method.items() if rate is not None}
    if not known:
        return "All three methods agree."
    listed = ", ".join(f"{name} {rate:.2g}" for name, rate in known.items())
    missing = [name for name in found.by_method if name not in known]
    if missing:
        return f"The methods do not agree: {' and '.join(missing)} found none ({listed})."
    if found.agree:
        apart = "" if found.factor == 1.0 else f", or at most {found.factor:.1f} times outside of it"
        return f"The three methods agree: all in this band{apart} ({listed})."
    return f"The methods do not agree: the farthest is {found.factor:.0f} times outside of this band ({listed})."


def rows(found: FoundRate) -> Iterator[tuple[str, str, str]]:
    """Method, rate, and what was seen."""
    rate = found.range_test.rate
    yield "range test", _rate(rate), _range_test(found)
    yield "way of the course", _rate(found.course.rate), _threshold(found)
    for number, one in enumerate(found.course.tries, start=1):
        yield f"  try {number}", f"{one.rate:.3g}", str(one).partition(" ")[2]
    for number, done in enumerate(found.short_trainings.rounds):
        name = "short trainings" if number == 0 else ""
        best = f"{done.rates[done.best]:.2g}" if done.learns else "none"
        losses = ", ".join(f"{rate:.2g}: {loss:.3g}" for rate, loss in zip(done.rates, done.reached, strict=True))
        yield name, best, f"loss after {done.steps} updates at {losses}"


def _rate(rate: float | None) -> str:
    return "none" if rate is None else f"{rate:.2g}"


def _range_test(found: FoundRate) -> str:
    test = found.range_test
    if test.starts is None or test.steepest is None or test.lowest is None:
        return "the loss does not fall by more than its noise on the way up"
    worse = "" if test.worse is None else f", and is above its start from {test.worse:.2g}"
    return (
        f"the loss falls from {test.starts:.2g} on, fastest at {test.steepest:.2g}, is lowest at {test.lowest:.2g}, of "
        f"which a {'tenth' if test.late > 3.0 else 'third'} is taken{worse}"
    )


def _threshold(found: FoundRate) -> str:
    course = found.course
    if course.threshold is None:
        return "at no rate tried does the loss fall"
    above = "" if course.too_high is None else f" and no more at {course.too_high:.2g}"
    return f"half of {course.threshold:.2g}, where the loss still falls{above}"


class FoundText:
    """A result as rich prints it.

    Args:
        found: What was found.
    """

    def __init__(self, found: FoundRate) -> None:
        self._found = found

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The answer, the agreement, the record of each method."""
        found = self._found
        yield Text(headline(found), style="bold")
        yield Text(f"  {agreement(found)}", style="" if found.agree else "yellow")
        if found.rate is not None:
            yield Text(f"  In use: {found.in_use:.3g}{_off(found.in_use, found)}")
        yield Text()
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("method", "rate", "what was seen"):
            table.add_column(name, overflow="fold", no_wrap=name != "what was seen")
        for row in rows(found):
            table.add_row(*map(Text, row))
        yield table
        yield Text()
        yield from (Text(f"note: {note}") for note in found.notes)
        yield Text(f"{found.updates:,} updates in {found.seconds:.1f} s; all was put back as it was")


def _off(in_use: float, found: FoundRate) -> str:
    """How far the rate in use is from the band."""
    assert found.band is not None
    low, high = found.band
    if low <= in_use <= high:
        return ", within this band"
    if in_use <= 0.0:
        return ""
    factor = low / in_use if in_use < low else in_use / high
    return f", {factor:.2g} times too {'low' if in_use < low else 'high'}"
