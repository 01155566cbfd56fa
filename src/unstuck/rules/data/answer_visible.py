"""D206: the answer stands in the input: a causal mask is missing, or the target is the input itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Evidence, Finding, NotEvaluated, Run, Where
from unstuck.record.facts import AttentionCall, Model, ScoredPositions, SequenceReach
from unstuck.rules.rule import Rule

__all__ = ["AnswerVisible"]

RECURRENT = ("GRU", "LSTM", "RNN")
CONVOLUTION = ("Conv1d",)


@dataclass(frozen=True, kw_only=True)
class AnswerVisible(Rule):
    """An output of a model of sequences depends on the very input that is its target.

    Detects:
        Next tokens that are asked for while the output of a position depends on inputs behind it: a causal mask that is
        missing, inverted or a position too wide, a recurrent layer in both directions, a convolution whose padding
        reaches ahead. Targets that are the input of the same position, not shifted, or
        that of the one before, in a model with a causal mask; masked tokens that were not masked
        in the input.

    Why it matters:
        The model learns to copy. Its loss, also on held-out data, falls far below what can be known, and what it
        generates is garbage, because then the next token is not there to be copied.

    Evidence:
        Targets are compared with the ids that the model turns into vectors, some positions before and behind, or with
        the numbers that it is given, a few positions on. One extra backward pass from one output of each example gives
        its gradient with respect to the vector that holds its target: it is exactly zero where the answer cannot be
        seen.

    Known false positives:
        Models that see the whole sequence on purpose and pass it on as one vector, such as autoencoders: paths that
        forget positions are left out. A loss over a part that is read in both directions (a prefix) has to leave that
        part out, or it is found. Norms over a batch let every output depend on every input a little; then a larger
        share is asked for. Taggers and models of masked tokens have targets that do not stand in the input. Of numbers,
        nothing is said where the model is given several series, where the loss of each position is weighed afterwards,
        or where the target is the input turned around, as a wave on a ring.

    Try:
        ``is_causal=True`` or a mask that is True above the diagonal; ``bidirectional=False``; padding on the left only;
        targets shifted once: ``inputs, targets = ids[:, :-1], ids[:, 1:]``; masked positions replaced in the input.

    References:
        Vaswani et al., "Attention is all you need", 2017, section 3.2.3; Devlin et al., "BERT", 2018, section 3.1;
        Karpathy, "A recipe for training neural networks", 2019: "use backprop to chart dependencies".
    """

    code = "D206"
    name = "answer visible"
    cause = "answer-visible"
    needs = (SequenceReach,)

    visible: float = 1e-3  #: share of the gradient on what is behind; exactly zero where nothing leaks (rounding: 1e-6)
    by_statistics: float = 0.1  #: the same where a norm over the batch lets all outputs depend on all inputs
    itself: float = 0.5  #: share of the position itself from which an output copies it, and does not sum up a sequence
    fewest: int = 64  #: targets below which nothing is said: by chance none would agree (our choice)

    def check(self, run: Run) -> Iterator[Finding | NotEvaluated]:
        """Judge one stream of a run."""
        placed = [fact for fact in run.facts(SequenceReach) if fact.offset is not None]
        known = [fact for fact in placed if fact.positions >= self.fewest]
        if not known:
            few = "too few targets were compared with the inputs"
            yield NotEvaluated(reason=few if placed else "targets do not stand in the inputs of a sequence")
            return
        for fact in known:
            if (fact.offset or 0) >= 1 and self._leaks(fact):
                yield self._ahead(run, fact)
                return
            if (fact.offset or 0) < 0 and fact.answer >= self.visible and self._looks_back(run, fact):
                yield self._behind(fact)
                return
            if fact.offset == 0 and min(fact.own, fact.direct or 0.0) >= self.itself and fact.answers == 1:
                yield self._itself(run, fact)
                return

    def _leaks(self, fact: SequenceReach) -> bool:
        share = self.by_statistics if fact.statistics else self.visible
        return min(fact.answer, fact.direct or 0.0) >= share

    def _looks_back(self, run: Run, fact: SequenceReach) -> bool:
        """Whether a causal mask lets positions look at what stands before them alone, as for what comes next."""
        masked = (c for c in run.facts(AttentionCall) if c.behind == 0 and c.before and c.queries <= fact.length)
        return not fact.later and any(True for _ in masked)

    def _behind(self, fact: SequenceReach) -> Finding:
        return self.finding(
            f"the target of position t is the input at t - {-(fact.offset or 0)}, which a causal model has seen: it is "
            "asked for what lies behind it, and not for what comes next",
            "Exchange the two: the model is given ids[:, :-1], and the loss ids[:, 1:].",
            severity="error",
            confidence=0.9,
            where=Where(file=fact.file, line=fact.line),
            evidence=(
                Evidence(
                    signal="sequence_reach",
                    value=fact.answer,
                    threshold=self.visible,
                    steps=(fact.step, fact.step),
                    note="share of the gradient of an output that belongs to the input which is its target",
                ),
            ),
        )

    def _ahead(self, run: Run, fact: SequenceReach) -> Finding:
        inverted = not fact.earlier
        one = fact.later <= fact.answer * 1.001
        attention = self._unmasked(run, fact)
        summary = (
            f"the target of position t is the input at t + {fact.offset}, and the output of position t depends on it: "
            "the answer can be read off"
        )
        if inverted:
            summary += "; on what stands before t it does not depend"
        return self.finding(
            summary,
            self._remedy(run, attention, inverted=inverted, one=one),
            severity="error",
            confidence=0.95,
            cause="mask-wrong" if inverted else None,
            where=Where(file=fact.file, line=fact.line)
            if attention is None
            else Where(module=attention.where or None, file=attention.file, line=attention.line),
            evidence=(
                Evidence(
                    signal="sequence_reach",
                    value=fact.answer,
                    threshold=self.by_statistics if fact.statistics else self.visible,
                    steps=(fact.step, fact.step),
                    note="share of the gradient of an output that belongs to the input which is its target",
                ),
                Evidence(
                    signal="sequence_reach",
                    value=fact.later,
                    threshold=0.0,
                    steps=(fact.step, fact.step),
                    note=f"share that belongs to all inputs behind it; {fact.earlier:.2g} to those before it",
                ),
            ),
        )

    def _unmasked(self, run: Run, fact: SequenceReach) -> AttentionCall | None:
        """The first attention to what stands behind, of those to the sequence of the answer where these are known."""
        calls = (call for call in run.facts(AttentionCall) if call.behind and call.queries <= fact.length)
        return next((call for call in calls if not fact.attended or call.where in fact.attended), None)

    def _remedy(self, run: Run, attention: AttentionCall | None, *, inverted: bool, one: bool) -> str:
        if attention is not None:
            if inverted:
                return "Invert the mask: the output of a position may look at itself and at what stands before it."
            wide = (
                " The mask is a position too wide: torch.tril(..., diagonal=0) is what may be looked at." if one else ""
            )
            flag = {
                "scaled_dot_product_attention": "is_causal=True",
                "multi_head_attention_forward": "attn_mask=nn.Transformer.generate_square_subsequent_mask(length)",
            }.get(attention.function, "scores.masked_fill(torch.ones(T, T).triu(1).bool(), -inf) before the softmax")
            return f"Mask what stands behind a position in the attention: {flag}.{wide}"
        model = run.fact(Model)
        types = {layer.type for layer in model.layers} if model is not None else set[str]()
        if types & {*RECURRENT}:
            return "Let the recurrent layer run forward only (bidirectional=False) where the next token is asked for."
        if types & {*CONVOLUTION}:
            return (
                "Make the convolutions causal: pad (kernel_size - 1) * dilation positions on the left and none on the "
                "right."
            )
        return "Let no output depend on inputs behind its position: mask them in every layer that joins positions."

    def _itself(self, run: Run, fact: SequenceReach) -> Finding:
        scored = run.fact(ScoredPositions)
        some = scored is not None and scored.scored < 1.0 - scored.padding - self.by_statistics
        masked = some and fact.later > self.visible
        advice = (
            "Replace the ids in the input at the positions whose targets count, by the id of a mask, before the model "
            "sees them; clone the ids first, so that the targets keep them."
            if masked
            else "Shift the targets once: give the model ids[:, :-1] and the loss ids[:, 1:]."
            if fact.sequences == 1
            else "Take the output of a position from before the input that holds its answer, as of the state and not "
            "of the action, and let attention look at what stands before alone."
        )
        return self.finding(
            "the target of each position is the input at that position"
            + (", not masked" if masked else ", not shifted")
            + ": the model is asked to copy what it sees",
            advice,
            severity="error",
            confidence=0.9,
            where=Where(file=fact.file, line=fact.line),
            evidence=(
                Evidence(
                    signal="sequence_reach",
                    value=fact.own,
                    threshold=self.itself,
                    steps=(fact.step, fact.step),
                    note="share of the gradient of an output that belongs to the input at its position",
                ),
                Evidence(
                    signal="target_offset",
                    value=1.0,
                    threshold=1.0,
                    note=f"share of {fact.positions:,} targets that are the input at their position",
                ),
            ),
        )
