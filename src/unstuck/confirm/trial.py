"""A trial: a training that is run again for a bounded number of steps, with a change or as it is."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from unstuck.errors import RunError
from unstuck.record import Run
from unstuck.record.facts import Invocation
from unstuck.record.plain import from_plain

__all__ = ["LONGER", "Changes", "Ended", "Plan", "Trial", "is_trial", "read_trials"]

Changes = tuple[tuple[str, Mapping[str, Any]], ...]
"""Name of each remedy with its settings."""

LONGER = "more-steps"
"""The remedy that makes a training longer: its trials go on to the program's own end."""

PLAN, ENDED, OUTPUT, BEGUN = "trial.json", "ended.json", "output.txt", "begun"
"""Files of a trial's folder, beside its run."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a trial is to be.

    Attributes:
        name: That of its folder: ``"learning-rate-0.01-seed0"``.
        changes: Name of each remedy with its settings; none for a control.
        words: The change as the user reads it: ``"with the rate at 0.01"``; ``"unchanged"`` for a control.
        causes: Root causes that are proved if learning is restored by it.
        decides: Whether the changes mend these causes wherever they are one, so that their failure speaks against them.
        turn: Its place among what was planned.
        stream: The training of the run that is looked at.
        seed: Number of the draw, by which every seed that the script sets is moved; 0 repeats the run that was watched.
        steps: Updates after which it ends.
        seconds: Seconds from its first update after which it ends; of one that is made longer, times as many.
        whole: Whether it goes on to the program's own end, whatever the steps.
        invocation: How the program is started.
        recipe: The recipe that is trained in place of a program, as TOML; empty for a program.
    """

    name: str
    changes: Changes = ()
    words: str = "unchanged"
    causes: tuple[str, ...] = ()
    decides: bool = True
    turn: int = 0
    stream: int = 0
    seed: int = 0
    steps: int = 300
    seconds: float = 20.0
    whole: bool = False
    invocation: Invocation = field(default_factory=lambda: Invocation(target=""))
    recipe: str = ""

    @property
    def control(self) -> bool:
        """Whether nothing is changed."""
        return not self.changes

    @property
    def bounded_control(self) -> bool:
        """Whether nothing is changed, and it ends as those do that are compared with it."""
        return self.control and not self.whole

    @property
    def longer(self) -> float:
        """By what its training is made longer; 1 where it is not."""
        return max((settings.get("factor", 1.0) for name, settings in self.changes if name == LONGER), default=1.0)

    def write(self, folder: Path) -> None:
        """Keep it in the trial's folder."""
        (folder / PLAN).write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Plan:
        """The plan in a trial's folder.

        Raises:
            ValueError: There is none, or it is damaged.
        """
        try:
            values: dict[str, Any] = json.loads((folder / PLAN).read_text(encoding="utf-8"))
            values["changes"] = tuple((str(name), dict(settings)) for name, settings in values["changes"])
            values["causes"] = tuple(values["causes"])
            values["invocation"] = from_plain(Invocation, values["invocation"])
            return cls(**values)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{folder}: no plan of a trial ({error})") from error


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a trial ended.

    Attributes:
        how: bound: it made its steps; time: it had its seconds; finished: the program ended by itself; cut: while
            it trained, as the time of all trials was over; late: the same before its first update; crashed: by an
            error; killed: from outside.
        status: Its exit status.
        changed: Whether the changes took effect; True for a control.
        seconds: How long it took, from the start of its process.
        reason: Why nothing was trained, or what ended the observation; empty where that is not so.
        at: When, in seconds since 1970; 0 of trials that earlier releases made.
    """

    how: str
    status: int = 0
    changed: bool = True
    seconds: float = 0.0
    reason: str = ""
    at: float = field(default_factory=time.time, compare=False)

    def write(self, folder: Path) -> None:
        """Keep it in the trial's folder, all of it or nothing."""
        draft = folder / f"{ENDED}.part"
        draft.write_text(json.dumps(asdict(self)) + "\n", encoding="utf-8")
        draft.replace(folder / ENDED)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A trial that has been made.

    Attributes:
        folder: Where its run lies.
        plan: What it was to be.
        ended: How it ended.
    """

    folder: Path
    plan: Plan
    ended: Ended

    @classmethod
    def read(cls, folder: Path) -> Trial | None:
        """The trial in a folder; None where none was made to its end."""
        try:
            values: dict[str, Any] = {"at": 0.0, **json.loads((folder / ENDED).read_text(encoding="utf-8"))}
            ended = Ended(**values)
            return cls(folder=folder, plan=Plan.read(folder), ended=ended)
        except (OSError, ValueError, TypeError):
            return None

    @property
    def usable(self) -> bool:
        """Whether it went as far as it was meant to, with the change that was meant."""
        return self.ended.changed and self.ended.how in ("bound", "time", "finished", "cut")

    @property
    def failed(self) -> bool:
        """Whether an error ended it behind its first update, with the change that was meant."""
        return self.ended.changed and self.ended.how == "crashed" and (self.folder / BEGUN).exists()

    def open(self) -> Run | None:
        """Its run; None where nothing was recorded that can be read."""
        try:
            return Run.open(self.folder)
        except RunError:
            return None

    @property
    def last_words(self) -> str:
        """The end of what it printed, for the error that ended it."""
        try:
            text = (self.folder / OUTPUT).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        lines = [line for line in text.splitlines() if line.strip()]
        return lines[-1].strip() if lines else ""


def is_trial(folder: Path) -> bool:
    """Whether a run is a trial of another one.

    Args:
        folder: The run.
    """
    return (folder / PLAN).exists()


def read_trials(run: Path) -> tuple[Trial, ...]:
    """The trials that were made of a run, in the order of their names.

    Args:
        run: Folder of the run.
    """
    folders = sorted((run / "trials").glob("*/"))
    return tuple(trial for folder in folders if (trial := Trial.read(folder)) is not None)
