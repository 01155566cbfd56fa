"""What is shown while trials are made: a bar on a terminal, a line for each elsewhere."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from unstuck.cli.verdict import STRICT_EXIT
from unstuck.confirm import Trial

__all__ = ["may_prove", "prove", "shown"]

ENDS = {
    "bound": "made its steps",
    "time": "had its seconds",
    "finished": "ended by itself",
    "late": "did not begin to train in time",
    "cut": "was ended, for the time is over",
    "crashed": "ended with an error",
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


def may_prove(*, yes: bool, reads_input: bool = True) -> bool:
    """Whether a training that is about to begin can be run again at its end; where not, the reason is printed.

    Args:
        yes: Whether the user need not be asked.
        reads_input: Whether the program may read standard input, which of a pipe it can do only once.
    """
    from unstuck.record.invocation import standard_input

    kind, _ = standard_input()
    if reads_input and kind == "pipe":
        why = "standard input is a pipe, which can be read once only; give it a file, or </dev/null"
    elif not yes and kind != "terminal":
        why = "standard input is no terminal, at which you could be asked; give --yes"
    else:
        return True
    print(f"unstuck: nothing will be run again after the training: {why}", file=sys.stderr, flush=True)
    return False


def prove(
    folder: Path,
    *,
    minutes: float,
    yes: bool,
    html: Path | None = None,
    json_file: Path | None = None,
    strict: bool = False,
    status: int = 0,
    environment: Mapping[str, str] | None = None,
) -> int:
    """Run ``unstuck confirm`` on a run that has just ended, in a process of its own.

    Args:
        folder: The run.
        minutes: Time for all trials.
        yes: Whether the user need not be asked.
        html: The page to write.
        json_file: File for the verdict as JSON, in place of the one before the trials.
        strict: Whether what the trials leave of the findings counts.
        status: The exit status without trials.
        environment: The variables of its environment, where the program may have changed those of this process.

    Returns:
        The exit status: that of the verdict after the trials where they could be made, else ``status``.
    """
    words = ["confirm", str(folder), "--shown", "--minutes", f"{minutes:g}", *(["--yes"] if yes else [])]
    files = [("--html", html), ("--json", json_file)]
    written = [word for option, file in files if file is not None for word in (option, str(file))]
    asked = ["--strict"] if strict else []
    ended = subprocess.run([sys.executable, "-m", "unstuck", *words, *written, *asked], check=False, env=environment)
    return ended.returncode if ended.returncode in (0, STRICT_EXIT) else status


class _Shown:
    def __init__(self, console: Console, bar: Progress) -> None:
        self._console = console
        self._bar = bar
        self._task = bar.add_task("", total=1)

    def begun(self, words: str) -> None:
        self._bar.update(self._task, description=words)

    def ended(self, trial: Trial) -> None:
        to_its_end = ", to its own end" if trial.plan.control and trial.plan.whole else ""
        how = "did not meet what was to be changed" if _in_vain(trial) else ENDS[trial.ended.how]
        self._console.print(
            f"  {trial.plan.words}{to_its_end} (seed {trial.plan.seed}): {how}, {trial.ended.seconds:.1f} s",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )

    def waiting(self, *, made: int, planned: int, seconds_left: float) -> None:
        self._bar.update(self._task, completed=made, total=max(planned, 1))


def _in_vain(trial: Trial) -> bool:
    return not trial.ended.changed and trial.ended.how != "crashed"
