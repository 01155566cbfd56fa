"""R201: weight decay or dropout holds the training loss up."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unstuck.learning import Learning, optimizer_place
from unstuck.learning.curve import Curve
from unstuck.learning.validation import Validation
from unstuck.record import Evidence, Finding, Run, Series, Severity, Where, signals
from unstuck.record.facts import Training
from unstuck.rules.calls import called_and_differentiated
from unstuck.rules.dropout import strongest_dropout
from unstuck.rules.gates import NEVER_NEGATIVE, NO_GAME, NOT_PRETRAINED, losses
from unstuck.rules.pull import DecayPull, late_norm, norms, penalty_pull
from unstuck.rules.rate import placed
from unstuck.rules.rule import Rule
from unstuck.rules.shrinking import Shrinking
from unstuck.rules.weaker_decay import weaker_decay

__all__ = ["RegularisationTooStrong"]

HEAD, TAIL = slice(None, 5), slice(-5, None)


@dataclass(frozen=True, kw_only=True)
class RegularisationTooStrong(Rule):
    """Weight decay pulls the weights to zero, or dropout hides so much, that even the training data are not fitted.

    Detects:
        A loss that stays high while the pull of the weight decay is a good part of the gradient, and while the loss
        would fall if the weights could grow; one that stays high under dropout of most units; a penalty added to the
        loss that outweighs it while the weights shrink. Updates that take a share of the weights whatever the gradient
        says, such as a decay of one's own that leaves out the learning rate. Weights brought to nothing, with nothing
        learnt, by a decay that was strong from the first; weights that it halves, where most is learnt and the loss
        stays up.

    Why it matters:
        A regulariser trades fit for simplicity. Where the training loss is high there is nothing to trade.

    Evidence:
        decay times weights against the gradient; their product with the weights in units of the loss, which is the
        relative fall per relative growth of the weights; the probability of the dropouts; validation against training
        loss.

    Known false positives:
        At the end of any training with weight decay both forces balance, and the first ratio goes to 1: therefore the
        loss must be high, and the second ratio large too. Dropout raises the training loss by design: silent where
        something is learnt, unless most units are dropped.

    Try:
        A tenth or a hundredth of the weight decay; dropout of 0.1 to 0.5; first fit the training data without either.

    References:
        Goodfellow, Bengio and Courville, "Deep Learning", section 7.1; Srivastava et al., "Dropout", JMLR 2014, section
        7.3; Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019.
    """

    code = "R201"
    name = "regularisation too strong"
    cause = "regularisation-too-strong"
    needs = (signals.LOSS,)
    applies_to = (losses(20), NO_GAME, NOT_PRETRAINED, NEVER_NEGATIVE)

    called: int = 10  #: steps of which what the loss returned and what was differentiated are both known (our choice)
    left: float = 0.25  #: share of the loss that must be left (our choice)
    pull: float = 0.15  #: decay times weights over gradient; at 1e-4 to 1e-2 it is below a hundredth (our choice)
    learnt: float = 0.25  #: the same where something was learnt
    elastic: float = 0.3  #: that pull times the weights over the loss: its share that growing weights would save
    leap: float = 3.0  #: highest loss over the first one: decay holds a loss up, only steps throw it (our choice)
    grown: float = 1.2  #: weights over those at the start, above which no decay can be what holds them (our choice)
    dropped: float = 0.8  #: probability of dropout; up to 0.5 is usual (Srivastava et al., 2014)
    doubtful: float = 0.6  #: probability from which validation is looked at as well
    apart: float = 0.7  #: validation over training loss: dropout, which is off in validation, makes the difference
    without: float = 0.25  #: validation loss over that of a constant guess, below which dropout has done no harm
    collapsed: float = 0.2  #: weights at the end over those at the start, beyond which little is left of them
    shrunk: float = 0.5  #: weights at the end over those at the start, for a penalty by hand and where most is learnt
    outweighed: float = 1.0  #: decay over gradient at the start, above which the decay is the larger of the two
    strong: float = 0.3  #: pull in the first steps; 1e-2 gives 0.07 to 0.26 in small networks (our measurement)
    price: float = 1.0  #: elasticity where most is learnt: weights a tenth larger would save a tenth of the loss
    gap: float = 1.15  #: validation over training loss, above which the decay is of use (our choice)
    harm: float = 0.1  #: share of the loss that must be left where most is learnt (our choice)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        learning = Learning.of(run)
        high = learning.seems == "none" or learning.remaining > self.left
        found = self._penalty(run)
        if found is None and high and learning.seems != "good" and learning.curve.shape != "diverging":
            found = self._decay(run, learning) or self._by_itself(run, learning)
            found = found or self._stated(run, learning) or self._dropout(run, learning)
        if found is None and learning.seems in ("partial", "good") and learning.remaining > self.harm:
            pull = DecayPull.of(run)
            found = (self._harmful(run, learning, pull) or self._felt(run, learning, pull)) if pull else None
        if found is not None:
            yield found

    def _decay(self, run: Run, learning: Learning) -> Finding | None:
        pull = DecayPull.of(run)
        return (self._collapsed(run, learning, pull) or self._held(run, learning, pull)) if pull else None

    def _held(self, run: Run, learning: Learning, pull: DecayPull) -> Finding | None:
        """Weights that the decay holds too small to fit the data, at the balance with the gradient."""
        elastic = pull.elasticity(learning.curve.end.value)
        if pull.decoupled:
            strong = pull.late > 2 * self.pull and pull.settled < 0.8 * float(pull.weights[0])
        else:
            strong = elastic > self.elastic and self._alone(run, learning, pull)
        if not strong:
            return None
        note = "weight decay times the norm of the weights, over the norm of what else moves them"
        proof = Evidence(signal="weight_norm", value=pull.late, threshold=self.pull, note=note)
        return self._report(
            f"weight_decay={pull.decay:g} holds the loss at {learning.curve.end.value:.4g}: its pull on the weights is "
            f"{pull.late:.0%} of the gradient",
            _weaken(run, pull.decay),
            learning,
            confidence=0.88,
            where=optimizer_place(run),
            evidence=(proof,) if pull.decoupled else (proof, self._saved(elastic, self.elastic)),
        )

    def _alone(self, run: Run, learning: Learning, pull: DecayPull) -> bool:
        """Whether nothing but the decay can be what holds the loss up."""
        losses = run.series(signals.LOSS).finite().values
        leapt = len(losses) > 0 and float(losses.max()) > self.leap * abs(float(losses[0]))
        # What noise in the targets leaves is no decay's doing: there the decay must be a good part of what moves.
        least = self.pull if learning.seems == "none" else self.learnt
        return pull.late > least and not leapt and not pull.settled > self.grown * float(pull.weights[0])

    def _collapsed(self, run: Run, learning: Learning, pull: DecayPull) -> Finding | None:
        """Weights that shrink to nothing while nothing is learnt, by a decay that was strong from the first.

        Where another fault leaves no gradient, even a weak decay brings the weights to nothing in the end.
        """
        if learning.seems != "none" or not pull.kept < self.collapsed:
            return None
        if pull.early is None or pull.early < self.pull:
            return None
        note = "norm of all weights at the end, over that at the start"
        return self._report(
            f"weight_decay={pull.decay:g} shrinks the weights to {pull.kept:.1%} of what they started as, and the loss "
            f"stays at {learning.curve.end.value:.4g}",
            _weaken(run, pull.decay),
            learning,
            confidence=0.9,
            where=optimizer_place(run),
            evidence=(Evidence(signal="weight_norm", value=pull.kept, threshold=self.collapsed, note=note),),
        )

    def _felt(self, run: Run, learning: Learning, pull: DecayPull) -> Finding | None:
        """A decay within the gradient, strong from the first, whose price is a good part of the loss.

        Where both forces balance, the loss would fall by the elasticity for each share by which the weights grow. No
        network overfits that does as well on other data: there its weights have no reason to be held small.
        """
        elastic = pull.elasticity(learning.curve.end.value)
        strong = not pull.decoupled and pull.early is not None and pull.early > self.strong
        if not strong or elastic < self.price or pull.settled > self.grown * float(pull.weights[0]):
            return None
        validation = Validation.losses(run).values
        if len(validation) and validation[-1] > self.gap * learning.measured.curve.end.value:
            return None
        note = "pull of the decay over the gradient, in the first steps"
        return self._report(
            f"weight_decay={pull.decay:g} holds the loss at {learning.curve.end.value:.4g}: in the first steps it "
            f"pulls at the weights by {pull.early:.0%} of the gradient, and their norm ends at {pull.kept:.0%} of "
            f"what it was",
            _weaken(run, pull.decay),
            learning,
            confidence=0.7,
            where=optimizer_place(run),
            evidence=(
                Evidence(signal="weight_norm", value=pull.early or 0.0, threshold=self.strong, note=note),
                self._saved(elastic, self.price),
            ),
        )

    def _harmful(self, run: Run, learning: Learning, pull: DecayPull) -> Finding | None:
        """A decay that from the first moves the weights more than the gradient does, where most is learnt all the same.

        What it costs shows in the loss: classes are still told apart by weights that are held too small to be sure.
        """
        if pull.early is None or not pull.kept < self.shrunk:
            return None
        # An update holds the decay too: where both are equal and at right angles, it is larger by the root of two.
        if pull.early < self.outweighed / (math.sqrt(2.0) if pull.decoupled else 1.0):
            return None
        note = "pull of the decay over what else moves the weights, in the first steps"
        left = "share of the loss that is left"
        return self._report(
            f"weight_decay={pull.decay:g} moves the weights more than the gradient does from the first step on: they "
            f"shrink to {pull.kept:.0%}, and the loss stays at {learning.curve.end.value:.4g}",
            _weaken(run, pull.decay),
            learning,
            confidence=0.75,
            where=optimizer_place(run),
            evidence=(
                Evidence(signal="weight_norm", value=pull.early, threshold=self.outweighed, note=note),
                Evidence(signal="loss", value=learning.remaining, threshold=self.harm, note=left),
            ),
        )

    def _by_itself(self, run: Run, learning: Learning) -> Finding | None:
        """A decay that an optimizer or a loop makes by itself, seen in what updates take off the weights."""
        shrinking = Shrinking.of(run)
        if shrinking is None:
            return None
        acts = "" if shrinking.stated is None else f": weight_decay={shrinking.stated:g} acts without the learning rate"
        note = "fall of the norm of the weights, over the length of their way, in the first steps"
        return self._report(
            f"each update takes {shrinking.share:.1%} off the weights, whatever the gradient says{acts}; their norm "
            f"ends at {shrinking.kept:.2g} of what it was, and the loss at {learning.curve.end.value:.4g}",
            "Multiply the decay by the learning rate, as AdamW does: p.mul_(1 - lr * weight_decay); or use "
            "torch.optim.AdamW.",
            learning,
            confidence=0.9,
            where=optimizer_place(run),
            evidence=(Evidence(signal="weight_norm", value=shrinking.part, threshold=shrinking.least, note=note),),
        )

    def _stated(self, run: Run, learning: Learning) -> Finding | None:
        """A penalty that the training's plan states: what it pulls by, against the gradient of which it is a part."""
        plan, pull = run.fact(Training), penalty_pull(run)
        weights, gradients = (late_norm(run.table(s)) for s in (signals.WEIGHT_NORM, signals.GRADIENT_NORM))
        elastic = pull * weights / max(abs(learning.curve.end.value), 1e-300)
        if plan is None or not pull or not gradients or pull < self.pull * gradients or elastic < self.elastic:
            return None
        given = " and ".join(f"{name}={value:g}" for name, value in (("l1", plan.l1), ("l2", plan.l2)) if value)
        note = "pull of the penalty over the norm of the whole gradient"
        return self._report(
            f"the penalty of {given} holds the loss at {learning.curve.end.value:.4g}: it pulls at the weights by "
            f"{pull / gradients:.0%} of the gradient",
            "Divide the factor of the penalty by 100.",
            learning,
            confidence=0.85,
            where=Where(),
            evidence=(
                Evidence(signal="weight_norm", value=pull / gradients, threshold=self.pull, note=note),
                self._saved(elastic, self.elastic),
            ),
        )

    def _saved(self, elastic: float, threshold: float) -> Evidence:
        note = "share of the loss that is saved for each share by which the weights grow"
        return Evidence(signal="loss", value=elastic, threshold=threshold, note=note)

    def _dropout(self, run: Run, learning: Learning) -> Finding | None:
        worst = strongest_dropout(run)
        if worst is None or worst[0] < self.doubtful:
            return None
        probability, layer = worst
        validation = Validation.losses(run).values
        end = learning.measured.curve.end.value
        helped = len(validation) > 0 and validation[-1] < self.apart * end
        if probability < self.dropped and not helped:
            return None
        if helped and learning.guess and validation[-1] < self.without * learning.guess:
            return None  # without it nearly all is told, which is what dropout is for
        proofs = [
            Evidence(
                signal="model",
                value=probability,
                threshold=self.dropped if probability >= self.dropped else self.doubtful,
                note=f"probability of dropout of {layer.path}",
            )
        ]
        if helped:
            note = "validation loss, without dropout, far below the training loss"
            proofs.append(Evidence(signal="validation_loss", value=float(validation[-1]), threshold=end, note=note))
        return self._report(
            f"dropout of p={probability:g} in {layer.path} holds the training loss at {end:.4g}",
            "Lower the dropout: try p=0.2, and more only once the training data are fitted.",
            learning,
            confidence=0.9 if probability >= 0.9 else 0.8 if probability >= self.dropped else 0.65,
            where=Where(module=layer.path),
            evidence=tuple(proofs),
        )

    def _penalty(self, run: Run) -> Finding | None:
        """A penalty that the script adds to the one loss that it calls."""
        steps, called, differentiated = called_and_differentiated(run)
        weights = norms(run.table(signals.WEIGHT_NORM))
        if len(steps) < self.called or len(weights) < 2 or not 0 < weights[-1] <= self.shrunk * weights[0]:
            return None
        losses = Curve.of(Series(steps, called))
        first, last = (float(np.median(1.0 - called[part] / differentiated[part])) for part in (HEAD, TAIL))
        share = max(first, last)
        if losses.values.min() < 0 or not share >= 0.5 or losses.end.value < 0.9 * losses.start:
            return None
        when = " at first" if first > last else ""
        return self.finding(
            f"the penalty that is added to the loss is {share:.0%} of it{when}: the weights shrink to "
            f"{weights[-1] / weights[0]:.1%}, and the loss proper stays at {losses.end.value:.4g}",
            "Divide the factor of the penalty by 100 or more.",
            severity="error",
            confidence=0.75,
            evidence=(
                Evidence(
                    signal="loss_call",
                    value=share,
                    threshold=0.5,
                    steps=(int(steps[0]), int(steps[-1])),
                    note="share of what is differentiated that is not the loss function's",
                ),
            ),
        )

    def _report(
        self,
        summary: str,
        advice: str,
        learning: Learning,
        *,
        confidence: float,
        where: Where,
        evidence: tuple[Evidence, ...],
    ) -> Finding:
        severity: Severity = "error" if learning.seems == "none" else "warning"
        return self.finding(summary, advice, severity=severity, confidence=confidence, where=where, evidence=evidence)


def _weaken(run: Run, decay: float) -> str:
    given = placed(run, f"weight_decay={decay:g}")
    return f"Lower the weight decay ({given}): try weight_decay={weaker_decay(run, decay):g}."
