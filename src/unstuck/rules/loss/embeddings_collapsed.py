"""L601: a network gives nearly the same vector for every example."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unstuck.record import Finding, Run
from unstuck.record.facts import Contrast, Embeddings, Loss
from unstuck.rules.calls import loss_calls, outcome_of
from unstuck.rules.rule import Rule

__all__ = ["EmbeddingsCollapsed"]

LATE = 2
"""Looks at the end whose median is what they ended at (our choice)."""

PAIR = (
    "Look at a pair as the loss is given it: row i of one side and row i of the other must come from one example. "
    "After torch.cat of two views they lie half a batch apart: view(2, N, -1), not view(N, 2, -1)."
)


@dataclass(frozen=True, kw_only=True)
class EmbeddingsCollapsed(Rule):
    r"""The loss of a network that compares its own outputs falls because all of them become the same.

    Detects:
        Vectors that are compared by their direction and differ by next to nothing between the examples of a batch at
        the end of training: :math:`\sqrt{1 - \|\bar u\|^2}` of the unit vectors. Or that differ along one line only,
        while they differed along many when training began. Where both of two that are compared carry a gradient, and no
        other examples are compared, it is enough that they have come close: nothing keeps them apart. Where each vector
        has to find its partner among those of others, and none is found, it is the partners that are doubted: if they
        have no more in common than others, equal vectors are the best that a network can give.

    Why it matters:
        Two views of one thing are alike if everything is alike. The loss is at its best, and nothing is told apart.

    Evidence:
        The vectors of sampled batches, and the effective rank of what differs.

    Known false positives:
        Batches of one class or one person, whose vectors should agree. Pairs whose targets say how alike they are, and
        differ, are left alone: nothing draws all of them together.

    Try:
        ``detach()`` the side that the other is compared with, and give one side a predictor (SimSiam, BYOL); or compare
        with other examples too (SimCLR), or ask each entry to vary (VICReg).

    References:
        Chen and He, "Exploring simple siamese representation learning", CVPR 2021, section 4.1; Jing et al.,
        "Understanding dimensional collapse in contrastive self-supervised learning", ICLR 2022; Roy and Vetterli, "The
        effective rank", 2007.
    """

    code = "L601"
    name = "embeddings collapsed"
    cause = "bootstrap-wrong"
    needs = (Embeddings,)

    looks: int = 4  #: looks at least (our choice)
    same: float = 0.1  #: spread below which all vectors are alike: a mean cosine above 0.99 (our choice)
    falling: float = 0.5  #: share of the first spread that it must have fallen below: else it never was (our choice)
    line: float = 1.2  #: effective rank below which they lie on a line (our choice)
    wide: int = 8  #: entries of a vector from which on a line is a collapse (our choice)
    lost: float = 3.0  #: times by which the rank must have fallen (our choice)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        if any(_says_how_alike(call) for call in loss_calls(run)):
            return
        sites: dict[tuple[str | None, int | None], list[Embeddings]] = {}
        for fact in run.facts(Embeddings):
            sites.setdefault((fact.file, fact.line), []).append(fact)
        unfound = bool(run.facts(Contrast)) and outcome_of(run) == "none"
        found = [finding for seen in sites.values() if (finding := self._judge(seen, unfound=unfound)) is not None]
        yield from found[:1]

    def _judge(self, seen: list[Embeddings], *, unfound: bool) -> Finding | None:
        if len(seen) < self.looks:
            return None
        first, last = seen[0], seen[-1]
        spread = float(np.median([look.spread for look in seen[-LATE:]]))
        rank = float(np.median([look.rank for look in seen[-LATE:]]))
        fell = spread < self.falling * first.spread
        alike = fell and spread < self.same
        flat = not alike and last.size >= self.wide and rank < self.line and first.rank > self.lost * rank
        falls = fell and all(look.pairs and look.both for look in seen)
        if not (alike or flat or falls):
            return None
        pairs = any(look.pairs for look in seen)
        what = "point the same way" if alike else "lie on one line" if flat else "come to point the same way"
        unpaired = unfound and not pairs
        why = (
            "partners have no more in common than others"
            if unpaired
            else "the loss falls because nothing differs any more"
            + " (both sides of a pair are moved towards each other)" * falls
        )
        return self.about(
            last,
            f"the vectors of all examples {what}: {why}",
            PAIR if unpaired else self._advice(pairs=pairs, both=any(look.both for look in seen)),
            value=rank if flat else spread,
            threshold=self.line if flat else self.same if alike else self.falling * first.spread,
            since=first.step,
            note=f"effective rank of what differs, {first.rank:.3g} at the start"
            if flat
            else f"spread of their directions, {first.spread:.3g} at the start",
            severity="error",
            confidence=0.65 if unpaired else 0.85 if pairs else 0.75,
            cause="labels-mismatched" if unpaired else "bootstrap-wrong" if pairs else "loss-wrong",
        )

    def _advice(self, *, pairs: bool, both: bool) -> str:
        if pairs and both:
            return (
                "detach() the side that the other is compared with, and put a predictor before the other side; now "
                "both are moved towards each other."
            )
        return (
            "Compare each example with others too, or ask each entry of the vectors to vary over the batch; where a "
            "network follows another one, let it follow slowly."
        )


def _says_how_alike(call: Loss) -> bool:
    """Whether a loss compares similarities with targets that are not the same for all pairs."""
    reach, low, high = call.output.reach, call.target.minimum, call.target.maximum
    if reach is None or reach.operation != "CosineSimilarity" or low is None or high is None:
        return False
    return low < high
