"""What the diagnosis says of a case: run it under ``unstuck run``, or judge again the run of it that is kept."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tests.zoo.cases import Case
from tests.zoo.process import run_forked
from unstuck.record import Run
from unstuck.rules import judge
from unstuck.rules.engine import FAILED

__all__ = ["Answer", "Said", "answer", "ended", "judged", "kept"]

TIMEOUT = 300
"""Seconds after which a script is ended."""


class Said(NamedTuple):
    """A finding, as far as it counts here."""

    code: str
    cause: str
    severity: str
    confidence: float

    def __str__(self) -> str:
        return f"{self.code} {self.cause} {self.severity} {self.confidence:.2f}"


@dataclass(frozen=True)
class Answer:
    """What the diagnosis said of one run of a case.

    Attributes:
        case: The case.
        seed: Its ``SEED``.
        kind: The kind of the verdict; ``"none"`` where there is no run, ``"timeout"`` where the script took too long.
        said: The findings in their order.
        error: What went wrong, if anything did.
    """

    case: Case
    seed: int
    kind: str
    said: tuple[Said, ...] = ()
    error: str = ""

    @property
    def alarms(self) -> list[Said]:
        """What it says is wrong: its findings without notes."""
        return [said for said in self.said if said.severity != "note"]

    def right(self, among: int) -> bool:
        """Whether one of the first few findings names a cause that counts as right."""
        return any(said.cause in self.case.causes for said in self.said[:among])

    @property
    def false_alarm(self) -> bool:
        """Whether it says that something is wrong with a healthy training, or that it did not learn."""
        return not self.case.sick and (bool(self.alarms) or self.kind == "not learnt")

    @property
    def false_green(self) -> bool:
        """Whether it calls a sick training healthy."""
        return self.case.sick and self.kind == "healthy"

    def __str__(self) -> str:
        if self.case.sick:
            mark = "first" if self.right(1) else "in 3 " if self.right(3) else "GREEN" if self.false_green else "MISS "
        else:
            mark = "ALARM" if self.false_alarm else "quiet"
        said = "; ".join((self.kind, *map(str, self.said)))
        return f"{mark}  {self.case.name} [{self.seed}]: {said} {self.error}".rstrip()


def answer(case: Case, seed: int, runs: Path, *, same: bool) -> Answer:
    """Run one script, unless its run is kept, and judge the run.

    Args:
        case: The case.
        seed: Its ``SEED``.
        runs: Where runs are kept.
        same: Also run it plain: what it prints must be the same byte for byte.
    """
    folder = kept(case, seed, runs)
    if not ended(case, seed, runs):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        script = str(case.write(folder))
        watched = ["unstuck", "run", "--out", str(folder / "run"), script]
        if not _ends(watched, folder, seed):
            return Answer(case, seed, "timeout")
        shutil.copy(folder / "stderr", folder / "watched")
        if same and not _prints_the_same([script], folder, seed):
            return Answer(case, seed, "none", error="PRINTS SOMETHING ELSE WHEN WATCHED")
        (folder / "watched").rename(folder / "ended")
    if not (folder / "run").exists():
        end = (folder / "ended").read_text(encoding="utf-8", errors="replace")[-300:]
        return Answer(case, seed, "none", error=end)
    return judged(case, seed, folder / "run")


def judged(case: Case, seed: int, folder: Path) -> Answer:
    """Judge a run of a case."""
    with Run.open(folder) as run:
        verdict = judge(run)
    said = tuple(Said(found.code, found.cause, found.severity, found.confidence) for found in verdict.findings)
    broken = [f"{code}: {reason}" for code, reason in verdict.not_evaluated.items() if reason.startswith(FAILED)]
    return Answer(case, seed, verdict.kind, said, "; ".join(broken))


def kept(case: Case, seed: int, runs: Path) -> Path:
    """The folder in which a run of a case is kept, with the script and what it printed."""
    return runs / case.name / str(seed)


def ended(case: Case, seed: int, runs: Path) -> bool:
    """Whether a run of a case is kept that went to its end."""
    return (kept(case, seed, runs) / "ended").exists()


def _ends(command: Sequence[str], folder: Path, seed: int) -> bool:
    return run_forked(list(command), folder, {"SEED": str(seed)}, timeout=TIMEOUT)


def _prints_the_same(command: Sequence[str], folder: Path, seed: int) -> bool:
    printed = (folder / "stdout").read_bytes()
    return _ends(command, folder, seed) and (folder / "stdout").read_bytes() == printed
