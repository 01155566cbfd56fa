"""D212: the targets name the tokens of the input by other ids."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Evidence, Finding, Run, Where
from unstuck.record.facts import TargetCode
from unstuck.rules.rule import Rule

__all__ = ["TargetsRenamed"]


@dataclass(frozen=True, kw_only=True)
class TargetsRenamed(Rule):
    """The next token is asked for by the id that another vocabulary gives it.

    Detects:
        Inputs and targets that were encoded by two vocabularies, such as one in order of appearance and one in
        alphabetical order, or by the tokenizer of another model.

    Why it matters:
        The model learns the translation along with the text, and its loss falls as it should. What it generates is fed
        back as input, where the same number is another token, and is garbage.

    Evidence:
        Target and next input of each position, counted in the first sampled steps: one for one, and not the same.

    Known false positives:
        Tasks whose target is a code of the next input on purpose. Targets that are as much a code of the input at their
        own position, as in a cipher, are left alone.

    Try:
        Encode the text once, and shift: ``inputs, targets = ids[:-1], ids[1:]``.

    References:
        Karpathy, "A recipe for training neural networks", 2019: "visualize just before the net".
    """

    code = "D212"
    name = "targets renamed"
    cause = "labels-mismatched"
    needs = (TargetCode,)

    within: float = 0.98  #: share of the targets that one code explains (our choice: padding and ends may differ)
    most: float = 0.5  #: share of them that is another id
    ids: int = 5  #: ids below which a code may be chance (our choice)
    fewest: int = 200  #: targets, likewise

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        fact = next(iter(run.facts(TargetCode)[-1:]), None)
        if fact is None or fact.ids < self.ids or fact.targets < self.fewest:
            return
        if fact.explained < self.within or fact.renamed < self.most or fact.by_own >= self.within:
            return
        yield self.finding(
            "each target is the next token of the input under another id: inputs and targets are encoded by two "
            "vocabularies",
            "Encode the text once and shift it, inputs, targets = ids[:-1], ids[1:]; what the model gives is fed back "
            "as its input when it generates.",
            severity="error",
            confidence=0.85,
            where=Where(file=fact.file, line=fact.line),
            evidence=(
                Evidence(
                    signal=fact.kind,
                    value=fact.explained,
                    threshold=self.within,
                    note="share of the targets that are the next token of the input, one for one",
                ),
                Evidence(
                    signal=fact.kind, value=fact.renamed, threshold=self.most, note="share of them under another id"
                ),
            ),
        )
