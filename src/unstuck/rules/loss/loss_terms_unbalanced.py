"""L301: one of several terms of a loss drowns the one that carries the task."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from unstuck.learning import constant_guess, seen_late
from unstuck.record import Evidence, Finding, Run, Where, signals
from unstuck.record.facts import Loss, LossTerm, LossTerms
from unstuck.rules.calls import loss_calls
from unstuck.rules.gates import NO_GAME
from unstuck.rules.rule import Gate, Rule

__all__ = ["LossTermsUnbalanced"]

EARLY = 3
"""Looks at the start, and at the end, whose median is a term's level (our choice)."""

Key = tuple[str, str, str | None, int | None]


@dataclass(frozen=True)
class _Course:
    """A term over the training: one value a look."""

    term: LossTerm
    values: Sequence[float]
    weighted: Sequence[float]

    @property
    def start(self) -> float:
        return abs(float(np.median(self.weighted[:EARLY])))

    @property
    def end(self) -> float:
        return abs(float(np.median(self.weighted[-EARLY:])))


def _looks(run: Run) -> list[LossTerms]:
    """The looks at a loss whose terms are the same at each."""
    looks = [look for look in run.facts(LossTerms) if all(math.isfinite(term.weighted) for term in look.terms)]
    keys = [{_key(term) for term in look.terms} for look in looks]
    return looks if looks and all(key == keys[0] for key in keys) else []


def _reaches(run: Run) -> bool:
    looks = _looks(run)
    steps = np.array([look.step for look in looks], dtype=np.int64)
    return len(looks) >= 2 * EARLY and seen_late(run, steps, share=0.5)


LATE_LOOKS = Gate("the terms of the loss were not seen early and late in the training", _reaches)


