"""What each of several losses says that are added up: a reconstruction and a divergence, several heads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unstuck.learning.game import in_a_game
from unstuck.learning.guess import floor, guess
from unstuck.learning.loss_call import batch_size, loss_calls
from unstuck.learning.outcome import Indication, Outcome, of_loss
from unstuck.record import Run

__all__ = ["joined", "of_terms"]


def of_terms(run: Run, *, last: int) -> tuple[Indication, ...]:
    """What each place that calls a loss returned late in the training, against its own guess.

    Terms whose guess or floor is not known are left out, and so are all of a training in a game: its targets may be
    what another one makes.

    Args:
        run: The run.
        last: Its last step.
    """
    if in_a_game(run):
        return ()
    found: list[Indication] = []
    for call in loss_calls(run):
        batch = batch_size(run, call)
        known, least, late = guess(call, batch=batch), floor(call, batch=batch), call.late
        if known is None or least is None or late is None or call.reduction == "none":
            continue
        error = float(np.hypot(late.error, known.error))
        found.append(of_loss("loss term", late.value, reference=known.value, floor=least, error=error, step=last))
    return tuple(found)


def joined(terms: Sequence[Indication], *, falls: bool) -> Outcome:
    """What terms say together: good or none only where they agree.

    Args:
        terms: What each says.
        falls: Whether their sum, with the terms that are not known, surely falls.
    """
    says = {one.says for one in terms} - {"unknown"}
    if says == {"none"}:
        return "unknown" if falls else "none"
    if says == {"good"}:
        return "good"
    return "partial" if says else "unknown"
