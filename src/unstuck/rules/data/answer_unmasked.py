"""D215: no attention of a model that is asked for next tokens was given a causal mask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Evidence, Finding, NotEvaluated, Run, Where
from unstuck.record.facts import AttentionCall, Model, UnfollowedSequence
from unstuck.rules.rule import Rule

__all__ = ["AnswerUnmasked"]

RECURRENT = ("RNN", "LSTM", "GRU")

MASKS = {
    "scaled_dot_product_attention": "is_causal=True",
    "multi_head_attention_forward": "attn_mask=nn.Transformer.generate_square_subsequent_mask(length)",
}


@dataclass(frozen=True, kw_only=True)
class AnswerUnmasked(Rule):
    """Next tokens are asked for, and every attention looks at what stands behind a position.

    Detects:
        A missing or wrong causal mask in a model of one sequence of ids, where D206 cannot follow outputs back to it:
        its layers run in activation checkpoints, or in several processes.

    Why it matters:
        The model copies the answer from the next position. Its loss falls far below what can be known, and what it
        generates is garbage.

    Evidence:
        All targets are the input one position later. Of each attention over the sequence, what its queries were allowed
        to look at, or in a softmax that is written out what they do look at: in every one, each query at the key behind
        it, which holds its answer.

    Known false positives:
        An encoder whose attention has nothing to do with the decoder: nothing is said where several sequences are
        turned into vectors, where one attention is causal behind some prefix, or where a recurrence may be what
        predicts.

    Try:
        ``is_causal=True`` for scaled_dot_product_attention, or a mask that is True above the diagonal for
        nn.MultiheadAttention and nn.TransformerEncoder.

    References:
        Vaswani et al., "Attention is all you need", 2017, section 3.2.3; PyTorch documentation,
        torch.utils.checkpoint.
    """

    code = "D215"
    name = "answer unmasked"
    cause = "answer-visible"
    needs = (UnfollowedSequence, AttentionCall)

    fewest: int = 64  #: targets below which nothing is said: by chance none would agree (our choice, as in D206)

    def check(self, run: Run) -> Iterator[Finding | NotEvaluated]:
        """Judge one stream of a run."""
        fact = next((fact for fact in run.facts(UnfollowedSequence) if (fact.offset or 0) >= 1), None)
        if fact is None or fact.positions < self.fewest or fact.sequences != 1:
            yield NotEvaluated(reason="no next tokens of one sequence of ids are asked for")
            return
        calls = [call for call in run.facts(AttentionCall) if call.queries == fact.length and not call.of_heads]
        square = [call for call in calls if call.next is not None]
        if not square or _recurs(run):
            yield NotEvaluated(reason="what predicts the next token is no attention over its sequence")
            return
        if not all(call.next == 1.0 or (call.behind and not call.by_query) for call in square):
            return
        yield self._finding(fact, square)

    def _finding(self, fact: UnfollowedSequence, calls: list[AttentionCall]) -> Finding:
        first = calls[0]
        mask = MASKS.get(first.function, "scores.masked_fill(torch.ones(T, T).triu(1).bool(), -inf) before the softmax")
        return self.finding(
            f"the target of position t is the input at t + {fact.offset}, and every attention looks at what stands "
            "there: the answer can be read off",
            f"Mask what stands behind a position in every attention: {mask}.",
            severity="error",
            confidence=0.93,
            where=Where(module=first.where or None, file=first.file, line=first.line),
            evidence=(
                Evidence(
                    signal="attention_call",
                    value=min(call.next or 0.0 for call in calls),
                    threshold=1.0,
                    steps=(fact.step, fact.step),
                    note=f"share of the keys that the query before them looks at, the least of {len(calls)} attentions",
                ),
                Evidence(
                    signal="target_offset",
                    value=float(fact.positions),
                    threshold=float(self.fewest),
                    note=f"targets that are the input at t + {fact.offset}",
                ),
            ),
        )


def _recurs(run: Run) -> bool:
    """Whether a recurrence may be what predicts, behind an attention over something else."""
    model = run.fact(Model)
    return model is not None and any(layer.type in RECURRENT for layer in model.layers)
