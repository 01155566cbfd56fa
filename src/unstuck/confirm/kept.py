"""Which of the trials beside a run may be compared: those of the same program, arguments, variables and bounds."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from unstuck.confirm.obstacles import named_variables
from unstuck.confirm.trial import Plan, Trial, read_trials
from unstuck.record import Run
from unstuck.record.facts import Invocation
from unstuck.record.invocation import digest, trace

__all__ = ["Terms", "as_it_is_now", "trials_of"]

USUAL = Plan(name="")
"""Its bounds are those that no name of a folder tells."""

SHOWN = 8
"""Letters of a checksum that tell two programs apart."""

Program = tuple[object, ...]


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What trials have in common that are compared with one another.

    Attributes:
        program: What is run, its arguments, and the checksums of its sources and of the variables that it names.
        steps: Updates of each.
        seconds: Seconds of each from its first update.
        stream: The training that is looked at.
    """

    program: Program
    steps: int
    seconds: float
    stream: int

    @classmethod
    def of(cls, plan: Plan) -> Terms:
        """Those of one trial."""
        return cls(program=_program(plan.invocation), steps=plan.steps, seconds=plan.seconds, stream=plan.stream)

    def made(self, run: Path) -> tuple[Trial, ...]:
        """The trials beside a run that were made on these terms."""
        return tuple(trial for trial in read_trials(run) if Terms.of(trial.plan) == self)

    def mark(self, started: Invocation) -> str:
        """What the names of their folders end with, so that they lie beside those that were made on other terms.

        Args:
            started: The program of the run, whose trials with the usual bounds need no mark.

        Examples:
            >>> program = Invocation(target="train.py")
            >>> Terms.of(Plan(name="", invocation=program)).mark(program)
            ''
            >>> Terms.of(Plan(name="", invocation=program, steps=100)).mark(program)
            '-100-steps'
        """
        changed = "" if self.program == _program(started) else f"-program-{_checksum(self.program)}"
        steps = "" if self.steps == USUAL.steps else f"-{self.steps}-steps"
        seconds = "" if self.seconds == USUAL.seconds else f"-{self.seconds:g}-seconds"
        return f"{changed}{steps}{seconds}"


def trials_of(run: Run) -> tuple[Trial, ...]:
    """The trials of the very program that a run has watched, with the bounds that were tried last.

    Args:
        run: The run.
    """
    started = run.program(Invocation)
    own = [trial for trial in read_trials(run.path) if started and _program(trial.plan.invocation) == _program(started)]
    if not own:
        return ()
    last = Terms.of(max(own, key=lambda trial: trial.ended.at).plan)
    return tuple(trial for trial in own if Terms.of(trial.plan) == last)


def as_it_is_now(started: Invocation) -> Invocation:
    """How a program is started, with the checksums that its sources and the variables that it names have now.

    Args:
        started: How it was started.
    """
    named = {*named_variables(started)}
    pairs = zip(started.variables, started.traces, strict=False)
    return replace(
        started,
        digests=tuple(digest(Path(source)) for source in started.sources),
        traces=tuple(trace(name) if name in named else was for name, was in pairs),
    )


def _program(started: Invocation) -> Program:
    sources: Sequence[tuple[str, str]] = sorted(zip(started.sources, started.digests, strict=True))
    return started.target, started.module, started.args, tuple(sources), started.traces


def _checksum(program: Program) -> str:
    return hashlib.sha256(repr(program).encode()).hexdigest()[:SHOWN]
