"""L801: one side of a game has won, and the other learns nothing from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unstuck.learning.game import in_a_game
from unstuck.record import Evidence, Finding, Run, Where, signals
from unstuck.record.facts import Loss, Optimizer
from unstuck.rules.calls import loss_calls
from unstuck.rules.gates import losses
from unstuck.rules.rule import Gate, Rule

__all__ = ["GameWon"]

SIDES = 2
"""Values of the targets of a discriminator: one for the data, one for what is made."""

PLAYS = Gate("no game of two networks was seen", in_a_game)
JUDGES = Gate(  # an actor's critic, whose loss should fall, has targets of many values
    "its targets are not those of a discriminator",
    lambda run: bool(loss_calls(run)) and all(map(_of_two, loss_calls(run))),
)


def _of_two(call: Loss) -> bool:
    """Whether the targets of a loss are zeros and ones, or the like."""
    return call.target.type == "real" and call.target.distinct is not None and call.target.distinct <= SIDES


@dataclass(frozen=True, kw_only=True)
class GameWon(Rule):
    """The discriminator of a game tells everything apart with certainty, and its opponent gets nowhere.

    Detects:
        A loss whose targets are zeros and ones, of a training that another model's loss leads through, and that lies at
        next to nothing for the whole second half of the training.

    Why it matters:
        Where real and made examples are told apart with certainty, the gradient says hardly how to make better ones:
        it vanishes, or points away from all of them alike.

    Evidence:
        The loss, nine tenths of which in the second half lie below a share of where it began.

    Known false positives:
        Games that are meant to end so, such as the detection of attacks. Losses that are written out are not known as
        those of a discriminator.

    Try:
        A lower rate or fewer steps for the discriminator, a higher rate for the generator; a penalty on its gradient
        (R1), spectral normalisation, labels of 0.9.

    References:
        Arjovsky and Bottou, "Towards principled methods for training generative adversarial networks", ICLR 2017,
        theorem 2.4; Heusel et al., "GANs trained by a two time-scale update rule", 2017; Mescheder et al., 2018 (R1).
    """

    code = "L801"
    name = "game won"
    cause = "lr-too-high"
    needs = (signals.LOSS, Loss)
    applies_to = (losses(100), PLAYS, JUDGES)

    certain: float = 0.05  #: share of the first loss, below which all is told apart (our choice)
    mostly: float = 0.9  #: share of the losses of the second half that must lie below it (our choice)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        series = run.series(signals.LOSS).finite()
        first = float(np.median(series.values[:5]))
        late = series.values[series.steps >= 0.5 * series.steps[-1]]
        high = float(np.quantile(late, self.mostly))
        if not 0.0 <= high < self.certain * first:
            return
        optimizer = run.fact(Optimizer)
        yield self.finding(
            f"this side of the game has won: its loss lies below {high:.2g} for the second half of the training, "
            f"{first:.2g} at the start, so that its opponent learns next to nothing from it",
            "Lower the rate of the discriminator or raise that of the generator, make fewer of its steps, penalise its "
            "gradient, or use labels of 0.9.",
            severity="warning",
            confidence=0.75,
            where=Where(file=optimizer.file, line=optimizer.line) if optimizer else None,
            evidence=(
                Evidence(
                    signal="loss",
                    value=high,
                    threshold=self.certain * first,
                    steps=(int(series.steps[len(series.steps) // 2]), int(series.steps[-1])),
                    note=f"what {self.mostly:.0%} of the losses of the second half lie below",
                ),
            ),
        )
