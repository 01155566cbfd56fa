"""The conditions that rules set for judging a run at all; a rule lists its own in ``applies_to``.

Each says in words why a run is not judged. A rule whose gate is closed is not evaluated: its silence would mean
nothing, so that it never stands among those that are clear.
"""

from __future__ import annotations

import numpy as np

from unstuck.learning import Learning
from unstuck.learning.curve import CERTAIN, Curve
from unstuck.learning.evaluations import UNMEASURED, Evaluations
from unstuck.learning.game import IN_A_GAME, in_a_game
from unstuck.learning.moving_targets import targets_move
from unstuck.record import Run, Signal, signals
from unstuck.record.facts import End, Inputs, NonFinite, Optimizer
from unstuck.rules.calls import loss_calls, outcome_of
from unstuck.rules.rate import is_range_test
from unstuck.rules.rule import Gate
from unstuck.rules.step_size import Steps

__all__ = [
    "EVALUATED",
    "FINITE_DATA",
    "MEASURED",
    "NEVER_NEGATIVE",
    "NOT_CRASHED",
    "NOT_DIVERGING",
    "NOT_IDS",
    "NOT_INTERRUPTED",
    "NOT_PRETRAINED",
    "NOT_TURNED",
    "NO_GAME",
    "NO_RANGE_TEST",
    "ONE_LOSS",
    "PLAIN_DESCENT",
    "POOR",
    "SCORED_WHOLE",
    "STEPS_SAMPLED",
    "TARGETS_STAND",
    "YARDSTICK",
    "evaluations",
    "losses",
    "samples",
]


def losses(least: int) -> Gate:
    """At least so many finite losses.

    Examples:
        >>> losses(20).reason
        'fewer than 20 finite losses were recorded'
    """
    return Gate(
        f"fewer than {least} finite losses were recorded" if least > 1 else "no loss was finite",
        lambda run: len(run.series(signals.LOSS).finite()) >= least,
    )


def samples(signal: Signal, least: int, what: str) -> Gate:
    """At least so many finite samples of a signal that has one number a step, named in words."""
    return Gate(f"fewer than {least} {what} were sampled", lambda run: len(run.series(signal).finite()) >= least)


def evaluations(least: int) -> Gate:
    """At least so many evaluations whose loss is known."""
    return Gate(
        f"the loss of fewer than {least} evaluations is known",
        lambda run: len(Evaluations.of(run).losses.finite()) >= least,
    )


def _learning(run: Run) -> Learning | None:
    return Learning.of(run) if len(run.series(signals.LOSS).finite()) else None


def _yardstick(run: Run) -> bool:
    learning = _learning(run)
    return learning is not None and learning.guess is not None


def _untrained(run: Run) -> bool:
    learning = _learning(run)
    return learning is None or not learning.pretrained


def _ended(run: Run, reason: str) -> bool:
    end = run.fact(End)
    return end is not None and end.reason == reason


def _plain_descent(run: Run) -> bool:
    optimizer = run.fact(Optimizer)
    if optimizer is None or optimizer.type in ("Adagrad", "RMSprop", "Rprop", "LBFGS"):
        return False
    return all(not group.momentum and not group.betas for group in optimizer.groups)


def _not_diverging(run: Run) -> bool:
    learning = _learning(run)
    return learning is None or learning.curve.shape != "diverging"


NO_GAME = Gate(IN_A_GAME, lambda run: not in_a_game(run))

NO_RANGE_TEST = Gate("the rate is raised over and over, as a range test does", lambda run: not is_range_test(run))

NOT_PRETRAINED = Gate("the model had learnt before this training began, or the loss has an unknown unit", _untrained)

POOR = Gate("learning went well", lambda run: outcome_of(run) != "good")

NEVER_NEGATIVE = Gate(  # an objective below zero, such as a log-likelihood, has no floor that it is held above
    "the loss falls below zero", lambda run: not (run.series(signals.LOSS).finite().values < 0).any()
)

NOT_DIVERGING = Gate("the loss diverges", _not_diverging)

PLAIN_DESCENT = Gate("the method is not plain gradient descent", _plain_descent)

FINITE_DATA = Gate(
    "the data hold values that are not finite",
    lambda run: not any(fact.what in ("input", "target") for fact in run.facts(NonFinite)),
)

YARDSTICK = Gate("the loss of a constant guess is not known", _yardstick)

NOT_INTERRUPTED = Gate("training was interrupted before its end", lambda run: not _ended(run, "interrupted"))

NOT_CRASHED = Gate("training crashed before its end", lambda run: not _ended(run, "crashed"))

LOSS_CALLED = Gate("no call of a loss function was seen", lambda run: bool(loss_calls(run)))

ONE_LOSS = Gate("no single loss function was seen", lambda run: len({call.function for call in loss_calls(run)}) == 1)

STEPS_SAMPLED = Gate("no update of a weight matrix was sampled", lambda run: len(Steps.of(run)) > 0)

EVALUATED = Gate("no evaluation was seen", lambda run: Evaluations.of(run).count > 0)

MEASURED = Gate(
    f"evaluations were seen, but {UNMEASURED}",
    lambda run: not Evaluations.of(run).count or Evaluations.of(run).measured,
)

NOT_IDS = Gate(
    "neighbours among ids need not have like labels",
    lambda run: not any(fact.kind_of == "ids" for fact in run.facts(Inputs)[-1:]),
)


def _scored_whole(run: Run) -> bool:
    call, sizes = next(iter(loss_calls(run)), None), run.series(signals.BATCH_SIZE).finite().values
    if call is None or not len(sizes):
        return True
    return call.reduction != "none" and all(count >= sizes.min() for count in call.target.shape[:1])


SCORED_WHOLE = Gate(  # else a mask or an index behind the forward pass decides what is trained on
    "the loss takes only some of the examples that pass through the model", _scored_whole
)

TURNED = 0.05
"""Rise of the validation loss above its lowest, as a share of that, from which it has turned (our choice)."""


def _not_turned(run: Run) -> bool:
    validation = Curve.of(Evaluations.of(run).losses)
    if len(validation) < 6:  # three before the turn, and three behind it
        return True
    lowest = float(validation.values[:-3].min())
    rise = float(np.median(validation.values[-3:])) - lowest
    return rise <= max(CERTAIN * validation.noise, TURNED * abs(lowest))


NOT_TURNED = Gate("the validation loss rises already, which more steps would make worse", _not_turned)


TARGETS_STAND = Gate(  # returns of a policy and what a network makes of its own outputs are of no fixed scale
    "the targets move as the model learns", lambda run: not targets_move(run)
)
