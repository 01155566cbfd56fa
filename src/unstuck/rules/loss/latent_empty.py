"""L303: the latent variable of an autoencoder says nothing of its example, or is driven away without bound."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unstuck.record import Finding, Run, signals
from unstuck.record.facts import Latent, VisibleTarget
from unstuck.rules.gates import losses
from unstuck.rules.rule import Gate, Rule

__all__ = ["LatentEmpty"]

LATE = 2
"""Looks at the end whose median is what it ended at (our choice)."""

AUTOENCODER = Gate(  # a policy draws its actions in the same way
    "the model is not asked for its own input",
    lambda run: any(fact.how == "whole" and fact.equal == fact.looked for fact in run.facts(VisibleTarget)),
)


@dataclass(frozen=True, kw_only=True)
class LatentEmpty(Rule):
    r"""The divergence of a variational autoencoder has won over the reconstruction, or has the wrong sign.

    Detects:
        A latent variable :math:`z = \mu + \sigma \epsilon` of which no entry of :math:`\mu` varies between examples at
        the end of training, while the model is asked for its input: all examples have one and the same code. Or a
        divergence that has grown beyond all measure in a loss that falls below zero: it is subtracted, not added.

    Why it matters:
        The decoder gives the mean of the data, whatever it is given. With the wrong sign the loss falls for ever, by
        codes that run away.

    Evidence:
        Means and deviations of sampled batches: entries with a variance of means above 0.01, and nats of divergence
        from a standard normal distribution.

    Known false positives:
        Data of which nothing can be known but their mean. Single entries that are switched off are usual, and not
        found.

    Try:
        Sum the error over the values of an example if the divergence is summed over its entries; a weight of the
        divergence that rises from zero; ``loss = error + beta * divergence``.

    References:
        Kingma and Welling, "Auto-encoding variational Bayes", 2014, equation 10; Burda, Grosse and Salakhutdinov,
        "Importance weighted autoencoders", 2016, section 5.2; Bowman et al., "Generating sentences from a continuous
        space", 2016.
    """

    code = "L303"
    name = "latent empty"
    cause = "loss-terms-unbalanced"
    needs = (Latent, VisibleTarget, signals.LOSS)
    applies_to = (losses(20), AUTOENCODER)

    looks: int = 4  #: looks at least (our choice)
    told: float = 0.1  #: nats of an example, below which its code says nothing (our choice)
    away: float = 50.0  #: nats of an entry, beyond which codes run away: noise of 1e-20 would have as many

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        sites: dict[tuple[str | None, int | None], list[Latent]] = {}
        for fact in run.facts(Latent):
            sites.setdefault((fact.file, fact.line), []).append(fact)
        judged = [site for site in sites.values() if len(site) >= self.looks]
        lowest = float(run.series(signals.LOSS).finite().values[-1])
        for looks in judged:
            away = float(np.median([look.nats / look.size for look in looks[-LATE:]]))
            if lowest < 0.0 and away > self.away:
                yield self._runs_away(looks, away)
                return
        if judged and all(self._is_empty(looks) for looks in judged):
            yield self._empty(judged[-1])

    def _is_empty(self, looks: list[Latent]) -> bool:
        return all(look.active == 0 and look.nats < self.told for look in looks[-LATE:])

    def _empty(self, looks: list[Latent]) -> Finding:
        last = looks[-1]
        return self.about(
            last,
            f"the latent variable says nothing: none of its {last.size} entries differs between examples, so that the "
            "decoder gives the mean of the data",
            "Weigh the divergence less against the error: sum the error over the values of an example if the "
            "divergence is summed over the entries of its code, or let its weight rise from zero.",
            value=last.nats,
            threshold=self.told,
            since=looks[0].step,
            note=f"nats that a code says of its example, {looks[0].nats:.3g} at the start; {last.active} entries vary",
            severity="error",
            confidence=0.9,
        )

    def _runs_away(self, looks: list[Latent], away: float) -> Finding:
        last = looks[-1]
        return self.about(
            last,
            "the divergence of the latent variable is subtracted from the loss: codes run away, and the loss falls "
            "below zero",
            "Add the divergence: loss = error + beta * divergence, with -0.5 * (1 + log_var - mean**2 - var).",
            value=away,
            threshold=self.away,
            since=looks[0].step,
            note="nats of divergence of an entry",
            severity="error",
            confidence=0.85,
            cause="gradient-sign-flipped",
        )
