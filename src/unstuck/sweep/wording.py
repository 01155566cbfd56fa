"""A setting, an outcome and a time in words."""

from __future__ import annotations

from unstuck.sweep.attempt import Outcome, Setting, Try
from unstuck.sweep.space import Space

__all__ = ["left", "outcome_words", "setting_words", "values_words"]


def setting_words(space: Space, attempt: Try) -> str:
    """A try as keys and values, with its seed where that is not the recipe's."""
    words = [values_words(space, attempt.setting)]
    if attempt.seed != space.seed:
        words.append(f"seed {attempt.seed}")
    if attempt.quick:
        words.append("quick")
    return "  ".join(words)


def values_words(space: Space, setting: Setting) -> str:
    """A setting as keys and values."""
    known = (axis for axis in space.axes if axis.key in setting)
    return "  ".join(f"{axis.key}={axis.written(setting[axis.key])}" for axis in known)


def outcome_words(outcome: Outcome) -> str:
    """What came of a try, in a clause.

    Examples:
        >>> outcome_words(Outcome(reason="completed", accuracy=0.98, loss=0.1, epochs=30))
        'accuracy 98.0%, loss 0.1, 30 epochs'
    """
    if outcome.kept:
        accuracy = f"accuracy {outcome.accuracy:.1%}, " if outcome.accuracy is not None else ""
        return f"{accuracy}loss {outcome.loss:.4g}, {outcome.epochs} epochs"
    after = f" after {outcome.epochs} epoch{'s' * (outcome.epochs != 1)}" if outcome.epochs else ""
    code = f" {outcome.code}" if outcome.code else ""
    said = f": {outcome.said}" if outcome.said else ""
    return f"{'stopped' if outcome.reason in ('pruned', 'diverged') else outcome.reason}{after}{code}{said}"


def left(seconds: float) -> str:
    """A time that is left.

    Examples:
        >>> left(4000), left(100), left(3)
        ('about 1 h 7 min left', 'about 2 min left', 'about 3 s left')
    """
    if seconds < 90:
        return f"about {max(seconds, 1):.0f} s left"
    minutes = round(seconds / 60)
    hours = f"{minutes // 60} h " if minutes >= 60 else ""
    return f"about {hours}{minutes % 60} min left"
