"""Make the trials of a run: the control, the candidates, and what follows from them, within the minutes given."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from unstuck.confirm.alone import alone
from unstuck.confirm.candidates import Refused, candidates, finer
from unstuck.confirm.effect import length
from unstuck.confirm.kept import Terms, as_it_is_now
from unstuck.confirm.launcher import Launcher
from unstuck.confirm.longer import why_not_longer
from unstuck.confirm.obstacles import changed_sources, changed_variables, obstacles
from unstuck.confirm.remarks import remarks
from unstuck.confirm.strategy import Strategy
from unstuck.confirm.trial import LONGER, Plan, Trial, is_trial
from unstuck.errors import ArgumentError
from unstuck.learning import Learning
from unstuck.record import Run, Verdict
from unstuck.record.facts import Environment, Invocation, Recipe
from unstuck.record.signals import LOSS

__all__ = ["DEFAULT_MINUTES", "Bounds", "Experiment", "Watcher"]

DEFAULT_MINUTES = 2.0


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How far trials go.

    Attributes:
        minutes: All of them together.
        steps: Updates of each.
        seconds: Seconds of each from its first update.
        jobs: How many run at a time; by default as many as there are cores, four at most, and one on a GPU.
    """

    minutes: float = DEFAULT_MINUTES
    steps: int = 300
    seconds: float = 20.0
    jobs: int | None = None

    def __post_init__(self) -> None:
        for name, value in (("minutes", self.minutes), ("steps", self.steps), ("seconds", self.seconds)):
            if not 0.0 < value < float("inf"):
                raise ArgumentError(
                    f"--{name} {value:g}: a number above 0 is accepted, such as {getattr(Bounds, name):g}"
                )
        if self.jobs is not None and self.jobs < 1:
            raise ArgumentError(f"--jobs {self.jobs}: a number from 1 is accepted")


class Watcher(Protocol):
    """Who is told of trials while they are made."""

    def begun(self, words: str) -> None:
        """A trial began."""

    def ended(self, trial: Trial) -> None:
        """A trial ended."""

    def waiting(self, *, made: int, planned: int, seconds_left: float) -> None:
        """Trials run."""


