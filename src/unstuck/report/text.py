"""The verdict in the terminal: as much as fits a screen, the likeliest root cause first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from unstuck.record import Finding, Run, Severity, Verdict, VerdictKind, signals
from unstuck.record.finding import SEVERITIES
from unstuck.report import phrases
from unstuck.report.describe import trainings
from unstuck.report.wording import ENGLISH, Words

__all__ = ["render_text"]

ONE_FINDING_LINES = 23  # of a terminal of 24, so that the prompt fits under it
SEVERAL_FINDINGS_LINES = 40
LABEL_COLUMNS = 15

STYLES: dict[Severity, str] = {"error": "bold red", "warning": "bold yellow", "note": "bold cyan"}
MARKS: dict[Severity, str] = {"error": "✖", "warning": "▲", "note": "●"}
UNSURE = "?"
HEADS: dict[VerdictKind, tuple[str, str]] = {
    "healthy": ("✔", "bold green"),
    "improvable": ("✔", "bold cyan"),
    "not learnt": ("✖", "bold red"),
    "cannot be told": (UNSURE, "bold yellow"),
    "not enough data": (UNSURE, "bold yellow"),
}
"""Mark and style of the first line; of findings those of the gravest."""

ASCII = str.maketrans(
    {
        "✖": "x", "▲": "!", "●": "-", "✔": "+", "…": "...", "·": "-", "–": "-", "—": "-", "−": "-", "×": "x",
        "≥": ">=", "≤": "<=", "≈": "~", "±": "+/-", "‖": "||", "Δ": "d", "→": "->", "‘": "'", "’": "'", "“": '"',
        "”": '"', "•": "-", "√": "sqrt ", "µ": "u", "²": "^2",
    }
)  # fmt: skip
CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if code != 10}


@dataclass(frozen=True, kw_only=True)
class Detail:
    """How much of each finding is said; :data:`DETAILS` goes from everything to the least that still helps."""

    findings: int  #: findings shown at all
    full: int  #: of these, shown with evidence
    evidence: int  #: measurements shown of each
    symptoms: int  #: symptoms shown of each


EVERYTHING = Detail(findings=1_000, full=1_000, evidence=1_000, symptoms=1_000)

DETAILS = (
    Detail(findings=20, full=20, evidence=6, symptoms=6),
    Detail(findings=12, full=12, evidence=3, symptoms=3),
    Detail(findings=10, full=2, evidence=2, symptoms=2),
    Detail(findings=6, full=1, evidence=2, symptoms=1),
    Detail(findings=4, full=1, evidence=1, symptoms=1),
    Detail(findings=3, full=0, evidence=1, symptoms=0),
    Detail(findings=1, full=0, evidence=1, symptoms=0),
)


def render_text(
    verdict: Verdict,
    run: Run,
    *,
    console: Console,
    words: Words = ENGLISH,
    remarks: Sequence[str] = (),
    full: bool = False,
) -> None:
    """Print a verdict to a console.

    It fits the terminal. Where there is none, such as in a log, one finding with its symptoms fits 24 rows of 80
    columns, and several fit 40 rows: what does not fit is counted, and is printed under ``full``, as on the page of
    :func:`unstuck.report.write_html`. Colours appear where the console is a terminal; where its encoding lacks a
    character, ASCII stands for it.

    Args:
        verdict: The verdict of :func:`unstuck.rules.judge`.
        run: The run that it judges.
        console: Where to print.
        words: The language.
        remarks: What else there is to say of the run, below its headline.
        full: Whether everything is printed, however long: each finding with all its evidence, and every check by name.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from unstuck.record import RunWriter, signals
        >>> from unstuck.rules import judge
        >>> folder = Path(tempfile.mkdtemp()) / "first"
        >>> with RunWriter(folder) as writer:
        ...     for step in range(5):
        ...         writer.add(signals.LOSS, step, 2.3 - 0.1 * step)
        >>> with Run.open(folder) as run:
        ...     render_text(judge(run, rules=()), run, console=Console(width=80))
        ? Not enough data for a verdict: only 5 training steps were seen; at least 10
          are needed for a verdict.
        ? No end was recorded: still running, or cut off; the newest steps may be
          missing.
          first · 5 steps so far
          ...
    """
    printer = _Printer(words, encoding=console.encoding)
    allowed = ONE_FINDING_LINES if len(verdict.findings) <= 1 else SEVERAL_FINDINGS_LINES
    if console.is_terminal:
        allowed = max(ONE_FINDING_LINES, console.height - 1)
    lines: list[list[Segment]] = []
    for detail in (EVERYTHING,) if full else DETAILS:
        lines = console.render_lines(Group(*printer.page(verdict, run, detail, remarks)), pad=False)
        if len(lines) <= allowed:
            break
    for line in lines:
        text = Text.assemble(*((segment.text, segment.style or "") for segment in line))
        text.rstrip()  # grids pad their cells, which would end as blanks in a log
        console.print(text, soft_wrap=True)


class _Printer:
    """Builds the parts of the page in one language for one encoding."""

    def __init__(self, words: Words, *, encoding: str) -> None:
        self._words = words
        self._encoding = encoding

    def page(self, verdict: Verdict, run: Run, detail: Detail, remarks: Sequence[str]) -> Iterator[RenderableType]:
        words = self._words
        yield self._head(verdict)
        shown = phrases.learning(verdict)
        if shown:
            yield self._marked("", self._text(shown))
        for sentence in phrases.gaps(verdict):
            yield self._marked(UNSURE, self._text(sentence), "yellow")
        trained = any(stream.has(signals.LOSS) for stream in run.snapshot().streams())
        known = f"{run.name} · {trainings(run, words)}" if trained else run.name
        yield self._marked("", self._text(known, "dim"))
        for sentence in remarks:
            yield self._marked("", self._text(sentence))
        for position, finding in enumerate(verdict.findings[: detail.findings]):
            yield Text()
            yield from self._finding(
                finding, run, detail, full=position < detail.full, thrown=phrases.thrown(finding, verdict)
            )
        rest = verdict.findings[detail.findings :]
        if rest:
            codes = ", ".join(finding.code for finding in rest)
            yield self._marked("", self._text(words.say("finding.more", count=len(rest), codes=codes)))
        if not trained and not verdict.findings and not verdict.clear:
            return  # that nothing was checked then, and what it cost, goes without saying
        yield Text()
        named = detail is EVERYTHING
        yield self._marked("", self._text(phrases.counts(verdict, words, named=named), "dim"))
        if named:
            yield self._rows(self._checks(verdict))
        yield self._marked("", self._text(phrases.cost(verdict, words), "dim"))

    def _head(self, verdict: Verdict) -> RenderableType:
        places = [SEVERITIES.index(finding.severity) for finding in verdict.findings]
        worst = SEVERITIES[min(places, default=-1)]
        mark, style = HEADS.get(verdict.kind, (MARKS[worst], STYLES[worst]))
        return self._marked(mark, self._text(verdict.headline, "bold"), style)

    def _finding(
        self, finding: Finding, run: Run, detail: Detail, *, full: bool, thrown: str
    ) -> Iterator[RenderableType]:
        words = self._words
        style = STYLES[finding.severity]
        head = Text.assemble(
            self._text(words.say(f"severity.{finding.severity}"), style), "  ", self._text(finding.summary, "bold")
        )
        yield self._marked(MARKS[finding.severity], head, style)
        rows = [("finding.where", phrases.place(finding.where, run))]
        if full:
            rows.append(("finding.evidence", self._evidence(finding, detail.evidence)))
            rows.append(("finding.thrown", thrown))
        rows.append(("finding.advice", finding.advice))
        sure = f"{phrases.confidence(finding.confidence, words)} · {finding.code} {finding.cause}"
        rows.append(("finding.confidence", sure))
        rows.append(("finding.confirmed", phrases.confirmation(finding, words)))
        if detail.symptoms:
            rows.append(("finding.symptoms", self._symptoms(finding, detail.symptoms)))
        yield self._rows((words.say(key), value) for key, value in rows)

    def _evidence(self, finding: Finding, most: int) -> str:
        lines = [phrases.evidence(item, self._words) for item in finding.evidence]
        return self._first(lines, most, "finding.more-evidence")

    def _symptoms(self, finding: Finding, most: int) -> str:
        return self._first([self._symptom(one) for one in finding.symptoms], most, "finding.more-symptoms")

    def _symptom(self, symptom: Finding) -> str:
        line = f"{MARKS[symptom.severity]} {symptom.summary} ({symptom.code})"
        tried = phrases.confirmation(symptom, self._words)
        return f"{line}; {self._words.say('finding.confirmed')}: {tried}" if tried else line

    def _first(self, lines: list[str], most: int, more: str) -> str:
        rest = len(lines) - most
        return "\n".join(lines[:most] + ([self._words.say(more, count=rest)] if rest > 0 else []))

    def _checks(self, verdict: Verdict) -> Iterator[tuple[str, str]]:
        yield self._words.say("checked.clear"), ", ".join(phrases.rule_name(code) for code in verdict.clear)
        groups = phrases.unevaluated(verdict.not_evaluated)
        lines = [f"{', '.join(phrases.rule_name(code) for code in group.codes)}: {group.reason}" for group in groups]
        yield self._words.say("checked.unknown.short"), "\n".join(lines)

    def _rows(self, rows: Iterator[tuple[str, str]]) -> Table:
        """Labels with their text beside them; rows without text are left out."""
        table = Table.grid(padding=(0, 1, 0, 0))
        table.add_column(width=1)
        table.add_column(width=LABEL_COLUMNS, style="dim")
        table.add_column(overflow="fold")
        for label, value in rows:
            if value:
                table.add_row("", self._text(label), self._text(value))
        return table

    def _marked(self, mark: str, text: Text, style: str = "") -> Table:
        table = Table.grid(padding=(0, 1, 0, 0))
        table.add_column(width=1)
        table.add_column(overflow="fold")
        table.add_row(self._text(mark, style), text)
        return table

    def _text(self, value: str, style: str = "") -> Text:
        """Text that a terminal shows as it stands: no markup, no control character, nothing outside its encoding."""
        shown = value.translate(CONTROLS)
        try:
            shown.encode(self._encoding)
        except (UnicodeEncodeError, LookupError):
            shown = shown.translate(ASCII).encode("ascii", "backslashreplace").decode("ascii")
        return Text(shown, style=style)
