"""I103: adapters begin with a product that drowns the weights that they are added to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unstuck.learning import Learning
from unstuck.record import Evidence, Finding, Run, Where, signals
from unstuck.record.facts import Adapter
from unstuck.rules.gates import losses
from unstuck.rules.rule import Rule

__all__ = ["AdaptersDrawn"]


@dataclass(frozen=True, kw_only=True)
class AdaptersDrawn(Rule):
    r"""Both factors of low-rank adapters are drawn, so that their product replaces what the frozen weights have learnt.

    Detects:
        Modules with a frozen matrix and two trained ones whose product has its shape, none of them zero at first, where
        that product is ten times as large as the frozen matrix, the first loss is far above that of a constant guess,
        and learning is not good.

    Why it matters:
        An adapter is to change what was learnt before little by little: one factor begins at zero, so that the model
        is at first the one that was loaded. A product of two normal matrices of rank r has the size
        :math:`\sqrt{r\, n_\text{in} n_\text{out}}`, tens of times that of the weights: nothing is left of them.

    Evidence:
        :math:`\|BA\| / \|W\|` before the first update, without the factor that scales the product; the first loss.

    Known false positives:
        Factors that are taken from the weights themselves, such as principal components (PiSSA), are up to four times
        as large as what they leave of these (our measurement), and the first loss is that of the model that was loaded:
        silent.

    Try:
        torch.nn.init.zeros_(B), and a normal or uniform A of the size 1 / sqrt(fan in).

    References:
        Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022, section 4.1; Meng et al., "PiSSA",
        NeurIPS 2024.
    """

    code = "I103"
    name = "adapters drawn"
    cause = "init-scale-wrong"
    needs = (signals.LOSS, Adapter)
    applies_to = (losses(5),)

    large: float = 10.0  #: product in the size of the frozen weights, which then hardly count (as O201)
    above: float = 3.0  #: first loss over that of a constant guess, which a model that was loaded is not (our choice)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        drawn = [adapter for adapter in run.facts(Adapter) if adapter.begins]
        learning = Learning.of(run)
        size = float(np.median([adapter.begins for adapter in drawn])) if drawn else 0.0
        if size < self.large or learning.seems == "good" or learning.guess is None:
            return
        first = learning.curve.first
        if first < self.above * learning.guess:
            return
        worst = max(drawn, key=lambda adapter: adapter.begins)
        yield self.finding(
            f"both factors of the adapters are drawn: their product is {size:.2g} times as large as the frozen weights "
            f"and drowns them; the first loss is {first:.4g} where a guess has {learning.guess:.3g}",
            "Let one factor begin at zero: torch.nn.init.zeros_ for B, and a normal A of the size 1 / sqrt(fan in).",
            severity="error" if learning.seems == "none" else "warning",
            confidence=0.9,
            where=Where(parameter=worst.zero),
            evidence=(
                Evidence(
                    signal=Adapter.kind,
                    value=size,
                    threshold=self.large,
                    steps=(0, 0),
                    note=f"||BA|| / ||W|| before the first update, the median of {len(drawn)}, before it is scaled",
                ),
                Evidence(signal="loss", value=first, threshold=self.above * learning.guess, note="first loss"),
            ),
        )
