"""O201: the learning rate is too high."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from unstuck.learning import Learning, optimizer_place, seen_late
from unstuck.learning.curve import CERTAIN, Curve
from unstuck.learning.game import in_a_game
from unstuck.record import Evidence, Finding, Run, Severity, signals
from unstuck.record.facts import End, Model, Optimizer, Parameter
from unstuck.rules.adapters import Products
from unstuck.rules.attention import grown_logits
from unstuck.rules.gates import FINITE_DATA, NO_RANGE_TEST, TARGETS_STAND, losses
from unstuck.rules.methods import large_steps
from unstuck.rules.rate import lower_rate
from unstuck.rules.rule import Rule
from unstuck.rules.shrinking import Shrinking
from unstuck.rules.step_size import Steps

__all__ = ["LearningRateTooHigh"]

FIRST = 10
"""Steps that a fine-tuning begins with: a warm-up has hardly begun, and what was learnt before is still there."""

WINDOWS = 40
"""Stretches of a training whose typical losses are compared."""

ADAPTERS = "the products of the adapters"

_Found = tuple[Severity, float, str, Evidence]


@dataclass(frozen=True)
class _Step:
    """What is known of the steps: how large, and whether each undoes the one before."""

    early: float | None
    late: float | None
    widest: float | None
    cosine: float | None
    climbs: bool
    died: bool
    way: tuple[float, str]
    product: float
    method: str

    @classmethod
    def of(cls, run: Run) -> _Step:
        steps = Steps.of(run)
        cosines = run.series(signals.GRADIENT_COSINE).finite().values
        ascent = run.table(signals.UPDATE_GRADIENT_COSINE).values
        ascent = ascent[np.isfinite(ascent)]
        products = Products.of(run)
        return cls(
            early=steps.early() if len(steps) else None,
            late=steps.late() if seen_late(run, steps.typical.steps) else None,
            widest=float(steps.typical.values.max()) if len(steps) else None,
            cosine=float(np.median(cosines)) if len(cosines) else None,
            died=_died(run),
            way=_first_way(run, steps, products),
            product=products.largest() if products else 0.0,
            climbs=bool(len(ascent) and np.median(ascent) > 0.1),
            method=next((optimizer.type for optimizer in run.facts(Optimizer)[-1:]), ""),
        )


@dataclass(frozen=True, kw_only=True)
class LearningRateTooHigh(Rule):
    """Each step overshoots: the loss climbs, or stays high while the weights are thrown about.

    Detects:
        A loss that ends far above its start; one that jumps early and never comes back below the constant guess; one
        that stays high while steps are tens of times larger than the weights can bear, or than weights that were
        trained before can, adapters among them, or while the first steps undid the initialisation; one that falls while
        the rate warms up, and is lifted again as the rate reaches its height. Where targets move as the model learns,
        as those of a policy, only first steps that undid the initialisation and threw the loss.

    Why it matters:
        Along the steepest direction a step longer than 2 / lambda, lambda being the curvature there, lands higher up
        on the other side than it started. Rectifiers thrown beyond their data never fire again, so that the
        damage of a few steps is permanent.

    Evidence:
        The loss against its start and against the best constant guess; the update ratio ||dw|| / ||w|| of weight
        matrices (about 1e-3 in good trainings); the cosine of successive gradients, which is negative when steps
        bounce; logits of attention that have grown tenfold and beyond 50. A curve alone is not enough: without large
        or bouncing steps, a climbing loss has another cause.

    Known false positives:
        A loss of a game (the generator's of a GAN) may rise; there only large steps count. A data order that changes
        the task midway raises the loss with small steps: silent. Steps that are large because a decay takes the weights
        to zero: silent (R201). Full-batch descent at the edge of stability bounces while the loss falls: silent,
        because learning goes on.

    Try:
        Divide the rate by ten, and again until the loss falls from the first steps. Warm the rate up where it must be
        high later. Clip the gradient norm where single batches throw the weights.

    References:
        CS231n, "Neural Networks Part 3: Learning and Evaluation", update ratios; Cohen et al., "Gradient descent on
        neural networks typically occurs at the edge of stability", ICLR 2021; LeCun et al., "Efficient BackProp", 1998.
    """

    code = "O201"
    name = "learning rate too high"
    cause = "lr-too-high"
    needs = (signals.LOSS,)
    applies_to = (losses(5), FINITE_DATA, NO_RANGE_TEST)

    shortest: int = 5  #: losses of a stretch that has a level (our choice: a jump and its aftermath)
    large_ratio: float = 0.03  #: late update ratio: thirty times the 1e-3 of CS231n; Adam at 1e-3 ends below 0.01
    jump_ratio: float = 0.1  #: early update ratio that can throw a network in a step: a tenth of the weights
    reversal: float = -0.3  #: median cosine of successive gradients: below it, steps bounce (noise gives 0)
    climb: float = 1.0  #: rise above the start in units of the loss's scale: it doubled
    jump: float = 1.0  #: early rise above the start in the same unit
    lift: float = 0.25  #: early rise that weights thrown about explain
    unlearnt: float = 0.5  #: share of the loss that is left where what was learnt early was lost again
    thrown: float = 0.5  #: early update ratio: a step of half the weights undoes the initialisation
    away: float = 0.5  #: way of trained weights over the first steps: half of their size (our choice)
    drowned: float = 10.0  #: products of adapters in the size of the frozen weights, which then hardly count
    gain: float = 0.1  #: share of the loss that the last half took off, where it still falls (our choice)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        learning, step = Learning.of(run), _Step.of(run)
        if step.climbs or Shrinking.of(run) is not None:
            return
        curve, game = learning.curve, in_a_game(run)
        if not TARGETS_STAND.admits(run):
            if (found := self._thrown(curve, step)) is not None:
                yield self._report(run, step, *found)
            return
        found = self._diverged(run, curve, step) or (None if game else self._stuck_high(curve, learning, step))
        if found is not None:
            yield self._report(run, step, *found)
        elif (attention := grown_logits(run, collapsed=True)) is not None:
            yield self._without_harm(run, attention)

    def _without_harm(self, run: Run, attention: Evidence) -> Finding:
        """Attention has collapsed, and the loss does not show it, or shows it for another reason."""
        finding = self.finding(
            f"attention has narrowed to single keys: the {attention.note}, and is {attention.value:.2g} now",
            "Watch it in a longer training: such logits grow until the loss is thrown. A lower rate, a norm of queries "
            "and keys (QK-norm), or weight decay on their matrices keeps them in range.",
            severity="note",
            confidence=0.4,
            evidence=(attention,),
        )
        return replace(finding, where=optimizer_place(run))

    def _diverged(self, run: Run, curve: Curve, step: _Step) -> _Found | None:
        """The loss ends far above its start, with steps that can have done it."""
        last = (int(curve.steps[0]), int(curve.steps[-1]))
        climbed = (curve.end.value - curve.first) / curve.scale
        certain = curve.end.value - curve.first > CERTAIN * curve.start_noise or len(curve) < 10
        end = run.fact(End)
        overflowed = np.isinf(run.series(signals.LOSS).values).any() or np.isnan(run.series(signals.LOSS).values).any()
        blew_up = (end is not None and end.reason == "diverged") or overflowed
        grown = float(curve.values[-3:].max() - curve.first) / curve.scale
        if not ((climbed > self.climb and certain) or (blew_up and grown > 10 * self.climb)):
            return None
        proof = self._large(step) or self._bounces(step)
        blind = step.late is None and step.cosine is None
        if not proof and not (blind and max(climbed, grown) > 10 * self.climb):
            return None
        height = max(climbed, grown)
        return (
            "error",
            0.9 if proof and height > 3 else 0.7,
            f"the loss climbs from {curve.first:.4g} to {float(curve.values[-1]):.4g} instead of falling",
            Evidence(
                signal="loss", value=curve.end.value, threshold=curve.first + self.climb * curve.scale, steps=last
            ),
        )

    def _thrown(self, curve: Curve, step: _Step) -> _Found | None:
        """The first steps throw loss and weights, whatever the targets are."""
        if len(curve) < 2 * self.shortest:
            return None
        highest = float(curve.values[: max(self.shortest, len(curve) // 5)].max())
        leap = (highest - curve.first) / curve.scale
        if leap <= 10 * self.jump or (step.early or 0.0) <= self.thrown:
            return None
        bound = curve.first + 10 * self.jump * curve.scale
        summary = f"the first steps move the weights by up to {step.early:.0%} each, and the loss jumps from"
        evidence = Evidence(signal="loss", value=highest, threshold=bound, note="highest at first")
        return "error", 0.8, f"{summary} {curve.first:.4g} to {highest:.4g}", evidence

    def _stuck_high(self, curve: Curve, learning: Learning, step: _Step) -> _Found | None:
        """The loss stays high, after a jump or under steps that are far too large."""
        if learning.seems == "good" or len(curve) < 2 * self.shortest:
            return None
        span = (int(curve.steps[0]), int(curve.steps[-1]))
        head = curve.values[: max(self.shortest, len(curve) // 5)]
        leap = (float(head.max()) - curve.first) / curve.scale
        certain = float(head.max()) - curve.first > 2 * CERTAIN * curve.noise or leap > 10 * self.jump
        jumped = leap > self.jump and certain and (step.early or 0.0) > self.jump_ratio
        evidence = Evidence(
            signal="loss",
            value=curve.end.value,
            threshold=learning.reference,
            steps=span,
            note="end, against the start",
        )
        if jumped and learning.seems == "none":
            summary = f"the loss jumps from {curve.first:.4g} to {float(head.max()):.4g} in the first steps"
            return (
                "error",
                0.9,
                f"{summary} and ends at {curve.end.value:.4g}, no better than a constant guess",
                evidence,
            )
        if step.died and learning.seems == "none" and (step.early or 0.0) > self.jump_ratio:
            summary = f"the first steps move the weights by up to {step.early:.0%} each, and a layer of rectifiers dies"
            return "error", 0.85, f"{summary}; the loss stays at {curve.end.value:.4g}", evidence
        thrown = leap > self.lift and certain and (step.early or 0.0) > self.thrown
        if thrown and (jumped or learning.remaining > 0.5):
            summary = (
                f"the first steps move the weights by up to {step.early:.0%} each and lift the loss from "
                f"{curve.first:.4g} to {float(head.max()):.4g}"
            )
            return "warning", 0.65, f"{summary}; it comes down to {curve.end.value:.4g} only", evidence
        way, moved = step.way
        if way > self.away and (learning.remaining > self.unlearnt or jumped or step.product > self.drowned):
            moves = (
                f"make {moved} {way:.2g} times as large as the weights that they adapt"
                if moved == ADAPTERS
                else f"move {moved} by up to {way:.0%} of their size"
            )
            summary = (
                f"the first {FIRST} steps {moves}: what was learnt is lost, and "
                + (f"the loss jumps to {float(head.max()):.4g} and comes down to" if jumped else "the loss stays at")
                + f" {curve.end.value:.4g}"
            )
            return "error" if learning.seems == "none" else "warning", 0.8, summary, evidence
        rebound = self._rebound(curve)
        if rebound is not None and (step.widest or 0.0) > self._bound(step) and learning.remaining > self.unlearnt:
            low, high = rebound
            summary = (
                f"the loss comes down to {low:.4g}, is lifted again to {high:.4g} by steps that move the weights by up "
                f"to {step.widest:.0%} each, and ends at {curve.end.value:.4g}"
            )
            return "error" if learning.seems == "none" else "warning", 0.75, summary, evidence
        if not self._large(step):
            return self._undone(curve, learning, step, evidence)
        if learning.seems == "none":
            summary = f"the loss stays at {curve.end.value:.4g} while each step moves the weights by {step.late:.0%}"
            return "error", 0.85, summary, evidence
        stalled = curve.level(0.5, 0.75).value - curve.end.value < 0.1 * curve.scale and not curve.still_falls(
            self.gain
        )
        if stalled and learning.remaining > 0.3 and (jumped or self._bounces(step) or (step.late or 0) > 0.1):
            summary = f"the loss stalls at {curve.end.value:.4g} while each step moves the weights by {step.late:.0%}"
            return "warning", 0.65, summary, evidence
        return None

    def _undone(self, curve: Curve, learning: Learning, step: _Step, evidence: Evidence) -> _Found | None:
        """Nothing is learnt after first steps that undid the initialisation, however small a schedule made the last."""
        if learning.seems != "none" or (step.early or 0.0) <= self.thrown:
            return None
        summary = f"the first steps move the weights by up to {step.early:.0%} each, which undoes the initialisation"
        return "error", 0.7, f"{summary}; the loss stays at {curve.end.value:.4g}", evidence

    def _rebound(self, curve: Curve) -> tuple[float, float] | None:
        """Where a loss that fell climbed again: its level there and the level it came to; None where it did not."""
        size = max(self.shortest, len(curve) // WINDOWS)
        windows = np.array([np.median(part) for part in np.array_split(curve.values, len(curve) // size)])
        lows = np.minimum.accumulate(windows)
        top = int((windows - lows).argmax())
        low, high = float(lows[top]), float(windows[top])
        scatter = CERTAIN * curve.noise * math.sqrt(math.pi / size)  # of the difference of two medians
        undone = high - low > 0.5 * (curve.start - low)  # what had been learnt was lost, or half of it
        return (low, high) if high - low > max(self.lift * curve.scale, scatter) and undone else None

    def _bound(self, step: _Step) -> float:
        """The late update ratio that is large for the method."""
        return large_steps(step.method, self.large_ratio)

    def _large(self, step: _Step) -> bool:
        return (step.late or 0.0) > self._bound(step) or (step.early or 0.0) > 10 * self.jump_ratio

    def _bounces(self, step: _Step) -> bool:
        return step.cosine is not None and step.cosine < self.reversal

    def _report(
        self, run: Run, step: _Step, severity: Severity, confidence: float, summary: str, evidence: Evidence
    ) -> Finding:
        proofs = [evidence]
        if step.product:
            note = f"||BA|| / ||W|| of the largest adapter; {step.way[0]:.2g} after {FIRST} steps"
            proofs.append(Evidence(signal=signals.ADAPTER_SIZE.key, value=step.product, threshold=self.away, note=note))
        elif step.early is not None and step.late is not None:
            note = f"||dw|| / ||w|| of weight matrices; {step.early:.2g} at first"
            proofs.append(Evidence(signal="update_ratio", value=step.late, threshold=self._bound(step), note=note))
        if step.cosine is not None and self._bounces(step):
            note = "successive gradients oppose each other"
            proofs.append(Evidence(signal="gradient_cosine", value=step.cosine, threshold=self.reversal, note=note))
        attention = grown_logits(run)
        proofs += [attention] if attention is not None else []
        finding = self.finding(
            summary,
            f"{lower_rate(run)} If the loss then falls but jumps at times, warm the rate up or clip the gradient norm.",
            severity=severity,
            confidence=confidence,
            evidence=tuple(proofs),
        )
        return replace(finding, where=optimizer_place(run))


def _first_way(run: Run, steps: Steps, products: Products | None) -> tuple[float, str]:
    """How far the first steps together move weights that are to keep what was learnt before, at most, in their size.

    Of adapters their products count, by the size of the weights that they are added to. Zero where nothing was learnt
    before, or a fresh layer alone is trained.
    """
    model = run.fact(Model)
    known = [p for p in model.parameters if p.fresh is not None and len(p.shape) > 1] if model else []
    trained = [p for p in known if p.trainable and p.optimized]
    if not len(steps) or not _mostly_learnt(known):
        return 0.0, ""
    if _mostly_learnt(trained):
        typical = steps.typical
        count = min(FIRST, int(typical.steps[-1]) + 1)
        way = np.interp(np.arange(count), typical.steps, typical.values).sum()  # those between samples move them too
        return float(way), "weights that were trained before"
    return (products.after(FIRST), ADAPTERS) if products is not None else (0.0, "")


def _mostly_learnt(parameters: Sequence[Parameter]) -> bool:
    learnt = sum(math.prod(p.shape) for p in parameters if p.fresh is False)
    return learnt > 0.5 * sum(math.prod(p.shape) for p in parameters)


def _died(run: Run) -> bool:
    """Whether a layer of rectifiers fired before the first update and not at all at the end."""
    dead, zeros = run.table(signals.DEAD_UNITS), run.table(signals.ACTIVATION_ZEROS)
    for path, series in dead.columns():
        values = series.finite().values
        before = zeros.column(path).finite().values if path in zeros.names else values[:0]
        if len(values) and values[-1] > 0.98 and len(before) and before[0] < 0.9:
            return True
    return False
