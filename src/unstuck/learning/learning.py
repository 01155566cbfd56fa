"""Has it learnt? All that a run tells of it, joined to one outcome."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from unstuck.learning.answers import Answers
from unstuck.learning.curve import Curve, Level
from unstuck.learning.evaluated import evaluated
from unstuck.learning.measured import LATE, PRETRAINED, Measured
from unstuck.learning.outcome import MUCH, Indication, Outcome, best_of, of_loss
from unstuck.learning.outputs import of_outputs, of_targets
from unstuck.learning.relapse import Relapse, lost_numbers, relapse
from unstuck.learning.spikes import calm
from unstuck.learning.terms import heads_unlearnt, joined, of_terms
from unstuck.record import Run, signals

__all__ = ["Learning"]

EXPLODED = 100.0
"""Scales by which a loss without a yardstick must rise to tell that nothing was learnt: returns that grow raise the
loss of an agent that learns by less."""

CONTRADICTED = 0.1
"""Share of what there is to learn that the standard error of an evaluation may be to contradict the training."""


@dataclass(frozen=True)
class Learning:
    """How far a training got.

    Attributes:
        curve: The training loss.
        measured: The loss that is compared with a guess.
        answers: How many examples are classified rightly.
        terms: What each of several losses says that are added up, late in the training.
        unlearnt: Those of them that are of output heads that have learnt nothing, while others have.
        evaluations: What evaluations of other data say, the last of each kind.
        outputs: What the spread of outputs between examples says; None where they differ.
        targets: That all targets are the same; None where they differ.
        broken: The step from which on losses were not finite, up to the end; None where they are.
        known: Whether a loss was recorded at all.
    """

    curve: Curve
    measured: Measured
    answers: Answers
    terms: tuple[Indication, ...] = ()
    unlearnt: tuple[Indication, ...] = ()
    evaluations: tuple[Indication, ...] = ()
    outputs: Indication | None = None
    targets: Indication | None = None
    broken: int | None = None
    known: bool = True

    @classmethod
    def of(cls, run: Run) -> Learning:
        """The learning of one stream of a run.

        Examples:
            >>> import tempfile
            >>> from pathlib import Path
            >>> from unstuck.record.facts import Loss, LossClasses
            >>> from unstuck.testing.rules import record
            >>> ten = Loss(function="cross_entropy", classes=LossClasses(number=10, counts=(100,) * 10))
            >>> losses = {signals.LOSS: np.geomspace(2.3, 0.1, 100)}
            >>> with record(Path(tempfile.mkdtemp()), series=losses, facts=[ten]) as run:
            ...     learning = Learning.of(run)
            >>> learning.outcome, learning.evidence[0].words
            ('good', 'training loss 0.115 where a constant guess has 2.31')
        """
        return run.once(cls, lambda: cls._of(run))

    @classmethod
    def _of(cls, run: Run) -> Learning:
        losses = run.series(signals.LOSS)
        curve, broken = Curve.of(losses), lost_numbers(losses)
        if not len(curve):
            return cls(curve, Measured(curve), Answers(), broken=broken, known=len(losses) > 0)
        answers = run.series(signals.ACCURACY).finite()
        early = float(np.median(answers.values[:5])) if len(answers) else None
        measured = Measured.of(run, curve, early=early)
        known, last = Answers.of(run, measured.loss), int(curve.steps[-1])
        terms = () if measured.loss else of_terms(run, last=last)
        return cls(
            curve=curve,
            measured=measured,
            answers=known,
            terms=terms,
            unlearnt=heads_unlearnt(run, terms),
            evaluations=evaluated(run, measured.loss, known),
            outputs=of_outputs(run, measured.loss),
            targets=of_targets(measured.loss, step=last),
            broken=broken,
        )

    @property
    def accuracy(self) -> float | None:
        """Training accuracy over the last samples; None where there are no classes."""
        return self.answers.accuracy

    @property
    def commonest(self) -> float:
        """Share of the commonest class, which the best constant guess gets right; 0 where there are no classes."""
        return self.answers.commonest

    @property
    def guess(self) -> float | None:
        """Loss of the best constant guess in the unit of what is measured; None where it is not known."""
        return self.measured.guess and self.measured.guess.value

    @property
    def floor(self) -> float | None:
        """The least value of the loss, in the same unit; None where it is not known."""
        return self.measured.floor

    @cached_property
    def pretrained(self) -> bool:
        """Whether the start lies so far below the constant guess that something was learnt before.

        Also true where the loss was divided by a constant, as for gradient accumulation: in both cases the curve cannot
        be measured against the guess. Three standard errors of the start must not reach up to it, for losses of single
        examples scatter more widely than their mean is large.
        """
        if self.guess is None:
            return False
        least, curve = self.floor or 0.0, self.measured.curve
        doubt = 3.0 * curve.start_noise / 5.0**0.5
        span = self.guess - least
        return curve.start - least + min(doubt, 0.5 * span) < PRETRAINED * span

    @cached_property
    def reference(self) -> float:
        """What learning is measured from: the constant guess, or the start where that is not known or was better.

        A start above what outputs of zero give is one of too large weights, and no measure of what was learnt.
        """
        if self.guess is None:
            return min(self.measured.curve.start, self.measured.untrained or math.inf)
        return self.measured.curve.start if self.pretrained else self.guess

    @cached_property
    def remaining(self) -> float:
        """What is left at the end, as a share of the reference, both above the floor: 1 nothing learnt, 0 all.

        Losses whose floor is not known are taken to have it at zero; NaN where they fall below it.
        """
        least, curve = self.floor or 0.0, self.measured.curve
        # That of soft targets is a mean over examples, which a batch may lie below.
        lowest = curve.best + 3.0 * curve.noise if least else float(curve.values.min())
        if self.reference <= least or lowest < least - 1e-3 * curve.scale:
            return float("nan")
        return (curve.end.value - least) / (self.reference - least)

    @cached_property
    def relapse(self) -> Relapse | None:
        """Whether it had learnt, and lost it again; None where it did not.

        A loss without a yardstick must end above its start, for the parts that it is made of may take turns. So must
        one whose start was learnt already. Single losses that were thrown are left out.
        """
        if not len(self.curve):
            return None
        curve = calm(self.measured.curve)
        if self.broken is not None:
            finite = relapse(curve, reference=self.reference, end=Level(math.inf, 0.0))
            return finite and Relapse(finite.best, finite.best_step, math.nan, self.broken, finite.error)
        if math.isnan(self.remaining):
            return None
        found = relapse(curve, reference=self.reference)
        above = self.floor is not None and not self.pretrained
        return found if found and (above or found.end >= curve.start) else None

    @cached_property
    def evidence(self) -> tuple[Indication, ...]:
        """Every number that tells whether something was learnt, with what it says alone."""
        loss = self._of_loss()
        own = (loss, *self.answers.evidence, self.outputs, self.targets)
        return (*(one for one in own if one is not None), *self.terms, *self.evaluations)

    @cached_property
    def trained(self) -> Outcome:
        """How learning ended by the training alone: the loss, its terms, the accuracy."""
        if self.broken is not None or not len(self.curve):
            return "none" if self.known else "unknown"
        if self.targets is not None:
            return "unknown"  # a constant is all that is asked for
        best = best_of("none" if self._constant else self._by_loss, self.answered)
        return "partial" if best == "good" and (self.answers.missed or self.unlearnt) else best

    @cached_property
    def _constant(self) -> bool:
        """Whether the same output for every example is all that was learnt, and no guess shows that by the loss."""
        unmeasured = self.guess is None or self._by_loss == "unknown"
        return unmeasured and self.outputs is not None and self.outputs.says == "none"

    @cached_property
    def _by_loss(self) -> Outcome:
        loss = self._of_loss()
        by_loss = joined(self.terms, falls=self.curve.falls_surely) if self.terms else loss.says if loss else "unknown"
        if by_loss == "none" and self.pretrained and not self.curve.rises_surely:
            return "unknown"  # what it began with may be all there is to learn
        return "none" if by_loss == "unknown" and self._fails else by_loss

    @cached_property
    def answered(self) -> Outcome:
        """How learning ended by the answers of the training alone."""
        says = self.answers.says
        if says == "good" and self.remaining > 1.0 and self._by_loss == "none":
            return "partial"  # right, and surely wrong where it is not
        doubted = says == "none" and not self.answers.balanced and (self._falls_far or self.pretrained)
        return "unknown" if doubted else says

    @cached_property
    def _falls_far(self) -> bool:
        """Whether the loss falls surely, by as much as a good part of what there is to learn."""
        return self.curve.falls_surely and self.curve.fall > MUCH * self.curve.scale

    @cached_property
    def evaluated(self) -> Outcome:
        """How learning ended by evaluations of other data: by their accuracy, or by their loss; the last late ones."""
        last = self.relapse.step if self.relapse else 0
        late = [one for one in self.evaluations if one.step >= max(last, LATE * int(self.curve.steps[-1] + 1))]
        told: list[Outcome] = [one.says for one in late if one.what == "evaluation accuracy" and one.says != "unknown"]
        return best_of(*(told or [one.says for one in late]))

    @cached_property
    def outcome(self) -> Outcome:
        """How learning ended.

        good: less than a fifth of what there is to learn is left, or nine of ten examples are classified rightly, and
        half of those that the commonest class alone gets wrong. partial: some of it was learnt, by more than noise
        explains, or by some output heads only; or all of it, while evaluations of other data are at chance, or while
        only the loss of evaluations says so. none: the loss is that of a constant guess, or worse; the losses are not
        finite any more; or it exploded. unknown: there is nothing to measure it by.
        """
        if self.broken is not None or not len(self.curve):
            return self.trained
        contradicted = self.evaluated == "none" and all(
            one.error < CONTRADICTED * abs(one.reference - one.floor or 1.0) for one in self.evaluations
        )
        if (self.trained == "good" and contradicted) or (self.trained == "partial" and self.unlearnt):
            return "partial"
        best = best_of(self.trained, self.evaluated)
        return "partial" if best == "good" and self.trained == "none" and not self._classified else best

    @property
    def _classified(self) -> bool:
        """Whether evaluated examples are classified well, of which a loss of training may show nothing."""
        return any(one.what == "evaluation accuracy" and one.says == "good" for one in self.evaluations)

    @cached_property
    def seems(self) -> Outcome:
        """How the training seems to have ended, for those who look for what keeps it from learning: never unknown.

        As the loss says, or a good accuracy. A loss without a yardstick counts as if it could fall to zero, or by
        whether it falls at all; a fall that cannot be told from noise is none.
        """
        if self.broken is not None or not len(self.curve):
            return "none"
        if self.answered == "good" or self._by_loss != "unknown":
            return best_of(self._by_loss, "good" if self.answered == "good" else "none")
        margin, curve = self.reference - self.measured.curve.end.value, self.measured.curve
        if math.isnan(self.remaining):
            return "partial" if curve.falls_surely else "none"
        if not margin > 3.0 * curve.end.error or margin < 0.05 * self.reference:
            return "none"
        return "good" if self.remaining < 0.2 else "partial"

    @cached_property
    def _fails(self) -> bool:
        """Whether a loss without a yardstick tells by itself that nothing is learnt: it explodes, or relapses."""
        curve = self.measured.curve
        if curve.values.min() < 0.0:
            return False
        exploded = curve.shape == "diverging" and curve.end.value > EXPLODED * (curve.start + curve.start_noise)
        return exploded or self.relapse is not None

    def _of_loss(self) -> Indication | None:
        """What the loss says; None where it has no floor that is known."""
        curve, least = self.measured.curve, self.floor
        if not len(curve) or least is None or math.isnan(self.remaining):
            return None
        step, end = int(curve.steps[-1]), curve.end
        known = self.measured.guess
        if known is not None and (not self.pretrained or self.measured.exact):
            error = float(np.hypot(end.error, known.error))
            found = of_loss("training loss", end.value, reference=known.value, floor=least, error=error, step=step)
            if not self.pretrained or found.says == "good":
                return found
        start = self.reference
        than = "the start" if start == curve.start else "an output of zero"
        error = float(np.hypot(end.error, curve.fall_error))
        return of_loss("training loss", end.value, reference=start, floor=least, error=error, step=step, than=than)
