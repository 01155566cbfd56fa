"""Whether a training learnt anything: the one theory of it, without torch."""

from unstuck.learning.guess import constant_guess, untrained_loss
from unstuck.learning.learning import Learning
from unstuck.learning.loss_call import IN_A_GAME, batch_size, in_a_game, optimizer_place, single_loss
from unstuck.learning.measured import seen_late
from unstuck.learning.outcome import Indication, Outcome
from unstuck.learning.relapse import Relapse
from unstuck.learning.start import expected_start

__all__ = [
    "IN_A_GAME",
    "Indication",
    "Learning",
    "Outcome",
    "Relapse",
    "batch_size",
    "constant_guess",
    "expected_start",
    "in_a_game",
    "optimizer_place",
    "seen_late",
    "single_loss",
    "untrained_loss",
]
