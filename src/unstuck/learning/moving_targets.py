r"""Whether targets move with what is trained, so that a loss of them has no guess and no scale that stands.

Returns are those of the policy that is trained, bootstrapped targets and pseudo-labels are made of the model's own
outputs, a teacher follows its student. Two signs tell of it. What the targets are moves through the training: the level
of their mean over its fifths, or that of their size

.. math:: \ln \sqrt{\bar t^2 + s_t^2},

by more than batches scatter. Or something is trained by a score function: log-probabilities of actions by what these
brought, or a term, or the loss of a training that goes on at the same time, that takes both signs and has no targets. A
log-variance does so too, but beside its exponential, which holds it: such a sum is a divergence, and stands.
Its gradient is that of a mean over what is drawn from the model, and its value has no least one. And a partner that
always stands in one place is sought among candidates that are no outputs of a layer, such as a queue of keys: how hard
that is changes with what is in the queue.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from unstuck.learning.game import meet
from unstuck.learning.guess import of_one_value
from unstuck.learning.loss_call import batch_size, loss_calls
from unstuck.learning.outputs import MADE_BY_LAYERS
from unstuck.learning.policies import of_policy
from unstuck.record import Run, signals
from unstuck.record.facts import LossTerm, LossTerms, PolicyTerm

__all__ = ["targets_move"]

PARTS = 5
"""Parts of a training whose levels are compared."""

FAR = 1.0
"""Standard deviations of the targets that the level of their mean must move by (our choice)."""

TIMES = 2.0
"""Times by which the level of their size must change (our choice)."""

CERTAIN = 4.0
"""Standard errors that a movement must have."""

CHANCE = 6.0
"""The same where a part has too few samples for a scatter: batches may be less mixed than draws."""

SCATTERS = 3
"""Samples of a part from which on it has a scatter."""

SMALL = 8
"""Examples of a batch, below which single means say nothing."""

BOTH = 0.1
"""Share of the losses that must be below zero, and above, for a loss that takes both signs."""

Key = tuple[str, int | None]
"""What a term is known by from step to step: the operation that gives it, and its line."""

FEWEST = 3
"""Samples from which on anything is said."""


def targets_move(run: Run) -> bool:
    """Whether the targets of a training move with it.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from unstuck.testing.rules import record
        >>> returns = {signals.TARGET_MEAN: np.linspace(10, 40, 50), signals.TARGET_STD: [6.0] * 50}
        >>> with record(Path(tempfile.mkdtemp()), series={signals.LOSS: [9.0] * 50, **returns}) as run:
        ...     targets_move(run)
        True
    """
    return run.once(targets_move, lambda: _wander(run) or _scored(run) or _sought(run))


def _wander(run: Run) -> bool:
    """Whether the mean or the size of targets moves."""
    means, stds = run.series(signals.TARGET_MEAN).finite(), run.series(signals.TARGET_STD).finite()
    steps, left, right = np.intersect1d(means.steps, stds.steps, return_indices=True)
    if len(steps) < FEWEST:
        return False
    mean, std = means.values[left], stds.values[right]
    batch, deviation = batch_size(run), float(np.median(std))
    size = np.log(np.maximum(np.hypot(mean, std), 1e-30))
    return _moves(mean, least=FAR * deviation, noise=deviation / math.sqrt(batch), batch=batch) or (
        len(steps) >= SCATTERS * PARTS
        and _moves(size, least=math.log(TIMES), noise=1.0 / math.sqrt(2.0 * batch), batch=batch)
    )


def _moves(values: NDArray[np.float64], *, least: float, noise: float, batch: float) -> bool:
    """Whether the levels of two parts differ by so much at least, and by more than chance gives.

    Args:
        values: One of each batch, in order.
        least: The least difference.
        noise: What independent draws make a value scatter by.
        batch: Examples of a batch.
    """
    parts = np.array_split(values, min(PARTS, len(values)))
    if min(map(len, parts)) < SCATTERS and batch < SMALL:
        return False
    levels, errors = [float(np.median(part)) for part in parts], [_error(part, noise) for part in parts]
    return any(
        abs(levels[a] - levels[b]) > max(least, math.hypot(errors[a], errors[b]))
        for a, b in combinations(range(len(parts)), 2)
    )


def _error(part: NDArray[np.float64], noise: float) -> float:
    """The standard errors of a level that a movement must have."""
    if len(part) < SCATTERS:
        return CHANCE * noise
    return CERTAIN * max(float(part.std(ddof=1)), noise) / math.sqrt(len(part))


def _scored(run: Run) -> bool:
    """Whether this training, or one that goes on at the same time, has a score function."""
    return run.number in run.together(targets_move, _beside_score_functions)


def _beside_score_functions(trainings: Sequence[Run]) -> frozenset[int]:
    """The numbers of the trainings that have a score function, or go on beside one."""
    scored = [run for run in trainings if _has_score_function(run)]
    return frozenset(
        run.number for run in trainings for other in scored if run.number == other.number or meet(run, other)
    )


def _has_score_function(run: Run) -> bool:
    """Whether a policy is trained, or a term that takes both signs."""
    return of_policy(run.facts(PolicyTerm)) or _changing_term(run) or (not loss_calls(run) and _takes_both(run))


def _changing_term(run: Run) -> bool:
    """Whether a term of the loss that has no targets takes both signs, and nothing that is added to it holds it."""
    signs: dict[Key, set[bool]] = {}
    beside: dict[Key, set[Key]] = {}
    looks = run.facts(LossTerms)
    for look in looks:
        known = [term for term in look.terms if not term.function and term.weighted]
        for term in known:
            signs.setdefault(_key(term), set()).add(term.weighted > 0.0)
            beside.setdefault(_key(term), set()).update(_key(other) for other in known if _one_sum(term, other))
    return len(looks) >= FEWEST and any(
        len(signs[key]) == 2 and all(len(signs[other]) == 2 for other in beside[key]) for key in signs
    )


def _key(term: LossTerm) -> Key:
    return term.operation, term.line


def _one_sum(term: LossTerm, other: LossTerm) -> bool:
    """Whether one line adds up two terms element by element, as a divergence of normal distributions does.

    It adds to a log-variance, which takes both signs, its exponential, which does not and outgrows it.
    """
    return bool(term.shape) and (term.shape, term.file, term.line) == (other.shape, other.file, other.line)


def _sought(run: Run) -> bool:
    """Whether one place among scores, which no layer gives, is the right one of every example."""
    calls = [call for call in loss_calls(run) if call.target.type == "class" and of_one_value(call)]
    return any(call.output.operation and call.output.operation not in MADE_BY_LAYERS for call in calls)


def _takes_both(run: Run) -> bool:
    losses = run.series(signals.LOSS).finite().values
    below = float((losses < 0.0).mean()) if len(losses) >= FEWEST else 0.0
    return BOTH < below < 1.0 - BOTH
