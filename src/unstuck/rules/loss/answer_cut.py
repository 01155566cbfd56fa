"""L502: the loss begins one token late, so that what follows the prompt is never learnt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from unstuck.record import Evidence, Finding, Run, Where
from unstuck.record.facts import PromptEnds, ScoredPositions
from unstuck.rules.rule import Rule

__all__ = ["AnswerCut"]


@dataclass(frozen=True, kw_only=True)
class AnswerCut(Rule):
    """What follows a prompt is an answer, and its first token is left out of the loss.

    Detects:
        A mask over the prompt that is a token too long, as where it is made for the ids and laid over targets that are
        shifted by one already: the first token of the answer, which follows the last one of the prompt, is left out.

    Why it matters:
        The loss falls to zero, for every token behind the first is learnt. A prompt alone is followed by whatever the
        model happens to give there, and the rest of the answer goes on from that.

    Evidence:
        The id that stands before the first position whose target is scored: it is the same in all sequences, and no
        target that follows it is ever scored. And the passes without gradients that end in that id, which ask for what
        follows; or sequences with the same prompt, all of which go on with the same token, though others do not.

    Known false positives:
        A template whose last token the model is not asked for, and evaluations that give it the template up to the
        token before: it is then indeed asked for what it has not learnt.

    Try:
        Of targets that are shifted by one, leave out one less: ``targets[:prompt - 1] = -100``; or make the mask for
        the ids, ``labels[:prompt] = -100``, and shift both.

    References:
        Hugging Face TRL, SFTTrainer (completion_only_loss); PyTorch documentation, nn.CrossEntropyLoss (ignore_index).
    """

    code = "L502"
    name = "answer cut"
    cause = "mask-wrong"
    needs = (ScoredPositions,)

    passes: int = 3  #: passes without gradients that end in that id, from which on it is no accident (our choice)
    again: int = 8  #: sequences with the prompt of another one, from which on it decides what follows (our choice)
    followers: int = 3  #: ids that follow it, from which on what follows is an answer and no part of a template

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        scored = run.facts(ScoredPositions)
        before = {fact.before for fact in scored}
        id_ = before.pop() if len(before) == 1 else None
        if id_ is None:
            return
        evidence = self._asked(run, id_) or self._decided(scored)
        if evidence is not None:
            yield self._report(scored[-1], id_, evidence)

    def _asked(self, run: Run, id_: int) -> Evidence | None:
        """Passes without gradients that ask for what follows."""
        ends = (pair for fact in run.facts(PromptEnds) for pair in zip(fact.ids, fact.passes, strict=True))
        passes = dict(ends).get(id_, 0)
        note = "passes without gradients whose sequences end in it"
        return (
            Evidence(signal=PromptEnds.kind, value=float(passes), threshold=float(self.passes), note=note)
            if passes >= self.passes
            else None
        )

    def _decided(self, scored: Sequence[ScoredPositions]) -> Evidence | None:
        """Sequences of one prompt, which go on with one token: it is an answer."""
        again = sum(fact.again for fact in scored)
        same = all(fact.followed == 1.0 for fact in scored if fact.again)
        if again < self.again or not same or max(fact.followers for fact in scored) < self.followers:
            return None
        return Evidence(
            signal=ScoredPositions.kind,
            value=float(again),
            threshold=float(self.again),
            note="sequences with the prompt of another one, which all go on with the same id, as an answer does",
        )

    def _report(self, fact: ScoredPositions, id_: int, evidence: Evidence) -> Finding:
        return self.finding(
            f"the loss begins one token late: what follows id {id_}, the first token of the answer, is never scored",
            "Leave out one target less: targets that are shifted by one already hold the first token of the answer at "
            "position prompt - 1, targets[:prompt - 1] = -100.",
            severity="error",
            confidence=0.88,
            where=Where(file=fact.file, line=fact.line),
            evidence=(
                Evidence(
                    signal=fact.kind,
                    value=0.0,
                    threshold=0.0,
                    note=f"targets that are scored behind id {id_}, which stands before the first that is, in all "
                    "sequences",
                ),
                evidence,
            ),
        )
