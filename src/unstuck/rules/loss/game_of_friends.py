"""L802: both sides of a game move the judge's outputs the same way, so that none plays against the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Evidence, Finding, Run, Where
from unstuck.record.facts import Opponent
from unstuck.rules.rule import Rule

__all__ = ["GameOfFriends"]


@dataclass(frozen=True, kw_only=True)
class GameOfFriends(Rule):
    r"""The loss of a generator has the wrong sign: it makes its examples worse in the eyes of the critic.

    Detects:
        A loss that leads through another training's network, a critic, to its own weights, and whose descent moves what
        the critic says of made examples the way in which the critic's own training moves it, while that moves what it
        says of data the other way.

    Why it matters:
        The generator runs away from the data, where the critic says so with more certainty at each step. Losses of a
        game look alike whether or not it is played.

    Evidence:
        The gradient of both losses with respect to the outputs of the critic, in the steps whose graph was walked.

    Known false positives:
        Least squares where the critic lies beyond its own targets: then the signs differ from step to step, and nothing
        is said.

    Try:
        ``-critic(fake).mean()`` for a critic that minimises ``critic(fake).mean() - critic(real).mean()``; labels of
        ones for the fakes in the generator's step.

    References:
        Goodfellow et al., "Generative adversarial nets", 2014, section 3; Arjovsky, Chintala and Bottou, "Wasserstein
        GAN", 2017, algorithm 1.
    """

    code = "L802"
    name = "game of friends"
    cause = "gradient-sign-flipped"
    needs = (Opponent,)

    looks: int = 2  #: looks at the loss in which it must be so, from the first to the last (our choice)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        looks = run.facts(Opponent)
        if len(looks) < self.looks or not all(map(_friendly, looks)):
            return
        last, verb = looks[-1], "raise" if looks[-1].raised else "lower"
        yield self.finding(
            f"this training and that of the network which judges its examples both {verb} what is said of them: "
            "neither plays against the other",
            "Turn the sign of this loss; with labels, give the made examples the label of the data.",
            severity="error",
            confidence=0.85,
            where=Where(file=last.file, line=last.line),
            evidence=(
                Evidence(
                    signal=last.kind,
                    value=float(len(looks)),
                    threshold=float(self.looks),
                    steps=(looks[0].step, last.step),
                    note="looks at the loss, in all of which both go the same way, and the judge another with data",
                ),
            ),
        )


def _friendly(look: Opponent) -> bool:
    return look.raised == look.raised_by_judge != look.data_raised_by_judge
