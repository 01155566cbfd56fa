"""Confirm the diagnosis of scripts of the zoo by experiment, and print how often that was right.

Run ``python -m tests.zoo.confirm``, or ``make zoo-confirm``. Each script is run once, judged, tried, and judged again
with its trials. Of the whole zoo (``--every 1``) this takes about eight hours on two cores; the default is a sample of
every twentieth script. With ``--runs`` trials are kept, and a second call makes only those that are missing.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.zoo.answers import answer, ended, kept
from tests.zoo.cases import Case, cases
from unstuck.confirm import Bounds, Experiment, Trial, results_of, trials_of, with_trials
from unstuck.errors import UnstuckError
from unstuck.record import Finding, Run
from unstuck.rules import judge

__all__ = ["Confirmed", "confirmed", "summary"]


@dataclass(frozen=True)
class Confirmed:
    """One script, before and after its trials.

    Attributes:
        case: The script.
        before: The findings of the rules.
        after: The same after the trials.
        trials: The trials.
        seconds: How long all of them took.
        refused: Why there were none; empty where there were.
        untold: Causes that were tried without anything that tells what this did.
    """

    case: Case
    before: tuple[Finding, ...] = ()
    after: tuple[Finding, ...] = ()
    trials: tuple[Trial, ...] = ()
    refused: str = ""
    untold: frozenset[str] = frozenset()

    def true(self, finding: Finding) -> bool:
        """Whether a finding names a cause that counts as right."""
        return finding.cause in self.case.causes

    def tried(self, finding: Finding) -> bool:
        """Whether a remedy of a finding was tried, and something tells what it did."""
        return self._tried(finding.cause) and finding.cause not in self.untold

    def told_nothing(self, finding: Finding) -> bool:
        """Whether a remedy of a finding was tried, and nothing tells what it did."""
        return self._tried(finding.cause) and finding.cause in self.untold

    def _tried(self, cause: str) -> bool:
        return any(cause in trial.plan.causes for trial in self.trials if trial.usable)

    @property
    def ratio(self) -> float:
        """Seconds of all trials over those of the control; NaN where there is none."""
        control = next((trial for trial in self.trials if trial.plan.control and trial.usable), None)
        return sum(trial.ended.seconds for trial in self.trials) / control.ended.seconds if control else float("nan")

    def __str__(self) -> str:
        def said(findings: Sequence[Finding]) -> str:
            marks = {True: "+", False: ""}
            return ", ".join(
                f"{marks[one.confirmed is not None]}{'-' if one.refuted else ''}{one.code} {one.cause}"
                for one in findings
            )

        wanted = f" (is {'/'.join(self.case.causes)})" if self.case.sick else " (healthy)"
        tried = ", ".join(f"{trial.plan.name}: {trial.ended.how}" for trial in self.trials if not trial.usable)
        return (
            f"{self.case.name}{wanted}: {said(self.before) or 'nothing'} -> {said(self.after) or 'nothing'}; "
            f"{len(self.trials)} trials {self.refused} {tried}"
        ).rstrip()


def confirmed(case: Case, *, seed: int, runs: Path, bounds: Bounds, try_more: bool = True) -> Confirmed:
    """Run a script, try what there is to try, and judge it before and after.

    Args:
        case: The script.
        seed: Its ``SEED``.
        runs: Where runs and trials are kept.
        bounds: How far trials go.
        try_more: Whether trials are made; otherwise those that are kept are only judged again.
    """
    if try_more:
        answer(case, seed, runs, same=False)
    folder = kept(case, seed, runs) / "run"
    if not folder.exists():
        return Confirmed(case, refused="no run")
    os.environ["SEED"] = str(seed)
    refused = ""
    with Run.open(folder) as run:
        verdict = judge(run)
        try:
            if try_more:
                Experiment(run, verdict, bounds=bounds).perform(_Silent())
        except UnstuckError as error:
            refused = str(error)
        trials = trials_of(run)
    after = with_trials(verdict.findings, verdict.learning, trials)
    return Confirmed(case, verdict.findings, after, trials, refused, _untold(trials))


def _untold(trials: Sequence[Trial]) -> frozenset[str]:
    results = results_of(trials)
    told = {cause for one in results if one.effect.says != "unknown" for cause in one.plan.causes}
    return frozenset(cause for one in results for cause in one.plan.causes) - told


def summary(found: Sequence[Confirmed]) -> str:
    """The figures that are asked for."""
    sick = [one for one in found if one.case.sick]
    healthy = [one for one in found if not one.case.sick]
    tried = [(one, finding) for one in found for finding in _alarms(one.after) if one.tried(finding)]
    true = [finding for one, finding in tried if one.true(finding)]
    false = [finding for one, finding in tried if not one.true(finding)]
    untold = sum(one.told_nothing(finding) for one in found for finding in _alarms(one.after))
    ratios = [one.ratio for one in sick if one.ratio == one.ratio and len(one.trials) > 1]
    lines = [
        _share("findings with a remedy that are true, confirmed", [one.confirmed is not None for one in true]),
        _share("findings with a remedy that are false, confirmed", [one.confirmed is not None for one in false]),
        _share("sick scripts, first finding right before", [_first_right(one, one.before) for one in sick]),
        _share("sick scripts, first finding right after", [_first_right(one, one.after) for one in sick]),
        _share("healthy scripts with a finding before", [bool(_alarms(one.before)) for one in healthy]),
        _share("healthy scripts with a finding after", [bool(_alarms(one.after)) for one in healthy]),
    ]
    if untold:
        lines.append(f"findings with a remedy, of which nothing tells what it did: {untold}, not counted above")
    if ratios:
        lines.append(f"seconds of all trials over those of the control: {statistics.median(ratios):.1f} (median)")
    return "\n".join(lines)


def _first_right(one: Confirmed, findings: Sequence[Finding]) -> bool:
    return bool(findings) and one.true(findings[0])


def _alarms(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple(finding for finding in findings if finding.severity != "note")


def _share(what: str, held: Sequence[bool]) -> str:
    return f"{what}: {sum(held)} of {len(held)}" + (f" = {sum(held) / len(held):.1%}" if held else "")


class _Silent:
    def begun(self, words: str) -> None:
        """Say nothing."""

    def ended(self, trial: Trial) -> None:
        """Say nothing."""

    def waiting(self, *, made: int, planned: int, seconds_left: float) -> None:
        """Say nothing."""


def main() -> None:
    options = _options()
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as temporary:
        runs = (options.runs or Path(temporary)).resolve()
        found: list[Confirmed] = []
        for one in _all_confirmed(_chosen(options, runs), options, runs):
            found.append(one)
            print(one, flush=True)
    print(f"\n{summary(found)}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.zoo.confirm", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="scripts at a time")
    parser.add_argument("--only", default="", help="part of the path")
    parser.add_argument("--kind", choices=("sick", "healthy"), help="those of one kind alone")
    parser.add_argument("--every", type=int, default=20, help="only every n-th script; 1 takes hours")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first of these, counted from 0")
    parser.add_argument("--runs", type=Path, help="where runs and trials are kept")
    parser.add_argument("--kept", action="store_true", help="only judge the trials that are there: run nothing")
    parser.add_argument("--minutes", type=float, default=2.0, help="for the trials of one script")
    return parser.parse_args()


def _chosen(options: argparse.Namespace, runs: Path) -> list[Case]:
    wanted = [
        case
        for case in cases()
        if options.only in case.name and options.kind in (None, "sick" if case.sick else "healthy")
    ]
    return [
        case for case in wanted[options.first :: options.every] if not options.kept or ended(case, options.seed, runs)
    ]


def _all_confirmed(chosen: Sequence[Case], options: argparse.Namespace, runs: Path) -> Iterator[Confirmed]:
    """Each in a process of the pool: a script's trials are made one at a time there."""
    one = partial(
        confirmed,
        seed=options.seed,
        runs=runs,
        bounds=Bounds(minutes=options.minutes, jobs=1),
        try_more=not options.kept,
    )
    with ProcessPoolExecutor(options.jobs, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(one, chosen)


if __name__ == "__main__":
    main()
