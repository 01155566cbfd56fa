"""L504: a model of masked tokens is scored on all tokens, most of which stand in its input."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Evidence, Finding, NotEvaluated, Run, Where
from unstuck.record.facts import ScoredPositions
from unstuck.rules.rule import Rule

__all__ = ["CopiesScored"]


@dataclass(frozen=True, kw_only=True)
class CopiesScored(Rule):
    """Masked tokens are asked for, and with them the tokens that were not masked: most of the loss is copying.

    Detects:
        Targets that are the ids of the whole input before some of them were masked, where those that were not masked
        should be left out.

    Why it matters:
        Copying is learnt within a few steps, and what is left of the loss is divided by all tokens: the gradient of
        what is to be learnt is a fraction of what it could be, and a loss near zero looks like success.

    Evidence:
        The targets that are scored are compared with the ids at their places. Those that differ stand behind one id,
        the mask, which is never asked for. The loss is computed for both kinds.

    Known false positives:
        Denoisers that are scored on all tokens on purpose; therefore a note. With a decoder, as in BART, nothing is
        said, nor where most tokens are masked, as in diffusion over tokens.

    Try:
        ``labels[inputs != MASK] = -100``, or ``DataCollatorForLanguageModeling``, which does it.

    References:
        Devlin et al., "BERT", 2018, section 3.1: "we only predict the masked words rather than reconstructing the
        entire input".
    """

    code = "L504"
    name = "copies scored"
    cause = "mask-wrong"
    needs = (ScoredPositions,)

    mostly: float = 0.5  #: share of the scored targets that stand in the input, from which copying is most of the loss

    def check(self, run: Run) -> Iterator[Finding | NotEvaluated]:
        """Judge one stream of a run."""
        known = run.facts(ScoredPositions)
        hiding = {fact.hidden_by for fact in known}
        if not known or None in hiding:
            yield NotEvaluated(reason="no id hides some tokens of a sequence whose others are scored too")
            return
        least, last = min(known, key=lambda fact: fact.copied), known[-1]
        if least.copied <= self.mostly or len(hiding) > 1:
            return
        yield self.finding(
            f"{least.copied:.0%} of the targets that are scored are the input at their place: the model is asked to "
            f"copy what it sees, beside what id {last.hidden_by} hides",
            "If the masked tokens alone are to be learnt, leave the others out: labels[inputs != MASK] = -100.",
            severity="note",
            confidence=0.6,
            where=Where(file=last.file, line=last.line),
            evidence=(
                Evidence(
                    signal="scored_positions",
                    value=least.copied,
                    threshold=self.mostly,
                    note=f"share that is copied; their loss is {last.loss_copied or 0.0:.2g}, that of what is hidden "
                    f"{last.loss_hidden or 0.0:.2g}",
                ),
            ),
        )