@dataclass(frozen=True, kw_only=True)
class LossTermsUnbalanced(Rule):
    """One term of a sum is so heavy that the network learns it alone, and the task of another term not at all.

    Detects:
        A sum of several terms, one of which is a loss of targets that no better than a constant guess is reached for at
        the end, while another, thirty times as large from the start, or summed where the first is averaged over many
        elements, has fallen by more than half.

    Why it matters:
        The total falls, and hides that what it was made for is not learnt: an autoencoder whose divergence is summed
        and whose error is averaged tells its decoder nothing; of two tasks with targets of different units, one alone
        is learnt.

    Evidence:
        The terms as the graph of additions before the backward pass shows them, with their values, alone and as they
        are added; the loss of the best constant guess of the drowned term.

    Known false positives:
        Penalties and auxiliary losses that are light on purpose: a term that is multiplied by less than 1 is not
        taken for drowned, nor one that has no targets. Games of several networks are passed over.

    Try:
        One reduction for all terms (a sum over what belongs to an example, the mean over examples); a weight by which
        the terms are of one size when training begins; a divergence that is warmed up from zero.

    References:
        Kingma and Welling, "Auto-encoding variational Bayes", ICLR 2014, equation 10; Higgins et al., "beta-VAE", ICLR
        2017; Kendall, Gal and Cipolla, "Multi-task learning using uncertainty to weigh losses", CVPR 2018.
    """

    code = "L301"
    name = "loss terms unbalanced"
    cause = "loss-terms-unbalanced"
    needs = (LossTerms, Loss)
    applies_to = (NO_GAME, LATE_LOOKS)
    explains = ("D202", "I101", "L201", "M201", "O202", "O401", "R201", "T204")

    heavy: float = 30.0  #: values of two terms when training begins: one and a half orders of magnitude (our choice)
    fallen: float = 0.5  #: share of the heavy term that is left, below which it was learnt (our choice)
    guess: float = 0.9  #: drowned term over its constant guess, above which it was not (our choice)
    light: float = 0.999  #: factor below which a term is light on purpose

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        courses = _courses(_looks(run))
        sizes = run.series(signals.BATCH_SIZE).finite().values
        batch = float(np.median(sizes)) if len(sizes) else 1.0
        for drowned in courses:
            call = _call(run, drowned.term)
            guess = constant_guess(_by_output(call), batch=batch) if call else None
            if call is None or guess is None or not self._unlearnt(drowned, guess):
                continue
            heaviest = max((c for c in courses if c is not drowned), key=lambda course: course.start)
            ratio = heaviest.start / max(drowned.start, 1e-30)
            mixed = self._mixed(call, heaviest.term, batch)
            if heaviest.end <= self.fallen * heaviest.start and (ratio > self.heavy or mixed > self.heavy):
                yield self._report(drowned, heaviest, ratio, mixed, guess)
                return

    def _unlearnt(self, course: _Course, guess: float) -> bool:
        """Whether a term that counts in full has stayed at its constant guess."""
        factors = [w / v for v, w in zip(course.values, course.weighted, strict=True) if v]
        light = not factors or abs(float(np.median(factors))) < self.light
        return not light and float(np.median(course.values[-EARLY:])) >= self.guess * guess

    def _mixed(self, call: Loss, heavy: LossTerm, batch: float) -> float:
        """How many elements a mean divides by where the other term is a sum; 1 where both are of one kind."""
        elements = batch * float(np.prod(call.output.shape[1:])) if call.output.shape else batch
        return elements if call.reduction == "mean" and heavy.operation == "sum" else 1.0

    def _report(self, drowned: _Course, heavy: _Course, ratio: float, mixed: float, guess: float) -> Finding:
        level = float(np.median(drowned.values[-EARLY:]))
        by_reduction = ratio <= self.heavy
        why = f"is summed, while the other is the mean of {mixed:,.0f} elements" if by_reduction else ""
        return self.finding(
            f"{_named(drowned.term)} is not learnt: it ends at {level:.3g}, as a constant guess gives; "
            f"{_named(heavy.term)} {why or f'is {ratio:,.0f} times as large when training begins'}",
            "Take one reduction for all terms, sums over an example and the mean over examples."
            if mixed > self.heavy
            else "Weigh the terms so that they are of one size when training begins.",
            severity="error",
            confidence=0.85,
            where=Where(file=heavy.term.file, line=heavy.term.line),
            evidence=(
                Evidence(
                    signal=LossTerms.kind,
                    value=mixed if by_reduction else ratio,
                    threshold=self.heavy,
                    note="heavy term over the drowned one: " + ("elements" if by_reduction else "values at the start"),
                ),
                Evidence(
                    signal=LossTerms.kind,
                    value=level / guess,
                    threshold=self.guess,
                    note=f"drowned term at the end over its constant guess, {guess:.3g}",
                ),
                Evidence(
                    signal=LossTerms.kind,
                    value=heavy.end / max(heavy.start, 1e-30),
                    threshold=self.fallen,
                    note="share of the heavy term that is left at the end: it was learnt",
                ),
            ),
        )


def _key(term: LossTerm) -> Key:
    return term.function, term.operation, term.file, term.line


def _courses(looks: Sequence[LossTerms]) -> list[_Course]:
    by_key: dict[Key, list[LossTerm]] = {}
    for look in looks:
        for term in look.terms:
            by_key.setdefault(_key(term), []).append(term)
    return [_Course(terms[0], [t.value for t in terms], [t.weighted for t in terms]) for terms in by_key.values()]


def _call(run: Run, term: LossTerm) -> Loss | None:
    """What is known of the loss call that a term is."""
    place = (term.function, term.file, term.line)
    return next((call for call in loss_calls(run) if (call.function, call.file, call.line) == place), None)


def _by_output(call: Loss) -> Loss:
    """The call with the variance of its targets about the mean of each output, where that is known."""
    each = call.target.each
    if each is None:
        return call
    return replace(call, target=replace(call.target, variance=each.variance))


def _named(term: LossTerm) -> str:
    line = f" in line {term.line}" if term.line else ""
    return f"the term {term.function or term.operation}{line}"
