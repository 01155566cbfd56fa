"""D205: a model of sequences is asked for the token after the next one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Evidence, Finding, NotEvaluated, Run, Where
from unstuck.record.facts import OFFSETS, TargetOffset
from unstuck.rules.calls import outcome_of
from unstuck.rules.rule import Rule

__all__ = ["TargetsShiftedTwice"]

NEAR = tuple(offset for offset in OFFSETS if offset <= 1)
"""Offsets that are usual: the next token, the same one (copies, tags, masked tokens), the one before."""


@dataclass(frozen=True, kw_only=True)
class TargetsShiftedTwice(Rule):
    """Every loss asks for the token after the next one, or for a later one.

    Detects:
        Targets that were shifted by one position where the batch is made, and once more where the loss drops the last
        output and the first target.

    Why it matters:
        The model learns to skip a token. Its loss falls to what can be told of the token after the next, which may look
        like slow learning, and a text that it continues token by token is garbage.

    Evidence:
        At each position, the target compared with the input so many positions later, over all positions of the batches
        that were sampled. Positions of the output that the loss leaves out are followed through its slices.

    Known false positives:
        Models that are meant to predict several steps ahead and have no loss for the next step. Where one loss of
        several asks for the next token, as in multi-token prediction, nothing is said; nor where the targets are also
        the next token, as in a text of repetitions.

    Try:
        Shift once: either give the loss the targets of the batch as they are, with all outputs, or make the batch with
        ``labels = inputs`` and shift in the loss.

    References:
        Radford et al., "Language models are unsupervised multitask learners", 2019: the next token is asked for; the
        causal models of Hugging Face's transformers shift labels within the model, and are given ``labels=input_ids``.
    """

    code = "D205"
    name = "targets shifted twice"
    cause = "labels-mismatched"
    needs = (TargetOffset,)

    within: float = 0.02  #: share of targets that may differ, by noise or masks (our choice)
    apart: float = 0.9  #: share of targets that are the next token, from which a text of repetitions explains all
    fewest: int = 200  #: positions below which nothing is said: by chance none would agree (our choice)

    def check(self, run: Run) -> Iterator[Finding | NotEvaluated]:
        """Judge one stream of a run."""
        offsets = [fact for fact in run.facts(TargetOffset) if fact.positions >= self.fewest]
        if not offsets:
            yield NotEvaluated(reason="too few positions were seen with their targets")
            return
        near = [share for fact in offsets for at, share in zip(OFFSETS, fact.shares, strict=True) if at in NEAR]
        later = [(asked[0], fact) for fact in offsets if (asked := fact.asks(within=self.within))]
        if not later or max(near) >= self.apart:
            return
        offset, fact = min(later, key=lambda pair: pair[0])
        yield self._report(run, offset, fact)

    def _report(self, run: Run, offset: int, fact: TargetOffset) -> Finding:
        share = fact.shares[OFFSETS.index(offset)]
        within = min(fact.dropped, offset)
        shifts = (
            f"They come to this line shifted by {offset - within} already, and it shifts them by {within} once more"
            if 0 < within < offset
            else f"They are shifted by {offset} before they come to this line"
        )
        return self.finding(
            f"the target at position j is the input at position j + {offset}: the model is asked to skip "
            f"{'a token' if offset == 2 else f'{offset - 1} tokens'}",
            f"{shifts}. Shift once: leave the targets of the batch as they are and take the loss over all outputs, or "
            "make the batch with labels equal to the inputs and shift in the loss alone.",
            severity="warning" if outcome_of(run) == "good" else "error",
            confidence=0.9,
            where=Where(file=fact.file, line=fact.line),
            evidence=(
                Evidence(
                    signal="target_offset",
                    value=share,
                    threshold=1.0 - self.within,
                    note=f"share of {fact.positions:,} targets that are the input {offset} positions later",
                ),
                Evidence(
                    signal="target_offset",
                    value=fact.shares[OFFSETS.index(1)],
                    threshold=self.apart,
                    note="share of them that are the next token",
                ),
            ),
        )
