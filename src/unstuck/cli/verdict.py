"""Judge a run, show the verdict, write the files asked for: the end of every command that has a run."""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from unstuck.errors import RunWriteError
from unstuck.record import Run, Verdict
from unstuck.report import render_text
from unstuck.rules import judge

__all__ = ["STRICT_EXIT", "Margin", "check_json", "show", "write_json"]

STRICT_EXIT = 3
"""Exit status of ``--strict`` where there is a finding of severity error."""


class Margin(Console):
    """Standard error beside a program of the user's: if nobody reads it any more, its exit status still stands."""

    def __init__(self) -> None:
        super().__init__(stderr=True)

    def on_broken_pipe(self) -> None:
        """Say no more, and let the interpreter flush into nothing at its end."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def show(
    folder: Path,
    *,
    console: Console,
    html: Path | None,
    json_file: Path | None,
    strict: bool,
    reason: str = "",
    failure: Exception | None = None,
) -> int:
    """Judge and report a run; the files come first, for nobody may be left to read what is printed.

    Args:
        folder: The run.
        console: Where the verdict is printed.
        html: File for the HTML report, if one is wanted.
        json_file: File for the verdict as JSON, if one is wanted.
        strict: Whether a finding of severity error counts.
        reason: Why there can be no verdict, where the caller knows it better than the run shows.
        failure: The error that ended the observation, where one did.

    Returns:
        The exit status: 0, or 3 under ``strict`` with a finding of severity error.

    Raises:
        RunError: There is no run, it is damaged, or a file cannot be written.
    """
    with Run.open(folder) as opened:
        run = opened.snapshot()
        verdict = judge(run)
        if reason and verdict.kind == "not enough data":
            verdict = replace(verdict, reason=reason)
        try:
            if json_file:
                write_json(json_file, verdict.to_dict())
            page = _write_page(run, verdict, html) if html else None
        finally:
            if failure is not None:
                message = f"unstuck stopped watching early: {failure}"
                console.print(message, markup=False, highlight=False, soft_wrap=True)
            render_text(verdict, run, console=console)
        if page is not None:
            console.print(f"Report: {page}", markup=False, highlight=False, soft_wrap=True)
    return STRICT_EXIT if strict and any(finding.severity == "error" for finding in verdict.findings) else 0


def _write_page(run: Run, verdict: Verdict, file: Path) -> Path:
    from unstuck.report import write_html  # plots and templates take a while to import

    return write_html(run, verdict, file)


def write_json(file: Path, value: Mapping[str, Any]) -> None:
    """Write plain data as JSON.

    Raises:
        RunWriteError: The file cannot be written.
    """
    with _writing(file):
        file.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def check_json(file: Path | None) -> None:
    """Find out, before hours are spent, whether :func:`write_json` will be able to write a file.

    Raises:
        RunWriteError: The file cannot be written.
    """
    if file is not None:
        with _writing(file):
            there = file.exists()
            file.open("a", encoding="utf-8").close()
            if not there:
                file.unlink()


@contextmanager
def _writing(file: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise RunWriteError(f"--json {file}: cannot be written ({error.strerror}); choose another file") from error
