"""L503: the end of a sequence is never scored, so that a model which generates never stops."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Evidence, Finding, Run, Where
from unstuck.record.facts import Continued, ScoredPositions
from unstuck.rules.rule import Rule

__all__ = ["EndUnscored"]


@dataclass(frozen=True, kw_only=True)
class EndUnscored(Rule):
    """What follows the end of each sequence is left out of the loss, and the model is asked for it.

    Detects:
        The id of the end that is left out with the padding, as where the id of padding is that of the end and all
        targets that are equal to it are ignored.

    Why it matters:
        The loss falls to zero, for every other token is learnt. Where the model generates, it gives what it likes
        behind the end of an answer, and runs on until it is cut.

    Evidence:
        The id that stands behind the last target that is scored: it is the same in all sequences, which end in several
        ids and at several positions, and it is never scored. And sequences without gradients that the model has
        continued beyond the longest one of the training.

    Known false positives:
        Generation that is always cut by other knowledge, such as the length of the answer, and goes on beyond it.

    Try:
        Leave out by position what stands behind the end, ``labels[length + 1:] = -100``, and not by the id; or give the
        padding an id of its own.

    References:
        Hugging Face Transformers, DataCollatorForLanguageModeling (labels that are ``pad_token_id`` are set to -100);
        PyTorch documentation, nn.CrossEntropyLoss (ignore_index).
    """

    code = "L503"
    name = "end unscored"
    cause = "mask-wrong"
    needs = (ScoredPositions, Continued)

    beyond: int = 1  #: batches of sequences continued beyond the longest, from which on the end is asked for

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        scored, continued = run.facts(ScoredPositions), run.fact(Continued)
        behind = {fact.behind for fact in scored}
        id_ = behind.pop() if len(behind) == 1 else None
        if id_ is None or continued is None:
            return
        longest = max(fact.longest for fact in scored)
        lengths = zip(continued.lengths, continued.sequences, strict=True)
        beyond = sum(count for length, count in lengths if length >= longest)
        if beyond >= self.beyond:
            yield self._report(scored[-1], id_, longest, beyond)

    def _report(self, fact: ScoredPositions, id_: int, longest: int, beyond: int) -> Finding:
        return self.finding(
            f"the end is never scored: id {id_} stands behind what is scored in all sequences and is left out of the "
            f"loss, so that the model does not learn to stop",
            "Score the first id behind each sequence, which is its end: leave out by position what stands behind it, "
            "labels[length + 1:] = -100, and not by the id; or give the padding an id of its own.",
            severity="error",
            confidence=0.88,
            where=Where(file=fact.file, line=fact.line),
            evidence=(
                Evidence(
                    signal=fact.kind,
                    value=0.0,
                    threshold=0.0,
                    note=f"targets that are scored and are id {id_}, which all sequences go on with",
                ),
                Evidence(
                    signal=Continued.kind,
                    value=float(beyond),
                    threshold=float(self.beyond),
                    note=f"sequences continued without gradients beyond {longest} ids, which the longest one has that "
                    "is scored",
                ),
            ),
        )
