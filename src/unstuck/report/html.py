"""The report as one HTML page that needs nothing but a browser: no network, no server, no other file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from unstuck._version import __version__
from unstuck.learning.departures import explained
from unstuck.record import CAUSES, Run, Throw, Verdict, facts
from unstuck.record.comparison import Chart
from unstuck.report import cosine, curves, layers, phrases
from unstuck.report.comparison import picture
from unstuck.report.describe import FactRow, LayerRow, fact_rows, layer_rows, one_line, trainings
from unstuck.report.filters import Filters, filters
from unstuck.report.histograms import Histograms, histograms
from unstuck.report.page import Script, static, write_page
from unstuck.report.plot import Plot
from unstuck.report.vitals import vitals
from unstuck.report.wording import ENGLISH, Words

__all__ = ["render_html", "write_html"]

ROWS = 2_000
"""Steps of one plot; a screen has fewer columns of pixels."""
CHAPTERS = 32
"""Trainings of one page: with more it would be too large to be opened."""
SCRIPT_WORDS = ("page.failed", "page.step", "page.toggle")
PLOTS = (
    curves.loss,
    curves.accuracy,
    curves.learning_rate,
    layers.update_ratio,
    curves.gradient_norm,
    cosine.gradient_cosine,
    layers.dead_units,
    layers.saturated_units,
)


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """What the page shows of one training of the run."""

    number: int
    title: str
    plots: tuple[Plot, ...]
    throws: tuple[Throw, ...]
    vitals: tuple[Plot, ...]
    histograms: Histograms
    filters: Filters
    layers: tuple[LayerRow, ...]
    facts: tuple[FactRow, ...]
    recipe: str


def write_html(
    run: Run, verdict: Verdict, path: Path | str, *, words: Words = ENGLISH, trials: Chart | None = None
) -> Path:
    """Write the report of a run as one self-contained HTML file.

    The page holds the verdict with its evidence and advice, then the curves of the training, the distributions of its
    activations, its first-layer filters, its model and its facts. A plot that cannot be drawn says why. Long series are
    thinned without losing a peak, so that the file stays under 1.5 MB. The file appears whole or not at all.

    Args:
        run: The run, finished or still being written.
        verdict: The verdict of :func:`unstuck.rules.judge`.
        path: The file to write; missing folders are made, an earlier file is replaced.
        words: The language.
        trials: Curves of what was tried on the training, if anything was.

    Returns:
        The path of the file.

    Raises:
        ArgumentError: ``path`` is a folder.
        RunWriteError: The file may not be written, or the disk is full.

    Examples:
        >>> import tempfile
        >>> from unstuck.record import RunWriter, signals
        >>> from unstuck.rules import judge
        >>> folder = Path(tempfile.mkdtemp())
        >>> with RunWriter(folder) as writer:
        ...     for step in range(50):
        ...         writer.add(signals.LOSS, step, 2.3 * 0.97**step)
        >>> with Run.open(folder) as run:
        ...     page = write_html(run, judge(run, rules=()), folder / "report.html")
        >>> "The loss fell from 2.3 to 0.51" in page.read_text(encoding="utf-8")
        True
    """
    return write_page(Path(path), render_html(run, verdict, words=words, trials=trials), what="report")


def render_html(run: Run, verdict: Verdict, *, words: Words = ENGLISH, trials: Chart | None = None) -> str:
    """The text of the page that :func:`write_html` writes."""
    run = run.snapshot()
    whole = run.streams() or (run,)
    streams = whole[:: -(-len(whole) // CHAPTERS)]
    rows = ROWS // len(streams)
    with np.errstate(all="ignore"):  # numbers that blew up overflow here too
        chapters = [_chapter(stream, words, rows=rows) for stream in streams]
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            say=words.say,
            place=partial(phrases.place, run=run),
            evidence=partial(phrases.evidence, words=words),
            confidence=partial(phrases.confidence, words=words),
            confirmation=partial(phrases.confirmation, words=words),
            thrown=partial(phrases.thrown, verdict=verdict),
            shown=phrases.learning(verdict),
            gaps=phrases.gaps(verdict),
            counts=phrases.counts(verdict, words, named=True),
            cost=phrases.cost(verdict, words),
            run=run,
            verdict=verdict,
            one_line=trainings(run, words),
            unevaluated=phrases.unevaluated(verdict.not_evaluated),
            causes=CAUSES,
            chapters=chapters,
            trials=picture(trials) if trials else None,
            left_out=words.say("page.chapters", shown=len(streams), count=f"{len(whole):,}")
            if len(streams) < len(whole)
            else "",
            data={
                "charts": {
                    f"{c.number}-{p.id}": p.data() for c in chapters for p in (*c.plots, *c.vitals) if not p.missing
                },
                "maps": {f"{c.number}-{i}": m.data() for c in chapters for i, m in enumerate(c.histograms.maps)},
                "last": {str(c.number): _last_step(c) for c in chapters},
                "words": {key: words.say(key) for key in SCRIPT_WORDS},
            },
            styles=static("uPlot.min.css") + static("report.css"),
            scripts=_scripts(),
            version=__version__,
        )
    )


def _chapter(stream: Run, words: Words, *, rows: int) -> Chapter:
    recipe = stream.fact(facts.Recipe)
    return Chapter(
        number=stream.number,
        title=one_line(stream, words),
        plots=tuple(plot(stream, words, rows=rows) for plot in PLOTS),
        throws=explained(stream),
        vitals=vitals(stream, words, rows=rows // 2),
        histograms=histograms(stream, words),
        filters=filters(stream, words),
        layers=layer_rows(stream, words),
        facts=fact_rows(stream, words),
        recipe=recipe.text if recipe else "",
    )


def _last_step(chapter: Chapter) -> int:
    """The last step of any plot: all plots of a training share their axis of steps."""
    return max((int(block.steps[-1]) for plot in (*chapter.plots, *chapter.vitals) for block in plot.blocks), default=0)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("unstuck.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":"), "ensure_ascii": True}
    environment.filters["rule_name"] = phrases.rule_name
    environment.filters["thousands"] = _thousands
    environment.filters["unbroken"] = _unbroken
    environment.filters["capitalised"] = _capitalised
    return environment


def _unbroken(text: str) -> str:
    """Keep 1e-3 on one line: browsers break after a hyphen, unless a word joiner follows it."""
    return re.sub(r"(?<=\de)-(?=\d)", "-\u2060", text)


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _thousands(count: int) -> str:
    return f"{count:,}"


@cache
def _scripts() -> tuple[Script, ...]:
    """The library uPlot and our own script."""
    licence = f"/*!\n{static('uPlot.LICENSE')}*/\n"  # which asks to stand in every copy, and a page is one
    return (Script.of(licence + static("uPlot.iife.min.js")), Script.of(static("report.js")))
