"""D214: the labels of an evaluation number the classes otherwise than those of training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Evidence, Finding, Run
from unstuck.record.facts import Predictions
from unstuck.rules.rule import Rule

__all__ = ["EvaluationRenamed"]


@dataclass(frozen=True, kw_only=True)
class EvaluationRenamed(Rule):
    """Each class is recognised in the evaluation, under the number of another one.

    Detects:
        Labels that were made from names for each split by itself, such as ``list(set(names))`` or an encoder that is
        fitted twice; classes that are sorted in one place and not in the other; labels that are shifted by one.

    Why it matters:
        It looks like overfitting: the training loss falls, the validation loss climbs far beyond a guess. The model is
        right, and the figure is not; regularisation makes it worse.

    Evidence:
        The classes that the evaluation predicts, beside the labels that they are compared with: which of both is the
        commonest partner of the other, and whether these have the same number.

    Known false positives:
        Clusters, whose numbers mean nothing, that are compared with labels as they are. Attacks by which examples are
        taken for others on purpose: where fresh examples are recognised under their own numbers too, it is silent.

    Try:
        Make the table of names and numbers once, from the training data, and use it for every split:
        ``table = {name: at for at, name in enumerate(sorted(set(names)))}``.

    References:
        scikit-learn documentation, LabelEncoder (fit on training, transform elsewhere).
    """

    code = "D214"
    name = "evaluation renamed"
    cause = "labels-mismatched"
    needs = (Predictions,)

    fewest: int = 50  #: predictions below which partners may be chance (our choice)
    within: float = (
        0.8  #: share of the predictions that partners explain, from which classes are recognised (our choice)
    )
    most: float = 0.5  #: share of them under another number: more than are right

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        compared = [fact for fact in run.facts(Predictions) if fact.compared >= self.fewest]
        fact = compared[-1] if compared else None
        if fact is None or not self._renamed(fact) or any(map(self._named_alike, compared)):
            return
        yield self.finding(
            f"the evaluation recognises the classes, and {fact.renamed:.0%} of its examples under another number than "
            "their label: it numbers the classes otherwise than training does",
            "Make the table of names and numbers once, from the training data, and use it for every split.",
            severity="error",
            confidence=0.88,
            evidence=(
                Evidence(
                    signal=fact.kind,
                    value=fact.explained,
                    threshold=self.within,
                    note=f"share of {fact.compared} predictions in which class and label are each the commonest "
                    "partner of the other",
                ),
                Evidence(
                    signal=fact.kind,
                    value=fact.renamed,
                    threshold=self.most,
                    note="share in which these have not the same number",
                ),
            ),
        )

    def _renamed(self, fact: Predictions) -> bool:
        return fact.explained >= self.within and fact.renamed >= self.most

    def _named_alike(self, fact: Predictions) -> bool:
        """Whether fresh examples are recognised under the numbers of their labels."""
        fresh = fact.trained < self.most * fact.distinct
        return fresh and fact.explained >= self.within and fact.renamed < self.most
