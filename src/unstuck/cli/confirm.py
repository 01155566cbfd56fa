"""``unstuck confirm``: try the remedies on the training itself, and say by how much each helped."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unstuck.cli.options import INTERRUPTED_EXIT, Full, JsonFile, Minutes, Strict, Yes

if TYPE_CHECKING:
    from rich.console import Console

    from unstuck.confirm import Experiment
    from unstuck.confirm.correction import Given
    from unstuck.confirm.edit import Edit
    from unstuck.confirm.tested import Tested
    from unstuck.confirm.trial import Changes
    from unstuck.record import Finding, Verdict

__all__ = ["confirm"]

NAMED = 6
"""Variables that are named; terminals set many that matter to no training."""

UNTRIED = {"healthy": "it learns", "not enough data": "the training was too short, or too little of it was seen"}
"""Why nothing is tried, by the kind of the verdict."""


def confirm(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run of `unstuck run`.")],
    minutes: Minutes = 2.0,
    steps: Annotated[int, typer.Option(metavar="N", help="Updates of each trial.")] = 300,
    seconds: Annotated[float, typer.Option(metavar="SECONDS", help="Seconds of each from its first update.")] = 20.0,
    jobs: Annotated[
        int | None, typer.Option(metavar="N", help="Trials at a time; by default one a core, 4 at most.")
    ] = None,
    yes: Yes = False,
    apply: Annotated[
        bool, typer.Option("--apply", help="Make the proved change in the source; the file is kept as FILE.orig.")
    ] = False,
    anyway: Annotated[bool, typer.Option("--anyway", help="Also if its source has changed since.")] = False,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write the report as a page too.")] = None,
    json_file: JsonFile = None,
    strict: Strict = False,
    full: Full = False,
    shown: Annotated[bool, typer.Option("--shown", hidden=True)] = False,
) -> None:
    """Run the program of RUN again for a few steps, unchanged and with each remedy, and say what helped."""
    from rich.console import Console

    from unstuck.cli.json_file import check_json
    from unstuck.cli.verdict import show
    from unstuck.confirm import Bounds, Experiment
    from unstuck.errors import ArgumentError
    from unstuck.record import Run
    from unstuck.rules import judge

    console = Console(stderr=True)
    bounds = Bounds(minutes=minutes, steps=steps, seconds=seconds, jobs=jobs)
    check_json(json_file)
    with Run.open(run) as opened:
        verdict = judge(opened)
        experiment = Experiment(opened, verdict, bounds=bounds, anyway=anyway)
        if apply and experiment.changed:
            named = ", ".join(experiment.changed)
            raise ArgumentError(f"--apply: {named} has changed since the run; make the change by hand")
        if experiment.left == 0:
            _say(console, _nothing_left(experiment, verdict))
        elif _agreed(experiment, bounds.minutes, console, yes=yes):
            _perform(experiment, console)
            if experiment.left:
                _say(console, _more(experiment))
        for sentence in experiment.remarks:
            _say(console, sentence)
        trials = experiment.made if experiment.made or experiment.changed else None
        status = show(
            run, console=Console(), html=html, json_file=json_file, strict=strict, full=full, trials=trials, shown=shown
        )
        _correct(experiment, verdict, console, apply=apply)
    raise typer.Exit(INTERRUPTED_EXIT if experiment.interrupted else status)


def _nothing_left(experiment: Experiment, verdict: Verdict) -> str:
    made = len(experiment.made)
    if made == 0:
        why = UNTRIED.get(verdict.kind, "no remedy that can be made from outside belongs to this verdict")
        return f"There is nothing to try: {why}."
    return f"Nothing is left to try: {made} trials were made; remove {experiment.run.path / 'trials'} to begin anew."


def _more(experiment: Experiment) -> str:
    why = "Interrupted" if experiment.interrupted else "The time is over"
    if not experiment.made:
        return f"{why} before a trial had ended" + ("." if experiment.interrupted else "; --minutes gives them more.")
    return (
        f"{why}; what was made is kept, and another `unstuck confirm {experiment.run.path}` goes on with what is left: "
        f"{experiment.left} trials or more, by what is known now."
    )


def _agreed(experiment: Experiment, minutes: float, console: Console, *, yes: bool) -> bool:
    """Whether the user wants the program to be run again.

    Raises:
        ArgumentError: Nobody can be asked, or another process makes trials of the run.
    """
    from unstuck.confirm.alone import refuse_another
    from unstuck.confirm.obstacles import missing_variables
    from unstuck.errors import ArgumentError

    if not (yes or (sys.stdin and sys.stdin.isatty())):
        raise ArgumentError("nobody can be asked whether to run it again: standard input is no terminal; give --yes")
    refuse_another(experiment.run.path / "trials")
    started, bounds = experiment.invocation, experiment.strategy.control
    command = shlex.join(("python", *(["-m"] if started.module else []), started.target, *started.args))
    command = "the recipe" if bounds.recipe else command
    _say(
        console,
        f"{command} will be run again in {started.folder}, {experiment.jobs} at a time, each for {bounds.steps} steps "
        f"or {bounds.seconds:g} seconds: at least {experiment.left} times, for {minutes:g} "
        f"{'minute' if minutes == 1 else 'minutes'} at most. What it writes is thrown away.",
    )
    if started.interpreter and started.interpreter != sys.executable:
        _say(console, f"It ran with {started.interpreter}, and runs with {sys.executable} now.")
    missing = missing_variables(started)
    if missing:
        _say(console, f"Variables of its environment that are not set any more: {_named(missing)}.")
    other = [name for name in experiment.changed_variables if name not in missing]
    if other:
        _say(console, f"Variables that it names, and that have other values than in the run: {_named(other)}.")
    return yes or typer.confirm("Go on?", default=True, err=True)


def _named(variables: Sequence[str]) -> str:
    more = f" and {len(variables) - NAMED} more" if len(variables) > NAMED else ""
    return f"{', '.join(variables[:NAMED])}{more}"


def _correct(experiment: Experiment, verdict: Verdict, console: Console, *, apply: bool) -> None:
    """Show the change that was proved as a diff of the user's source, and make it if that was asked for.

    Raises:
        ArgumentError: It is to be made, and cannot be.
    """
    from unstuck.confirm import results_of, with_trials
    from unstuck.confirm.correction import correction
    from unstuck.confirm.edit import EditError
    from unstuck.errors import ArgumentError

    findings = with_trials(verdict.findings, verdict.learning, experiment.made)
    proved = _proved(findings, results_of(experiment.made))
    if proved is None:
        if apply:
            raise ArgumentError("--apply: no change was proved")
        return
    finding, changes = proved
    try:
        change = correction(changes, finding, experiment.stream)
    except EditError as why:
        if apply:
            raise ArgumentError(f"--apply: {why}; make the change by hand") from why
        _say(console, f"\nNo diff is shown: {why}.")
    else:
        _propose(change, experiment, console, apply=apply)


def _proved(findings: Sequence[Finding], results: Sequence[Tested]) -> tuple[Finding, Changes] | None:
    """The first finding that was confirmed, with the changes that confirmed it."""
    for finding in findings:
        for one in results:
            if finding.confirmed and one.plan.words == finding.confirmed.remedy and finding.cause in one.plan.causes:
                return finding, one.plan.changes
    return None


def _propose(change: Edit | Given, experiment: Experiment, console: Console, *, apply: bool) -> None:
    """Print what to change, and change it if that was asked for."""
    from unstuck.confirm.correction import Given, unchanged
    from unstuck.confirm.correction import apply as make
    from unstuck.errors import ArgumentError

    if isinstance(change, Given):
        _say(console, f"\n{change}")
        if apply:
            raise ArgumentError("--apply: there is nothing to change in the source")
        return
    if not apply and not unchanged(Path(change.file), experiment.run):
        return
    diff = change.diff
    backup = make(change, experiment.run) if apply else None
    _say(console, f"\n{diff}")
    if backup is not None:
        _say(console, f"changed {change.file}; as it was it is kept in {backup}")


def _perform(experiment: Experiment, console: Console) -> None:
    from unstuck.cli.trials import shown

    with shown(console) as watcher:
        experiment.perform(watcher)


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
