"""Whether a training learnt anything: the one theory of it, without torch."""

from unstuck.learning.learning import (
    IN_A_GAME,
    Learning,
    Outcome,
    batch_size,
    constant_guess,
    expected_start,
    in_a_game,
    optimizer_place,
    seen_late,
    single_loss,
    untrained_loss,
)

__all__ = [
    "IN_A_GAME",
    "Learning",
    "Outcome",
    "batch_size",
    "constant_guess",
    "expected_start",
    "in_a_game",
    "optimizer_place",
    "seen_late",
    "single_loss",
    "untrained_loss",
]
