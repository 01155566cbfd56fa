"""D305: the examples of a batch, which a loss sets against each other, are of one kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Finding, Run
from unstuck.record.facts import AlikeBatches, Loader
from unstuck.rules.rule import Rule

__all__ = ["NegativesAlike"]


@dataclass(frozen=True, kw_only=True)
class NegativesAlike(Rule):
    r"""A contrastive loss tells an example from others of its batch, and the data lie in order.

    Detects:
        Batches of a loss over similarities whose means differ more than those of random draws would, where a loader
        does not shuffle, or none is known.

    Why it matters:
        All negatives are then of the kind of the example itself: what tells kinds apart is never asked for, and what
        examples of one kind have in common is unlearnt.

    Evidence:
        The inputs of sampled steps: the variance of batch means over that within batches, divided by the number of
        examples, as in an analysis of variance.

    Known false positives:
        Batches that are put together of hard negatives on purpose; loaders with a sampler are left alone.

    Try:
        ``DataLoader(..., shuffle=True)``.

    References:
        Chen et al., "A simple framework for contrastive learning" (SimCLR), ICML 2020; Robinson et al., "Contrastive
        learning with hard negative samples", ICLR 2021.
    """

    code = "D305"
    name = "negatives alike"
    cause = "data-not-shuffled"
    needs = (AlikeBatches,)

    ratio: float = 3.0  #: variance between batches over that of random ones; two like views in one batch have up to 2
    batches: int = 12  #: batches at least (our choice)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        orders = {loader.order for loader in run.facts(Loader) if loader.updates}
        for fact in run.facts(AlikeBatches):
            if fact.batches < self.batches or fact.ratio < self.ratio or orders - {"sequential"}:
                continue
            yield self.about(
                fact,
                "examples of one batch are more alike than those of others: the means of batches vary "
                f"{fact.ratio:.3g} times as much as those of random ones, and each example is compared with others of "
                "its kind only",
                "Shuffle the examples anew each epoch: DataLoader(..., shuffle=True), or an index from torch.randperm.",
                value=fact.ratio,
                threshold=self.ratio,
                note=f"variance between {fact.batches} batches of {fact.examples:,} over that of random ones",
                severity="error" if orders else "warning",
                confidence=0.85 if orders else 0.6,
            )
            return
