"""L602: a loss over similarities that can tell nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Finding, Run
from unstuck.record.facts import Contrast
from unstuck.rules.rule import Rule

__all__ = ["ContrastEmpty"]


@dataclass(frozen=True, kw_only=True)
class ContrastEmpty(Rule):
    r"""Each example has to find its partner among others, and the loss says nothing of whether it does.

    Detects:
        Partners that are the example itself: all have one and the same similarity, the greatest that there is, from the
        first step on. An example that is a candidate for itself, beside its partner. Cosines multiplied by so little
        that no vectors whatever could bring the cross-entropy much below that of a guess,
        :math:`\ln(1 + (K - 1) e^{-2s})` for K candidates and a scale s, one over the temperature. And cosines
        multiplied by so much that a single candidate has all of the gradient.

    Why it matters:
        A thing is always like itself: the loss falls while the others are pushed away, whatever they are. With a high
        temperature the gradient is next to the same for all candidates, and next to nothing.

    Evidence:
        The scores that the loss is given, their graph, and the vectors that were multiplied.

    Known false positives:
        None known. Scores that are no cosines have no scale, and are not judged.

    Try:
        Two different views of each example, and ``masked_fill`` of the diagonal; a temperature of 0.05 to 0.5.

    References:
        Chen et al., "A simple framework for contrastive learning" (SimCLR), ICML 2020; Wang and Liu, "Understanding the
        behaviour of contrastive loss", CVPR 2021; Radford et al. (CLIP), 2021, who clip the scale at 100.
    """

    code = "L602"
    name = "contrast empty"
    cause = "loss-wrong"
    needs = (Contrast,)

    looks: int = 3  #: looks at least (our choice)
    flat: float = 0.9  #: least value of the loss over that of a guess, above which it is flat (our choice)
    sharp: float = 300.0  #: scale above which one candidate decides, three times what CLIP allows (our choice)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        sites: dict[tuple[str | None, int | None], list[Contrast]] = {}
        for fact in run.facts(Contrast):
            sites.setdefault((fact.file, fact.line), []).append(fact)
        for seen in sites.values():
            if len(seen) >= self.looks:
                found = self._itself(seen) or self._among(seen) or self._scale(seen)
                if found is not None:
                    yield found
                    return

    def _itself(self, seen: list[Contrast]) -> Finding | None:
        if not all(look.itself for look in seen):
            return None
        last = seen[-1]
        return self.about(
            last,
            "the partner that each example has to find is the example itself: all have the same similarity, from the "
            "first step on",
            "Take two different views of each example, and leave the similarity of a view with itself out of the "
            "candidates.",
            value=float(len(seen)),
            threshold=float(self.looks),
            since=seen[0].step,
            note="batches in which all partners are equally similar, and none is more so",
            severity="error",
            confidence=0.9,
            cause="answer-visible",
        )

    def _among(self, seen: list[Contrast]) -> Finding | None:
        if not all(look.among for look in seen):
            return None
        last = seen[-1]
        return self.about(
            last,
            "each example is a candidate for itself: nothing is as like it, so that no partner can be found first",
            "Leave the similarity of an example with itself out: "
            "scores.masked_fill(torch.eye(n, dtype=torch.bool), float('-inf')).",
            value=float(len(seen)),
            threshold=float(self.looks),
            since=seen[0].step,
            note="batches in which the scores of all examples with themselves are among the candidates",
            severity="error",
            confidence=0.9,
            cause="mask-wrong",
        )

    def _scale(self, seen: list[Contrast]) -> Finding | None:
        known = [look for look in seen if look.scale is not None]
        if len(known) < self.looks:
            return None
        last = known[-1]
        scale, first = last.scale or 0.0, known[0].scale or 0.0
        share = math.log1p((last.candidates - 1) * math.exp(-2.0 * scale)) / math.log(last.candidates)
        if share > self.flat:
            value, threshold, note = share, self.flat, "least value of the loss that is possible over that of a guess"
            said = (
                f"the temperature is so high that the loss cannot fall: cosines times {scale:.3g} give at least "
                f"{share:.0%} of the loss of a guess among {last.candidates:,}"
            )
        elif min(scale, first) > self.sharp:
            value, threshold, note = scale, self.sharp, "what cosines are multiplied by"
            said = f"the temperature is so low that one candidate has all of the gradient: cosines times {scale:,.0f}"
        else:
            return None
        return self.about(
            last,
            said,
            "Divide the cosines by a temperature of 0.05 to 0.5.",
            value=value,
            threshold=threshold,
            since=known[0].step,
            note=note,
            severity="error" if share > self.flat else "warning",
            confidence=0.9 if share > self.flat else 0.7,
        )
