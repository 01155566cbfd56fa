"""M303: a mask of attention is inverted, or masks nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Finding, NotEvaluated, Run, Severity
from unstuck.record.facts import AttentionCall
from unstuck.rules.calls import outcome_of
from unstuck.rules.rule import Rule

__all__ = ["AttentionMaskWrong"]

CONVENTIONS = {
    "multi_head_attention_forward": "nn.MultiheadAttention leaves out the keys at which a boolean mask is True: "
    "key_padding_mask = ids == PAD",
    "scaled_dot_product_attention": "scaled_dot_product_attention looks at the keys at which a boolean mask is True: "
    "attn_mask = (ids != PAD)[:, None, None, :]",
    "softmax": "Set the scores of padding to minus infinity before the softmax: "
    "scores.masked_fill((ids == PAD)[:, None, None, :], -inf)",
}


@dataclass(frozen=True, kw_only=True)
class AttentionMaskWrong(Rule):
    """Attention rests on padding, because its mask is inverted, is added as zeros and ones, or is missing.

    Detects:
        Queries of real tokens that look at padding and at no real token (an inverted mask); a float mask of zeros and
        ones, which is added to scores and masks nothing; a mask that leaves padding in; where learning does not go
        well, no mask at all.

    Why it matters:
        Of a short sequence in a batch of long ones most keys are padding. Attention over them drowns what the sequence
        says; over nothing else, its words cannot reach each other.

    Evidence:
        Padding is the id that the embedding was given as ``padding_idx``, or the one that fills up sequences of several
        lengths. For each call of attention: the share of pairs of a real query and a padded key that is looked at, and
        of a real key.

    Known false positives:
        Tokens of a kind of their own that fill the ends of sequences and mean something. A model learns in time to put
        little weight on padding: where it learns well without a mask, nothing is said.

    Try:
        ``key_padding_mask = ids == PAD`` for nn.MultiheadAttention and nn.Transformer, where True is left out;
        ``attn_mask = (ids != PAD)[:, None, None, :]`` for scaled_dot_product_attention, where True is looked at.

    References:
        PyTorch documentation, nn.MultiheadAttention (key_padding_mask) and scaled_dot_product_attention (attn_mask).
    """

    code = "M303"
    name = "attention mask wrong"
    cause = "mask-wrong"
    needs = (AttentionCall,)

    nearly: float = 0.9  #: share of pairs that counts as all of them (our choice)
    hardly: float = 0.1  #: share of pairs that counts as none (our choice)
    padding: float = 0.2  #: share of the keys that are padding, below which it does no harm (our choice)

    def check(self, run: Run) -> Iterator[Finding | NotEvaluated]:
        """Judge one stream of a run."""
        calls = run.facts(AttentionCall)
        found = (
            next((self._inverted(run, call) for call in calls if self._rests(call, real=False)), None)
            or next((self._zero_one(run, call) for call in calls if call.zero_one), None)
            or next((self._unmasked(run, call) for call in calls if self._rests(call, real=True)), None)
        )
        if found is not None:
            yield found
        elif all(call.padding is None for call in calls):
            yield NotEvaluated(reason="no padding was recognised in the sequences")

    def _rests(self, call: AttentionCall, *, real: bool) -> bool:
        """Whether padding is looked at, and real keys are too or are not."""
        if (call.padding or 0.0) < self.padding or call.on_padding is None or call.on_real is None:
            return False
        on_real = call.on_real > self.hardly if real else call.on_real <= self.hardly
        return on_real and call.on_padding >= self.nearly

    def _inverted(self, run: Run, call: AttentionCall) -> Finding:
        return self._report(
            call,
            "the mask of attention is inverted: real tokens look at padding only",
            f"Invert the mask. {CONVENTIONS[call.function]}.",
            severity="error",
            confidence=0.95,
        )

    def _zero_one(self, run: Run, call: AttentionCall) -> Finding:
        return self._report(
            call,
            "a float mask of zeros and ones is added to the scores of attention: it masks nothing",
            "Make the mask boolean (mask.bool(), or mask == 0), or of zeros and minus infinity. "
            f"{CONVENTIONS[call.function]}.",
            severity="error",
            confidence=0.93,
        )

    def _unmasked(self, run: Run, call: AttentionCall) -> Finding | None:
        well = outcome_of(run) == "good"
        if call.mask == "none":
            if well:
                return None
            what = "attention has no mask and looks at padding as at real tokens"
        else:
            what = "the mask of attention leaves padding in: real tokens look at it as at each other"
        return self._report(
            call,
            what,
            f"Mask padding. {CONVENTIONS[call.function]}.",
            severity="note" if well else "warning",
            confidence=0.65,
        )

    def _report(
        self, call: AttentionCall, summary: str, advice: str, *, severity: Severity, confidence: float
    ) -> Finding:
        measured = call.on_padding is not None and call.padding is not None
        return self.about(
            call,
            summary,
            advice,
            value=call.on_padding if call.on_padding is not None and measured else 1.0,
            threshold=self.nearly if measured else 0.0,
            note=f"share of padded keys that are looked at, {call.on_real or 0.0:.0%} of the real ones; "
            f"{call.padding:.0%} are padding"
            if measured
            else f"of {call.queries} queries and {call.keys} keys, nothing but zeros and ones",
            severity=severity,
            confidence=confidence,
        )
