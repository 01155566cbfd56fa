"""Diagnose every script of the zoo and print how often the diagnosis was right: ``python -m tests.zoo [--seeds 0 1 2]``."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.zoo.process import run_forked
from unstuck.record import Run
from unstuck.rules import judge
from unstuck.rules.engine import FAILED

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ZOO = Path(__file__).parent
MANIFESTS = tuple(
    ZOO / folder / "manifest.toml"
    for folder in (".", "holdout", "fresh", "unusual", "field", "wild", "guest", "strangers")
)
TIMEOUT = 300


@dataclass(frozen=True)
class Case:
    """A script with the root causes that count as right; none where it is healthy."""

    path: Path
    causes: frozenset[str]

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ZOO))


@dataclass(frozen=True)
class Answer:
    """What the diagnosis said of one run of a case."""

    case: Case
    seed: int
    verdict: str
    findings: tuple[tuple[str, str, str, float], ...]
    error: str = ""

    @property
    def alarms(self) -> list[tuple[str, str, str, float]]:
        return [finding for finding in self.findings if finding[2] != "note"]

    @property
    def first(self) -> bool:
        return any(finding[1] in self.case.causes for finding in self.findings[:1])

    @property
    def among_three(self) -> bool:
        return any(finding[1] in self.case.causes for finding in self.findings[:3])


def cases(pattern: str) -> Iterator[Case]:
    """Every script that the manifests list."""
    for manifest in MANIFESTS:
        if not manifest.exists():
            continue
        for entry in tomllib.loads(manifest.read_text(encoding="utf-8"))["script"]:
            causes = frozenset() if entry["kind"] == "healthy" else frozenset({entry["cause"], *entry.get("also", ())})
            case = Case(manifest.parent / entry["path"], causes)
            if pattern in case.name:
                yield case


def diagnose(case: Case, seed: int, runs: Path, *, same: bool) -> Answer:
    """Run one script under ``unstuck run``, or judge again the run of it that is there.

    With ``same`` it also runs plain, and what it prints must be the same byte for byte.
    """
    folder = runs / f"{case.path.parent.relative_to(ZOO)}" / f"{case.path.stem}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "ended").exists():
        shutil.rmtree(folder / "run", ignore_errors=True)
        watched = ["unstuck", "run", "--out", str(folder / "run"), str(case.path)]
        printed: list[bytes] = []
        for command in (watched, [str(case.path)])[: 2 if same else 1]:
            if not run_forked(command, folder, {"SEED": str(seed)}, timeout=TIMEOUT):
                return Answer(case, seed, "timeout", (), "ran out of time")
            printed.append((folder / "stdout").read_bytes())
            if command is watched:
                shutil.copy(folder / "stderr", folder / "watched")
        if len(set(printed)) > 1:
            return Answer(case, seed, "none", (), "PRINTS SOMETHING ELSE WHEN WATCHED")
        (folder / "watched").rename(folder / "ended")
    if not (folder / "run").exists():
        return Answer(case, seed, "none", (), (folder / "ended").read_text(encoding="utf-8", errors="replace")[-300:])
    with Run.open(folder / "run") as run:
        verdict = judge(run)
    found = tuple((f.code, f.cause, f.severity, f.confidence) for f in verdict.findings)
    broken = [f"{code}: {reason}" for code, reason in verdict.not_evaluated.items() if reason.startswith(FAILED)]
    return Answer(case, seed, verdict.kind, found, "; ".join(broken))


def show(answer: Answer) -> None:
    """One line of the table: whether the diagnosis was right, and all that it said."""
    said = ", ".join(f"{code} {cause} {severity[0]}{sure:.1f}" for code, cause, severity, sure in answer.findings)
    if answer.case.causes:
        mark = "first" if answer.first else "in 3 " if answer.among_three else "MISS "
    else:
        mark = "ALARM" if answer.alarms else "quiet"
    print(f"{mark}  {answer.case.name} [{answer.seed}]: {said or answer.verdict} {answer.error}".rstrip(), flush=True)


def report(answers: list[Answer]) -> None:
    """The figures over all answers."""
    sick = [answer for answer in answers if answer.case.causes]
    healthy = [answer for answer in answers if not answer.case.causes]
    sure = [(f[1] in a.case.causes) for a in answers for f in a.findings if f[2] != "note" and f[3] >= 0.9]
    for name, part in (("sick", sick), ("healthy", healthy)):
        print(f"{name}: {len(part)} runs of {len({answer.case.name for answer in part})} scripts")
    if sick:
        print(
            f"first finding right: {sum(a.first for a in sick)} of {len(sick)} = {sum(a.first for a in sick) / len(sick):.1%}"
        )
        print(
            f"among the first three: {sum(a.among_three for a in sick)} = {sum(a.among_three for a in sick) / len(sick):.1%}"
        )
    print(f"false alarms on healthy scripts: {sum(bool(a.alarms) for a in healthy)} of {len(healthy)}")
    if sure:
        print(f"findings given 0.9 or more that are right: {sum(sure)} of {len(sure)} = {sum(sure) / len(sure):.1%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="part of the path")
    parser.add_argument("--kind", choices=("sick", "healthy"), help="those of one kind alone")
    parser.add_argument("--every", type=int, default=1, help="only every n-th script, for a first impression")
    parser.add_argument("--runs", type=Path, help="where runs are kept; those that are there are only judged again")
    parser.add_argument("--same", action="store_true", help="run plain too, and compare what is printed")
    options = parser.parse_args()
    chosen = [case for case in cases(options.only) if options.kind in (None, "sick" if case.causes else "healthy")]
    work = [(case, seed) for seed in options.seeds for case in chosen[:: options.every]]
    answers: list[Answer] = []
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as temporary, ThreadPoolExecutor(options.jobs) as pool:
        runs = (options.runs or Path(temporary)).resolve()
        for answer in pool.map(lambda item: diagnose(*item, runs, same=options.same), work):
            answers.append(answer)
            show(answer)
    report(answers)


if __name__ == "__main__":
    main()
