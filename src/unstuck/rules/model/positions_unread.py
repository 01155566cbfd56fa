"""M307: no output depends on a good part of the positions of its sequence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Finding, NotEvaluated, Run
from unstuck.record.facts import AttentionCall, Model, SequenceReach
from unstuck.rules.calls import outcome_of
from unstuck.rules.rule import Rule

__all__ = ["PositionsUnread"]


RECURRENT = ("RNN", "LSTM", "GRU")


@dataclass(frozen=True, kw_only=True)
class PositionsUnread(Rule):
    """A part of each sequence is never read: it is cut, lies beyond a window, or cannot be seen by the output.

    Detects:
        Sequences that are longer than what the model looks at; the output of the first position behind a causal mask,
        which sees itself alone; a recurrence whose gradient is gone before it comes to the beginning.

    Why it matters:
        What is said there cannot be learnt. Nothing raises: the shapes of what is left agree.

    Evidence:
        One extra backward pass from the outputs to the vectors of the ids: positions at which the gradient is zero in
        every example of the batch, padding left out.

    Known false positives:
        Models that look at the end of a long text on purpose. Where learning goes well, nothing is said; where it goes
        well in part, or a recurrence may have let the gradient vanish, a note.

    Try:
        Longer windows, or several layers of them; cut at the end that matters less; the output of the last position, or
        the mean of all, in place of the first behind a causal mask.

    References:
        Karpathy, "A recipe for training neural networks", 2019: "use backprop to chart dependencies".
    """

    code = "M307"
    name = "positions unread"
    cause = "mask-wrong"
    needs = (SequenceReach,)

    share: float = 0.2  #: share of the positions that no output depends on (our choice)
    fewest: int = 8  #: positions of a sequence, of fewer a convolution may leave out the last ones (our choice)

    def check(self, run: Run) -> Iterator[Finding | NotEvaluated]:
        """Judge one stream of a run."""
        known = [fact for fact in run.facts(SequenceReach) if fact.unread is not None and fact.length >= self.fewest]
        if not known:
            yield NotEvaluated(reason="no sequence with one output was followed back to its ids")
            return
        fact, outcome = known[-1], outcome_of(run)
        given = fact.length + fact.cut
        unread = min(_unread(one) for one in known)
        if unread < self.share or outcome not in ("none", "partial"):
            return
        count = round(unread * given)
        alone = count >= given - 1
        sure = outcome == "none" and (fact.cut > 0 or not _recurs(run))
        masked = alone and any(call.before and not call.behind for call in run.facts(AttentionCall))
        yield self.about(
            fact,
            f"no output depends on {count} of the {given} positions of a sequence"
            + (": behind the causal mask the first position sees itself alone" if masked else ""),
            "Take the output of the last real position, or the mean of all: the first sees nothing behind it."
            if masked
            else "Look for a slice, a maximum of the length or a window that leaves them out, and make it longer, or "
            "cut sequences at the end that matters less.",
            value=unread,
            threshold=self.share,
            note="share of the positions at which the gradient of the outputs is zero in each example",
            severity="warning" if sure else "note",
            confidence=0.75 if sure else 0.5,
        )


def _recurs(run: Run) -> bool:
    """Whether a recurrence leads from position to position, whose gradient may have become zero on the way."""
    model = run.fact(Model)
    return model is not None and any(layer.type in RECURRENT for layer in model.layers)


def _unread(fact: SequenceReach) -> float:
    """Share of the positions that were given to the model, and that no output depends on."""
    return (fact.cut + (fact.unread or 0.0) * fact.length) / (fact.cut + fact.length)