class Experiment:
    """The trials of one run.

    Args:
        run: The run.
        verdict: The verdict on it.
        bounds: How far trials go.

    Raises:
        ArgumentError: Its program cannot be run again, in a sentence that says why.
    """

    def __init__(self, run: Run, verdict: Verdict, *, bounds: Bounds, anyway: bool = False) -> None:
        self.run = run
        self._folder = run.path.absolute()
        self._bounds = bounds
        self._void = set[str]()
        self.interrupted = False
        """Whether the user has interrupted the trials."""
        if is_trial(run.path):
            raise ArgumentError(
                f"{run.path}: is a trial; `unstuck confirm {self._folder.parent.parent}` makes those of its run"
            )
        started = run.program(Invocation)
        refused = obstacles(started, anyway=anyway)
        if started is None or refused:
            raise ArgumentError(f"{run.path}: cannot be tried again: {refused}")
        self.invocation = as_it_is_now(started)
        self.changed = changed_sources(started)
        """Sources of the program that are not as they were when it was watched."""
        self.changed_variables = changed_variables(started)
        """Variables that it names, and that have another value than when it was watched."""
        self.stream = _stream(run, verdict)
        found, self.refused = candidates(self.stream, verdict)
        recipe = self.stream.fact(Recipe)
        plan = Plan(
            name="",
            invocation=self.invocation,
            steps=bounds.steps,
            seconds=bounds.seconds,
            stream=self.stream.number,
            recipe=recipe.text if recipe else "",
        )
        self._terms = Terms.of(plan)
        self.strategy = Strategy(
            candidates=found,
            finer=lambda candidate, gains: finer(self.stream, candidate, gains),
            control=plan,
            length=length(self.stream),
            mark=self._terms.mark(started),
        )
        self.jobs = bounds.jobs or _jobs(self.stream)
        self._void = _void(self.made)

    @property
    def made(self) -> tuple[Trial, ...]:
        """The trials that lie beside the run, of this experiment or an earlier one of the same program and bounds."""
        return tuple(trial for trial in self._terms.made(self._folder) if trial.plan.name not in self._void)

    @property
    def left(self) -> int:
        """How many trials are planned by what is known now, and not made; none where there is nothing to try."""
        made = self.made
        if not self.strategy.candidates or self.strategy.next(made) is None:
            return 0
        return max(1, self.strategy.planned(made) - len(made))  # some were made that nobody would ask for now

    @property
    def remarks(self) -> tuple[str, ...]:
        """What limits what the trials show, in sentences."""
        made = self.made
        refused = [*self.refused, *self._not_longer(made)]
        changed, variables = self.changed, self.changed_variables
        return tuple(remarks(self.run, self.stream, made, refused, changed=changed, variables=variables))

    def _not_longer(self, made: Sequence[Trial]) -> list[Refused]:
        """That a longer training could not be tried, where it was to be."""
        why = why_not_longer(made, self.strategy.length)
        asked = [one for one in self.strategy.candidates if LONGER in dict(one.changes)]
        return [Refused(cause=cause, remedy=LONGER, why=why) for one in asked for cause in one.causes if why]

    def perform(self, watcher: Watcher, *, clock: Callable[[], float] = time.monotonic) -> tuple[Trial, ...]:
        """Make trials until nothing is left to find out, or the time is over; an interrupt loses what runs only.

        Args:
            watcher: Who is told of them.
            clock: Seconds.

        Raises:
            ArgumentError: Another process makes trials of the run.
        """
        if self.left == 0:
            return self.made
        end = clock() + 60.0 * self._bounds.minutes
        launcher = Launcher(self.invocation, jobs=self.jobs)
        with alone(self._folder / "trials"), self._interruptible(), launcher:
            while True:
                made = self.made
                while launcher.free and clock() < end:
                    plan = self.strategy.next(made, launcher.names)
                    if plan is None or not self._worth_starting(made, end - clock()):
                        break
                    self._void.discard(plan.name)
                    launcher.start(plan, self._folder / "trials" / plan.name)
                    watcher.begun(plan.words)
                if not launcher.names:
                    break
                beginning = not launcher.ready
                for trial in launcher.wait():
                    watcher.ended(trial)
                if beginning:
                    end = clock() + 60.0 * self._bounds.minutes
                if clock() > end:
                    if not _shows_something([one for one in made if one.plan.name not in launcher.names]):
                        for trial in launcher.cut():
                            watcher.ended(trial)
                    break
                watcher.waiting(
                    made=len(made), planned=self.strategy.planned(made), seconds_left=max(0.0, end - clock())
                )
        for trial in self.made:
            if trial.plan.name in launcher.names:  # it ended while the others were ended
                watcher.ended(trial)
        return self.made

    @contextmanager
    def _interruptible(self) -> Generator[None]:
        try:
            yield
        except KeyboardInterrupt:
            self.interrupted = True

    def _worth_starting(self, made: Sequence[Trial], left: float) -> bool:
        """Whether a trial may be expected to end in the time that is left."""
        took = [trial.ended.seconds for trial in made if trial.usable]
        return not took or left > 0.5 * max(took)


def _shows_something(ended: Sequence[Trial]) -> bool:
    """Whether there is a control to compare a change with, or one that came to nothing."""
    controls = [trial for trial in ended if trial.plan.bounded_control]
    changed = any(trial.usable for trial in ended if not trial.plan.control)
    return bool(controls) and (changed or not controls[0].usable)


def _void(made: Sequence[Trial]) -> set[str]:
    """Names of earlier trials that do not count: those killed or cut, and all where the control came to nothing.

    Whatever kept the program from running then, such as a file or a variable that was gone, may be there again.
    """
    failed = any(trial.plan.bounded_control and trial.plan.seed == 0 and not trial.usable for trial in made)
    return {trial.plan.name for trial in made if failed or trial.ended.how in ("killed", "cut", "late")}


def _stream(run: Run, verdict: Verdict) -> Run:
    """The training that is looked at: that of the first finding, or the first that did not learn."""
    streams = [stream for stream in run.snapshot().streams() if stream.has(LOSS)]
    if not streams:
        raise ArgumentError(f"{run.path}: holds no training with a loss, which is what trials are compared by")
    if len(streams) > 1:
        wanted = verdict.findings[0].where.training if verdict.findings else None
        named = [learnt.training for learnt in verdict.learning]
        if wanted in named and len(named) == len(streams):
            return streams[named.index(wanted)]
        return min(streams, key=lambda stream: Learning.of(stream).outcome not in ("none", "partial"))
    return streams[0]


def _jobs(stream: Run) -> int:
    environment = stream.fact(Environment)
    on_gpu = environment is not None and not environment.device.startswith("cpu") and environment.device != ""
    return 1 if on_gpu else max(1, min(4, os.cpu_count() or 1))
