"""Whether a training learnt anything: the one theory of it, without torch."""

from unstuck.learning.curve import Curve
from unstuck.learning.guess import constant_guess, untrained_loss
from unstuck.learning.learning import Learning
from unstuck.learning.loss_call import batch_size, optimizer_place, single_loss
from unstuck.learning.measured import Measured, seen_late
from unstuck.learning.outcome import Indication, Outcome
from unstuck.learning.relapse import Relapse, lost_numbers
from unstuck.learning.start import expected_start

__all__ = [
    "Curve",
    "Indication",
    "Learning",
    "Measured",
    "Outcome",
    "Relapse",
    "batch_size",
    "constant_guess",
    "expected_start",
    "lost_numbers",
    "optimizer_place",
    "seen_late",
    "single_loss",
    "untrained_loss",
]
