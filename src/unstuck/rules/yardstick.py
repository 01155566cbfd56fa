"""Whether a training loss can say how far a training got, and if not, why."""

from __future__ import annotations

from unstuck.learning import Learning
from unstuck.learning.game import IN_A_GAME, in_a_game
from unstuck.learning.guess import floor
from unstuck.learning.moving_targets import targets_move
from unstuck.learning.policies import acts, of_policy
from unstuck.record import Run
from unstuck.record.facts import Bootstrap, EvaluatedLoss, Event, Loss, PolicyTerm
from unstuck.rules.calls import loss_calls
from unstuck.rules.copying import copying
from unstuck.rules.rate import is_range_test
from unstuck.rules.unseen import behind, words_of

__all__ = ["evaluation_would_tell", "lacking_yardstick"]

NEGATIVE = 1e-3
"""Share of its scale by which a loss must lie below zero: rounding can make a zero negative."""


def lacking_yardstick(run: Run, learning: Learning) -> str:
    """Why the training loss says nothing of learning; empty where it does."""
    if in_a_game(run):
        return IN_A_GAME
    if is_range_test(run):
        return "the rate was raised step by step, to find the one at which training diverges"
    if run.facts(Bootstrap):
        return (
            "the targets are made of the model's own outputs, and move with them; the return of episodes, played "
            "greedily, would tell"
        )
    if copying(run, learning) is not None:
        return "the target is the input of the model, so that copying lowers the loss and shows nothing"
    if of_policy(run.facts(PolicyTerm)):
        return "the value of a policy gradient's loss says nothing; the return of episodes would tell"
    calls = loss_calls(run)
    if not calls and (blind := _blind(run)):
        return f"the loss function was not seen ({blind})"
    if not calls:
        return "the objective is of the script's own making, and its best value is not known"
    if learning.curve.values.min() < -NEGATIVE * learning.curve.scale:
        return "the objective falls below zero, so that its best value is not known"
    if learning.accuracy is None and targets_move(run):
        return "the targets move as the model learns, and the loss with them"
    if learning.guess is None and learning.accuracy is None:
        unknown = sorted({str(call.function) for call in calls if floor(call, batch=1.0) is None})
        if unknown:
            return f"the best value of {', '.join(unknown)} is not known"
    return ""


def evaluation_would_tell(run: Run) -> bool:
    """Whether a loss or an accuracy of other examples would show what was learnt, if the program computed one.

    Not where none could be seen, or one was, nor of what is learnt by playing, by copying, in a range test, or of
    targets that move.
    """
    unseen = any(event.blinds for event in run.facts(Event)) or behind(run, EvaluatedLoss) is not None
    if unseen or in_a_game(run) or is_range_test(run) or run.facts(Bootstrap) or acts(run):
        return False
    learning = Learning.of(run)
    if learning.accuracy is None and targets_move(run):
        return False
    return not learning.evaluations and (not len(learning.curve) or copying(run, learning) is None)


def _blind(run: Run) -> str:
    """Why calls of loss functions may not have been seen; empty where they would have been."""
    failure = behind(run, Loss)
    if failure is not None:
        return words_of(failure)
    return next((event.what.rstrip(".") for event in run.facts(Event) if event.blinds), "")
