"""What checks before a training found: plain data, for the terminal, for JSON and for a page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from unstuck.record.finding import Evidence, Finding, Where
from unstuck.record.verdict import Verdict

__all__ = ["Check", "Checklist", "Curve", "Histogram", "Status"]

Status = Literal["passed", "failed", "noted", "skipped"]
MARKS: Mapping[Status, tuple[str, str]] = {
    "passed": ("✔", "green"),
    "failed": ("✖", "red"),
    "noted": ("!", "yellow"),
    "skipped": ("·", "dim"),
}


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A line of a figure.

    Attributes:
        title: What the figure tells.
        across: What is on the horizontal axis.
        up: What is on the vertical axis.
        x: Positions.
        y: Values.
        labels: Names of the positions, where these are no numbers.
        log_x: Whether the horizontal axis is logarithmic.
        log_y: Whether the vertical axis is.
        mark: The position to point out; None where there is none.
        level: A value to compare with; None where there is none.
    """

    title: str
    across: str
    up: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    labels: tuple[str, ...] = ()
    log_x: bool = False
    log_y: bool = False
    mark: float | None = None
    level: float | None = None


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """How the numbers of one layer are distributed.

    Attributes:
        of: What they are, ``"activations"`` or ``"gradients"``.
        name: The layer or the parameter.
        low: Left end of the first bin.
        high: Right end of the last bin.
        counts: How many lie in each of the equal bins; those that are exactly zero are left out.
        below: How many lie below the first.
        above: How many lie above the last.
        zero: Share of all that is exactly zero.
        spread: Standard deviation of activations, root mean square of gradients.
    """

    of: str
    name: str
    low: float
    high: float
    counts: tuple[int, ...]
    below: int
    above: int
    zero: float
    spread: float


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check.

    Attributes:
        code: Its code, ``"P101"``.
        name: Its name, ``"gradients"``.
        status: passed; failed; noted: worth knowing, no fault; skipped: it does not apply, or could not be made.
        reason: The number and the expectation, in a sentence.
        value: The number measured; None where there is none.
        expected: What it should be, in words.
        tolerance: By how much it may differ, from sampling error; None where there is none.
        advice: What to do; empty where nothing is.
        cause: The root cause of a failure, a slug of causes.toml.
        where: The place of a failure.
        curves: What a page draws of it.
        histograms: Distributions by layer, which a page draws too.
    """

    code: str
    name: str
    status: Status
    reason: str
    value: float | None = None
    expected: str = ""
    tolerance: float | None = None
    advice: str = ""
    cause: str = ""
    where: Where = field(default_factory=Where)
    curves: tuple[Curve, ...] = ()
    histograms: tuple[Histogram, ...] = ()

    def finding(self) -> Finding:
        """A failure as a finding."""
        return Finding(
            code=self.code,
            cause=self.cause,
            severity="error",
            confidence=0.9,
            summary=f"{self.name}: {self.reason}",
            advice=self.advice,
            where=self.where,
            evidence=(
                Evidence(
                    signal=self.name,
                    value=math.nan if self.value is None else self.value,
                    threshold=self.tolerance,
                    note=self.expected,
                ),
            ),
        )


@dataclass(frozen=True)
class Checklist:
    """All checks, in the order in which they were made; prints as a list of ticks and crosses.

    Attributes:
        checks: The checks.
        subject: What was checked, in a line.
        seconds: How long it took.
    """

    checks: tuple[Check, ...]
    subject: str = ""
    seconds: float = 0.0

    def __iter__(self) -> Iterator[Check]:
        return iter(self.checks)

    def __getitem__(self, name: str) -> Check:
        """A check by its name.

        Raises:
            KeyError: There is none of that name.
        """
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(name)

    @property
    def ok(self) -> bool:
        """Whether none failed."""
        return not self.failures

    @property
    def failures(self) -> tuple[Check, ...]:
        """Those that failed."""
        return tuple(check for check in self.checks if check.status == "failed")

    @property
    def headline(self) -> str:
        """What came of all of them, in a sentence."""
        failed = len(self.failures)
        if not failed:
            return "Ready to train: nothing wrong was found."
        return f"{failed} check{'s' if failed > 1 else ''} failed: {self.failures[0].name} first."

    def verdict(self) -> Verdict:
        """The same as a run's verdict; healthy here means ready to train."""
        return Verdict(
            kind="findings" if self.failures else "healthy",
            headline=self.headline,
            findings=tuple(check.finding() for check in self.failures),
            clear=tuple(check.code for check in self.checks if check.status in ("passed", "noted")),
            not_evaluated={check.code: check.reason for check in self.checks if check.status == "skipped"},
            cost={"seconds": self.seconds},
        )

    def to_dict(self) -> dict[str, Any]:
        """The verdict's JSON, and under ``checks`` every check."""
        checks = [{key: _plain(value) for key, value in asdict(check).items()} for check in self.checks]
        return {**self.verdict().to_dict(), "subject": self.subject, "checks": checks}

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(width=1)
        table.add_column(no_wrap=True, style="bold")
        table.add_column(overflow="fold")
        for check in self.checks:
            mark, style = MARKS[check.status]
            table.add_row(Text(mark, style=style), check.name, Text(check.reason))
            if check.advice:
                table.add_row("", "", Text(f"→ {check.advice}", style=style))
        yield table

    def __str__(self) -> str:
        console = Console(width=120, no_color=True, highlight=False)
        with console.capture() as captured:
            console.print(self)
        return "\n".join(line.rstrip() for line in captured.get().splitlines())


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
