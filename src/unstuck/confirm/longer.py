"""Whether a training can be made longer: the whole of it must fit a trial, and the program must let it."""

from __future__ import annotations

from collections.abc import Sequence

from unstuck.confirm.effect import length as length_of
from unstuck.confirm.trial import Trial

__all__ = ["ends_in_time", "was_longer", "why_not_longer"]


def ends_in_time(control: Trial, length: int) -> bool:
    """Whether a training may be expected to come to its own end within the seconds that a trial has.

    Args:
        control: The unchanged training, as far as a trial goes.
        length: Updates of the training that was watched.
    """
    if control.ended.how == "finished":
        return True
    spent = control.ended.seconds * length / control.plan.steps  # with the time that it took to start, once for each
    return control.ended.how == "bound" and spent <= control.plan.seconds


def was_longer(made: Sequence[Trial]) -> bool:
    """Whether each trial that was to be longer came to its own end with each pass made again, as far as there are any.

    Args:
        made: The trials that were made.
    """
    return all(trial.ended.changed and trial.ended.how == "finished" for trial in made if trial.plan.longer > 1.0)


def why_not_longer(made: Sequence[Trial], length: int) -> str | None:
    """Why nothing is known of a longer training that was to be tried, as a clause; None where something is, or may be.

    Args:
        made: The trials that were made.
        length: Updates of the training that was watched.
    """
    control = next((trial for trial in made if trial.plan.bounded_control and trial.usable), None)
    if control is not None and control.ended.how != "cut" and not ends_in_time(control, length):
        return "the whole training does not end in the seconds of a trial, of which --seconds gives more"
    longer = next((trial for trial in made if trial.plan.longer > 1.0), None)
    if longer is None:
        return None
    if not longer.ended.changed:
        return "no `for` loop of the program makes its updates, so that it cannot be made longer from outside"
    if longer.ended.how == "crashed":
        return f"made longer, it ends with an error: {longer.last_words}"
    if longer.ended.how == "time":
        return "made longer, it does not end in the seconds that it has, of which --seconds gives more"
    ends = [trial for trial in made if trial.plan.control and trial.ended.how == "finished"]
    if ends and _updates(longer) <= max(map(_updates, ends)):
        return "it counts its updates itself, and ends after as many"
    return None


def _updates(trial: Trial) -> int:
    """Updates that the training of a trial has made."""
    run = trial.open()
    if run is None:
        return 0
    with run:
        streams = [stream for stream in run.streams() if stream.number == trial.plan.stream]
        return max(map(length_of, streams), default=0)
