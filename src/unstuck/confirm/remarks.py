"""What limits what trials can show, in sentences."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence

import numpy as np

from unstuck.confirm.candidates import Refused
from unstuck.confirm.reading import FEWEST
from unstuck.confirm.tested import measurable
from unstuck.confirm.trial import Trial
from unstuck.record import Run
from unstuck.record.signals import LOSS
from unstuck.rules.naming import name_trainings
from unstuck.sandbox.overlay import OUTSIDE

__all__ = ["remarks", "repeats"]

SAME = 1e-3
"""Relative difference of the first losses up to which they are the same but for rounding: threads may add in another
order."""

FIRST = 4
"""Steps whose losses are compared: at the first no rate has had an effect, and late ones differ as rounding grows."""


def remarks(
    run: Run,
    stream: Run,
    made: Sequence[Trial],
    refused: Sequence[Refused],
    *,
    changed: Sequence[str] = (),
    variables: Sequence[str] = (),
) -> Iterator[str]:
    """Sentences for the user.

    Args:
        run: The run.
        stream: The training of it that is looked at.
        made: The trials that were made.
        refused: What could not be tried.
        changed: Sources of the program that are not as they were when it was watched.
        variables: Variables that the program names, and that have another value than when it was watched.
    """
    streams = run.snapshot().streams()
    if len([one for one in streams if one.has(LOSS)]) > 1:
        yield f"Of several trainings, {name_trainings(streams)[stream.number]} was looked at."
    control = next((trial for trial in made if trial.plan.bounded_control and trial.plan.seed == 0), None)
    if changed and made:
        yield f"What was tried is the program as it is now: {', '.join(changed)} changed since the run."
    elif control is not None and control.usable and not repeats(stream, control):
        yield _does_not_repeat(variables)
    if control is not None and control.usable and not measurable([control]):
        yield _too_short(control, stream) or (
            "Whether it learns cannot be told by its loss, and it has no answers that are right or wrong: trials could "
            "not be compared, and the findings stay as they are."
        )
    yield from _errors(control, made)
    if control is not None and control.ended.how == "late":
        yield (
            f"Unchanged, it had not made its first update after {control.ended.seconds:.0f} seconds, when the time of "
            "all trials was over, so that nothing could be compared; --minutes gives them more."
        )
    for cause in dict.fromkeys(one.cause for one in refused):
        why = "; ".join(dict.fromkeys(one.why for one in refused if one.cause == cause))
        yield f"Nothing could be tried for {cause}: {why}."


def _does_not_repeat(variables: Sequence[str]) -> str:
    if variables:
        others = f"{', '.join(variables)} {'has another value' if len(variables) == 1 else 'have other values'}"
        return f"Unchanged, it trains otherwise than in the run, for {others} now, with which all was tried."
    return (
        "The program draws other numbers each time that it runs: what is said rests on the draws of its trials, and "
        "not on the run itself."
    )


def _too_short(control: Trial, stream: Run) -> str:
    """What is said of a trial that made too few updates to be read; empty where there were enough."""
    opened = control.open()
    if opened is None:
        return ""
    with opened:
        losses = sum(len(one.series(LOSS)) for one in opened.streams() if one.number == stream.number)
    if losses >= FEWEST or control.ended.how == "finished":
        return ""
    more = "--minutes" if control.ended.how == "cut" else "--seconds"
    return (
        f"Unchanged, it made {losses} updates in {control.ended.seconds:.0f} seconds, too few to be compared; "
        f"{more} gives it more."
    )


def _errors(control: Trial | None, made: Sequence[Trial]) -> Iterator[str]:
    """The errors that trials ended with, each once; that of the unchanged program explains those of the others."""
    crashed = [trial for trial in made if trial.ended.how == "crashed"]
    if control is not None and control.ended.how == "crashed":
        yield f"Unchanged, it now ends with an error: {control.last_words}"
        crashed = [control]
    else:
        first: dict[str, str] = {}
        for trial in crashed:
            first.setdefault(trial.last_words, trial.plan.words)
        for error, words in first.items():
            yield f"{words[0].upper()}{words[1:]} it ends with an error: {error}"
    if any(os.strerror(errno.EROFS) in trial.last_words for trial in crashed):
        yield f"{OUTSIDE[0].upper()}{OUTSIDE[1:]}."


def repeats(stream: Run, control: Trial) -> bool:
    """Whether the first losses of the unchanged trial are those of the run; True where there are none to compare.

    Args:
        stream: The training of the run.
        control: The unchanged trial.
    """
    opened = control.open()
    if opened is None:
        return True
    with opened:
        again = next((one for one in opened.streams() if one.number == stream.number), None)
        new = again.series(LOSS).finite() if again else None
    old = stream.series(LOSS).finite()
    both = [] if new is None else sorted({*old.steps.tolist()} & {*new.steps.tolist()})
    if new is None or not both:
        return True
    first = [step for step in both if step < both[0] + FIRST]
    was, now = (one.values[np.isin(one.steps, first)] for one in (old, new))
    return bool(np.all(np.abs(was - now) <= SAME * np.maximum(np.abs(was), 1e-12)))
