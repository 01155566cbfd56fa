"""L803: data lie where a generator cannot reach, for the activation behind its last layer has a bound."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Finding, Run
from unstuck.record.facts import Generated
from unstuck.rules.rule import Rule

__all__ = ["GameUnfair"]


@dataclass(frozen=True, kw_only=True)
class GameUnfair(Rule):
    """The judge of a game knows made examples by their range: the generator cannot give values as large as the data's.

    Detects:
        A generator that ends in a tanh, a sigmoid or another activation with a bound, while many values of the data
        that its judge is given lie outside: raw pixels, or standardised columns.

    Why it matters:
        A threshold on one value tells both apart for ever, so that the judge wins, and what it says tells the generator
        nothing but to saturate.

    Evidence:
        The last operation of the generator's graph, and the values that the judge was given as data.

    Known false positives:
        Data of which a few values lie a little outside, such as outliers: the share is asked.

    Try:
        Scale raw data to the range of the activation (``x / 127.5 - 1`` for bytes and tanh). Leave the activation out
        where data are scaled already, or take both signs and it is a rectifier: no factor mends that.

    References:
        Radford, Metz and Chintala, "Unsupervised representation learning with deep convolutional generative adversarial
        networks" (DCGAN), ICLR 2016, section 4: images scaled to the range of the tanh.
    """

    code = "L803"
    name = "game unfair"
    cause = "inputs-not-scaled"
    needs = (Generated,)

    share: float = 0.1  #: share of the data's values beyond the bounds, from which these are no outliers (our choice)
    scaled: float = 2.0  #: root mean square below which data are scaled: standardised ones have 1 (our choice)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        looks = run.facts(Generated)
        if not looks or min(fact.beyond for fact in looks) < self.share:
            return
        last = looks[-1]
        function = last.function.lower()
        of_activation = last.unbounded or (last.size is not None and last.size < self.scaled)
        yield self.about(
            last,
            f"{last.beyond:.0%} of the values of the data lie beyond what the {function} behind the generator can "
            "give: the judge knows made examples by their range",
            f"Leave out the {function} behind the generator's last layer."
            if of_activation
            else "Scale the data to the range of that activation, or leave it out.",
            value=last.beyond,
            threshold=self.share,
            since=looks[0].step,
            note="share of the values that the judge is given as data",
            severity="error",
            confidence=0.85,
            cause="output-activation-wrong" if of_activation else None,
        )
