"""Is the advice right? Trains with a wrong constant, obeys the first number of the diagnosis once, and trains again.

Run ``python benchmarks/advice.py``, or ``--only NAME...`` for some kinds of constant. Rates are wrong by powers of ten,
from a thousandth to a thousand times the best rate of a sweep; other constants by what is written in :data:`OTHERS`.
The best loss is that of the sweep of the constant in question, with all others as they are. What a training gained is
measured between the loss of a constant guess and that best loss (:func:`advice_problems.left`). All is seeded, and
watched at every step, so that the figures do not depend on the machine's speed.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cache
from io import StringIO
from pathlib import Path

import torch
from advice_problems import PROBLEMS, Setting, left, train
from rich.console import Console
from torch import nn

import unstuck
from unstuck.record import Finding, Run
from unstuck.rules import judge

WITHIN = 0.05
"""Share of the best gain that obeying once may leave."""

METHODS = ("SGD", "momentum", "Adam")
FACTORS = tuple(10.0**power for power in range(-3, 4))
RATES = tuple(10.0 ** (power / 2) for power in range(-8, 4))

OTHERS: dict[str, tuple[tuple[str, tuple[float, ...], tuple[float, ...]], ...]] = {
    "weight_decay": (
        ("SGD", (0.1, 1.0), (0.0, 1e-4, 1e-3, 1e-2)),
        ("AdamW", (10.0, 100.0), (0.0, 1e-3, 1e-2, 1e-1, 1.0)),
    ),
    "batch_size": (("SGD", (1, 1500), (8, 32, 128)),),
    "max_norm": (("SGD", (1e-4, 1e-2), (0.1, 1.0, 10.0)),),
    "eps": (("Adam", (1.0, 100.0), (1e-8, 1e-6, 1e-4)),),
    "momentum": (("momentum", (0.999,), (0.0, 0.5, 0.9, 0.95)),),
}
"""Of each constant: the method, values that are wrong, and those of the sweep."""

NUMBER = re.compile(
    r"\b(lr|weight_decay|momentum|eps|batch_size|max_norm)=(\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?![\de]|\.\d| (?:at|in|with) )"
)
"""A constant with its value, unless it is said where that stands."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A training with one wrong constant, and the settings among which the best is sought."""

    problem: str
    constant: str
    wrong: Setting
    sweep: tuple[Setting, ...]
    off: float | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a case: what is left of the gain before and after, and what was said."""

    kind: str
    before: float
    after: float
    said: str


@cache
def end_of(problem: str, setting: Setting) -> float:
    return train(PROBLEMS[problem](), setting)


def best_of(problem: str, sweep: Sequence[Setting]) -> tuple[Setting, float]:
    """The setting of the lowest loss at the end, and that loss."""
    best = min(sweep, key=lambda setting: end_of(problem, setting))
    return best, end_of(problem, best)


def rates(problem: str, method: str) -> tuple[Setting, ...]:
    return tuple(Setting(method=method, lr=lr) for lr in RATES)


def cases(constants: Sequence[str], problems: Sequence[str]) -> Iterator[Case]:
    """All cases of these constants in these problems."""
    for problem in problems:
        for method in METHODS if "lr" in constants else ():
            sweep = rates(problem, method)
            best, _ = best_of(problem, sweep)
            for factor in FACTORS:
                wrong = replace(best, lr=float(f"{best.lr * factor:.3g}"))
                yield Case(problem=problem, constant="lr", wrong=wrong, sweep=sweep, off=factor)
        for constant in (name for name in OTHERS if name in constants):
            for method, wrongs, rights in OTHERS[constant]:
                best, _ = best_of(problem, rates(problem, method))
                sweep = tuple(replace(best, **{constant: value}) for value in rights)
                for value in wrongs:
                    yield Case(
                        problem=problem, constant=constant, wrong=replace(best, **{constant: value}), sweep=sweep
                    )


def diagnosed(problem: str, setting: Setting) -> tuple[float, tuple[Finding, ...]]:
    """Train while it is watched: the loss at the end, and what was found, without mere notes."""
    with tempfile.TemporaryDirectory() as folder:

        def watch(model: nn.Module, optimizer: torch.optim.Optimizer) -> AbstractContextManager[object]:
            return unstuck.watch(model, optimizer, out=folder, budget=1.0, console=Console(file=StringIO()))

        end = train(PROBLEMS[problem](), setting, watch)
        with Run.open(Path(folder)) as run:
            findings = judge(run).findings
    return end, tuple(finding for finding in findings if finding.severity != "note")


def obeyed(setting: Setting, findings: Sequence[Finding]) -> Setting | None:
    """The setting with the first number that is advised; None where none is."""
    for finding in findings:
        found = NUMBER.search(finding.advice)
        if found is not None:
            name, value = found[1], float(found[2])
            return replace(setting, **{name: int(value) if name == "batch_size" else value})
    return None


def tried(case: Case) -> Outcome:
    """Diagnose a case, and obey."""
    problem = PROBLEMS[case.problem]()
    _, best = best_of(case.problem, case.sweep)
    end, findings = diagnosed(case.problem, case.wrong)
    before = after = left(problem, end, best)
    said = findings[0].cause if findings else ""
    right = before <= WITHIN
    if not findings:
        return Outcome(kind="healthy" if right else "missed", before=before, after=after, said=said)
    better = obeyed(case.wrong, findings)
    if better is None:
        return Outcome(kind="no number", before=before, after=after, said=f"{said}: {findings[0].advice[:60]}")
    after = left(problem, end_of(case.problem, better), best)
    changed = [name for name in vars(better) if vars(better)[name] != vars(case.wrong)[name]]
    said += "".join(f": {name}={vars(better)[name]:.3g}" for name in changed)
    if after > before + WITHIN:
        kind = "worse"
    else:
        kind = "right" if after <= WITHIN else "better" if after < before - WITHIN else "no use"
    return Outcome(kind=kind, before=before, after=after, said=said)


def summary(outcomes: Sequence[Outcome]) -> str:
    """The shares that the goals speak of."""
    kinds = Counter(outcome.kind for outcome in outcomes)
    advised = sum(kinds[kind] for kind in ("right", "better", "no use", "worse"))
    share = f"{kinds['right'] / advised:.0%}" if advised else "none"
    return (
        f"{len(outcomes)} cases: {advised} advised a number, of which {share} come within {WITHIN:.0%} of the best "
        f"(goal 90%), {kinds['better']} become better, {kinds['no use']} stay, {kinds['worse']} become worse (goal 0); "
        f"{kinds['no number']} without a number, {kinds['missed']} missed, {kinds['healthy']} healthy and called so"
    )


def main() -> None:
    """Try all cases, and print the table and the shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    constants = ("lr", *OTHERS)
    parser.add_argument("--only", nargs="+", default=constants, choices=constants, metavar="NAME")
    parser.add_argument("--problems", nargs="+", default=list(PROBLEMS), choices=list(PROBLEMS), metavar="NAME")
    options = parser.parse_args()
    torch.set_num_threads(1)
    outcomes: list[Outcome] = []
    print(f"{'problem':12}{'method':10}{'constant':22}{'off by':>8}{'before':>9}{'after':>8}  {'outcome':10}said")
    for case in cases(options.only, options.problems):
        outcome = tried(case)
        outcomes.append(outcome)
        value = vars(case.wrong)[case.constant]
        off = f"{case.off:g}" if case.off else ""
        print(
            f"{case.problem:12}{case.wrong.method:10}{case.constant + f'={value:.3g}':22}{off:>8}"
            f"{outcome.before:9.3g}{outcome.after:8.3g}  {outcome.kind:10}{outcome.said}",
            flush=True,
        )
    print(summary(outcomes))


if __name__ == "__main__":
    main()
