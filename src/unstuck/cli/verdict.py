"""Judge a run, show the verdict, write the files asked for: the end of every command that has a run."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from unstuck.cli.json_file import write_json
from unstuck.confirm import Trial, figure, trials_of, with_trials
from unstuck.errors import UnstuckError
from unstuck.record import Run, Verdict
from unstuck.report import render_text
from unstuck.rules import judge

if TYPE_CHECKING:
    from unstuck.diagnose import Outcome, StandardError

__all__ = ["REFUSED_EXIT", "STRICT_EXIT", "show", "show_ending"]

REFUSED_EXIT = 2
"""Exit status of what is refused, or cannot be written."""

STRICT_EXIT = 3
"""Exit status of ``--strict`` where there is a finding of severity error, or a training did not learn."""


def show(
    folder: Path,
    *,
    console: Console,
    html: Path | None,
    json_file: Path | None,
    strict: bool,
    full: bool = False,
    reason: str = "",
    failure: str = "",
    remarks: tuple[str, ...] = (),
    trials: Sequence[Trial] | None = None,
    shown: bool = False,
) -> int:
    """Judge and report a run; the files come first, for nobody may be left to read what is printed.

    Args:
        folder: The run.
        console: Where the verdict is printed.
        html: File for the HTML report, if one is wanted.
        json_file: File for the verdict as JSON, if one is wanted.
        strict: Whether a finding of severity error, or a training that did not learn, counts.
        full: Whether every check is listed, and each finding in full.
        reason: Why there can be no verdict, where the caller knows it better than the run shows.
        failure: What ended the observation, where the caller knows of it and the run may not.
        remarks: Sentences about the run to print below its headline.
        trials: Its trials, where they are not those that the run itself has: of a program that was changed since.
        shown: Whether the verdict without trials has been printed just before: one that is the same is not again.

    Returns:
        The exit status: 0; under ``strict`` 3 with a finding of severity error, or where a training did not learn.

    Raises:
        RunError: There is no run, it is damaged, or a file cannot be written.
    """
    with Run.open(folder) as opened:
        run = opened.snapshot()
        trials = trials_of(opened) if trials is None else trials
        experiments = partial(with_trials, trials=trials) if trials else None
        verdict = judge(run, nothing=reason, failure=failure, experiments=experiments)
        try:
            if json_file:
                write_json(json_file, verdict.to_dict())
            page = _write_page(run, verdict, html, trials) if html else None
        finally:
            if shown and verdict.findings == judge(run, nothing=reason, failure=failure).findings:
                console.print("The verdict above stays as it is.", markup=False, highlight=False)
            else:
                render_text(verdict, run, console=console, remarks=remarks, full=full)
        if page is not None:
            console.print(f"Report: {page}", markup=False, highlight=False, soft_wrap=True)
    return STRICT_EXIT if strict and verdict.failed else 0


def _write_page(run: Run, verdict: Verdict, file: Path, trials: Sequence[Trial]) -> Path:
    from unstuck.report import write_html  # plots and templates take a while to import

    return write_html(run, verdict, file, trials=figure(trials) if trials else None)


def show_ending(
    outcome: Outcome, *, stderr: StandardError, json_file: Path | None, strict: bool, full: bool = False
) -> int:
    """Report what a script was, at the end of its process: whatever goes wrong here costs the verdict alone.

    Args:
        outcome: How the script ended.
        stderr: Where the verdict is printed, if it still can be.
        json_file: File for the verdict as JSON, if one is wanted.
        strict: Whether a finding of severity error, or a training that did not learn, counts.
        full: Whether every check is listed, and each finding in full.

    Returns:
        The exit status, if the script's own is 0: 3 under ``strict`` with a finding of severity error or a training
        that did not learn, 2 where the file could not be written.
    """
    if outcome.folder is None:
        return 0
    later = f"unstuck report {shlex.quote(str(outcome.folder))}"
    with stderr.open() as file:
        console = Console(file=file)
        say = partial(console.print, markup=False, highlight=False, soft_wrap=True)
        if outcome.interrupted_again:
            say(f"unstuck: left at once after a second interrupt; {later} gives the verdict")
            return 0
        own_status = outcome.status and not outcome.crashed
        try:
            return show(
                outcome.folder,
                console=console,
                html=None,
                json_file=json_file,
                strict=strict,
                full=full,
                reason=outcome.reason,
                failure=outcome.failure,
                remarks=(f"the script exited with status {outcome.status}",) if own_status else (),
            )
        except UnstuckError as error:
            say(f"unstuck: {error}")
            return REFUSED_EXIT
        except Exception as error:
            say(f"unstuck: no verdict ({type(error).__name__}: {error}); {later} tries again")
            return 0
