"""Whether a training plays a game: it goes on while another one does, and what one learns the other one's loss feels.

Folds, seeds and searches train one after the other; models that are compared may be trained in alternation. Neither is
a game. The two sides of a GAN are: the generator's loss leads through the discriminator.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unstuck.record import Run
from unstuck.record.facts import Graph, Optimizer, Span
from unstuck.record.signals import LOSS

__all__ = ["IN_A_GAME", "beside_another", "in_a_game", "meet"]

IN_A_GAME = "the loss depends on another model, which is trained at the same time"
"""Why a rule that reads progress from the loss is not evaluated then."""


def in_a_game(run: Run) -> bool:
    """Whether a training goes on at the same time as another, and the loss of one leads through the other's weights.

    What was recorded without saying whose weights a loss leads through is taken to be a game. Several optimizers that
    share one loss are no game: they pull one way.
    """
    return run.number in run.together(in_a_game, _players)


def beside_another(run: Run) -> bool:
    """Whether another training with a loss of its own goes on at the same time.

    What that learns may be part of this loss as plain numbers, such as the values that a critic gives to actions.
    """
    return run.number in run.together(beside_another, _beside)


def _beside(trainings: Sequence[Run]) -> frozenset[int]:
    trained = [training for training in trainings if training.has(LOSS)]
    pairs = [(one, other) for one in trained for other in trained if one.number != other.number]
    return frozenset(one.number for one, other in pairs if meet(one, other) and not _share_a_loss(one, other))


def _players(trainings: Sequence[Run]) -> frozenset[int]:
    """The numbers of the trainings that are in a game."""
    trained = [training for training in trainings if training.has(LOSS)]
    return frozenset(
        number
        for one in trained
        for other in trained
        if other.number != one.number and _reaches(one, other) and meet(one, other) and not _share_a_loss(one, other)
        for number in (one.number, other.number)
    )


def _reaches(one: Run, other: Run) -> bool:
    """Whether a loss of one training leads through weights of another; True where that was not recorded."""
    graphs, optimizer = one.facts(Graph), other.fact(Optimizer)
    known = {number for graph in graphs for number in graph.through}
    if known and optimizer is not None and optimizer.number is not None:
        return optimizer.number in known
    return not graphs or any(graph.through_others is not False for graph in graphs)


def meet(one: Run, other: Run) -> bool:
    """Whether two trainings went on at the same time.

    Where the end of one alone is known, the other was cut off with the program, after that; where none is, both were.
    """
    spans = [span for training in (one, other) for span in training.facts(Span)[-1:]]
    if len(spans) < 2:
        return not spans
    return spans[0].began < spans[1].ended and spans[1].began < spans[0].ended


def _share_a_loss(one: Run, other: Run) -> bool:
    first, second = one.series(LOSS), other.series(LOSS)
    _, left, right = np.intersect1d(first.steps, second.steps, return_indices=True)
    return len(left) > 1 and bool(np.array_equal(first.values[left], second.values[right], equal_nan=True))
