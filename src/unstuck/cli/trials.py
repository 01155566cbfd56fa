"""What is shown while trials are made: a bar on a terminal, a line for each elsewhere."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from unstuck.confirm import Trial

__all__ = ["prove", "shown"]

ENDS = {
    "bound": "made its steps",
    "time": "had its seconds",
    "finished": "ended by itself",
    "late": "did not begin to train in time",
    "killed": "was killed",
}


@contextmanager
def shown(console: Console) -> Generator[_Shown]:
    """Show trials on a console."""
    bar = Progress(
        TextColumn("trial {task.completed:.0f} of {task.total:.0f} or more"),
        BarColumn(),
        TextColumn("{task.description}"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        yield _Shown(console, bar)


def prove(folder: Path, *, minutes: float, yes: bool, html: Path | None = None) -> None:
    """Run ``unstuck confirm`` on a run that has just ended, in a process of its own.

    Args:
        folder: The run.
        minutes: Time for all trials.
        yes: Whether the user need not be asked.
        html: The page to write.
    """
    words = ["confirm", str(folder), "--minutes", f"{minutes:g}", *(["--yes"] if yes else [])]
    page = ["--html", str(html)] if html is not None else []
    subprocess.run([sys.executable, "-m", "unstuck", *words, *page], check=False)


class _Shown:
    def __init__(self, console: Console, bar: Progress) -> None:
        self._console = console
        self._bar = bar
        self._task = bar.add_task("", total=1)

    def begun(self, words: str) -> None:
        self._bar.update(self._task, description=words)

    def ended(self, trial: Trial) -> None:
        how = ENDS.get(trial.ended.how, "")
        if trial.ended.how == "crashed":
            how = f"ended with an error: {trial.last_words}"
        elif not trial.ended.changed:
            how = "did not meet what was to be changed"
        self._console.print(
            f"  {trial.plan.words} (seed {trial.plan.seed}): {how}, {trial.ended.seconds:.1f} s",
            markup=False,
            highlight=False,
        )

    def waiting(self, *, made: int, planned: int, seconds_left: float) -> None:
        self._bar.update(self._task, completed=made, total=max(planned, 1))
