"""D304: overlapping windows of one text or series are split at random."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Evidence, Finding, Run, Where
from unstuck.record.facts import WindowsShared
from unstuck.rules.rule import Rule

__all__ = ["WindowsSplit"]


@dataclass(frozen=True, kw_only=True)
class WindowsSplit(Rule):
    """Windows that validate lie between windows that are trained on, which hold nearly all of them.

    Detects:
        A text or a series that is cut into overlapping windows first, which are then split at random.

    Why it matters:
        What is asked of a validation window was learnt by heart from its neighbours. The validation loss measures
        memory; early stopping never stops, and on a new text or at a later time the model fails.

    Evidence:
        Halves of the windows, by their values. Most validation windows hold the beginning of one training window and
        the end of another one. A split in time has training windows on one side only.

    Known false positives:
        Series that repeat themselves exactly are left alone where they go on in several ways, or where whole windows
        are equal.

    Try:
        Split the text or the time first, and cut windows of each part; leave out a window's length between them.

    References:
        Bergmeir and Benitez, "On the use of cross-validation for time series predictor evaluation", Information
        Sciences 2012; Kaufman, Rosset and Perlich, "Leakage in data mining", KDD 2011.
    """

    code = "D304"
    name = "windows split at random"
    cause = "split-leak"
    needs = (WindowsShared,)

    few: int = 32  #: windows of a validation set below which nothing is said (our choice)
    share: float = 0.8  #: of a set of which a fifth is validation, two neighbours of nearly all windows train
    branching: float = 0.05  #: beginnings that go on in several ways, from which on parts repeat by chance (our choice)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        fact = run.fact(WindowsShared)
        if fact is None or fact.purpose != "validation" or fact.evaluated < self.few:
            return
        share = fact.inside / fact.evaluated
        if share < self.share or fact.branching > self.branching:
            return
        yield self.finding(
            f"{share:.0%} of the validation windows lie between two overlapping windows that are trained on",
            "Split the text or the series first, and cut windows of each part.",
            severity="error",
            confidence=0.9,
            where=Where(file=fact.file, line=fact.line),
            evidence=(
                Evidence(
                    signal=fact.kind,
                    value=share,
                    threshold=self.share,
                    note="share of the validation windows that hold the beginning of one training window and the end "
                    "of another one, half a window each",
                ),
            ),
        )
