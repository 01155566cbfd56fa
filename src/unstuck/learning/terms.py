"""What each of several losses says that are added up: a reconstruction and a divergence, several heads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from unstuck.learning.game import in_a_game
from unstuck.learning.guess import floor, guess
from unstuck.learning.loss_call import batch_size, loss_calls
from unstuck.learning.outcome import MUCH, Indication, Outcome, of_loss
from unstuck.record import Run
from unstuck.record.facts import Graph

__all__ = ["heads_unlearnt", "joined", "of_terms"]

ONE_SIDED = 1.64
"""Standard errors that one in twenty exceeds on one side."""


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
        own = of_loss("loss term", late.value, reference=known.value, floor=least, error=error, step=last)
        found.append(replace(own, layer=call.output.layer))
    return tuple(found)


def heads_unlearnt(run: Run, terms: Sequence[Indication]) -> tuple[Indication, ...]:
    """The terms of output heads that have surely learnt nothing, by none of their losses, while others have.

    None where a gradient may be reversed, as for a classifier of domains that is meant to fail.

    Args:
        run: The run.
        terms: What each term says.
    """
    heads = {term.layer for term in terms if term.layer}
    silent = {head for head in heads if all(_surely_none(term) for term in terms if term.layer == head)}
    if silent == heads or any(function.identity for graph in run.facts(Graph) for function in graph.custom_functions):
        return ()
    return tuple(term for term in terms if term.layer in silent)


def _surely_none(term: Indication) -> bool:
    """Whether a fifth of what there is to learn, or more, can be excluded."""
    least = term.reference - MUCH * (term.reference - term.floor)
    return term.says == "none" and term.value - ONE_SIDED * term.error > least


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
