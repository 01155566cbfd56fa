"""D301: the batches come in the order of their classes, or of time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unstuck.learning import Learning, batch_size
from unstuck.learning.policies import acts
from unstuck.learning.validation import Validation
from unstuck.record import Evidence, Finding, Run, Severity, Where, signals
from unstuck.record.facts import Loader, Loss
from unstuck.rules.calls import call_place, loss_calls
from unstuck.rules.gates import NO_GAME, ONE_LOSS
from unstuck.rules.rule import Gate, Rule

__all__ = ["NotShuffled"]


@dataclass(frozen=True)
class _Order:
    """How far batches differ from draws at random: a share of all that is possible, and its evidence."""

    excess: float
    certain: bool
    words: str
    evidence: tuple[Evidence, ...]


FEWEST = 4
"""Examples of a batch of which some can be said to be alike (our choice)."""


def _targets_of_examples(run: Run) -> bool:
    call = loss_calls(run)[0]
    size = int(batch_size(run, call))
    return size >= FEWEST and bool(call.target.shape) and call.target.shape[0] in (size, *_sizes(run))


TARGETS_OF_EXAMPLES = Gate("batches are too small, or targets do not stand for examples", _targets_of_examples)


UNPLAYED = Gate("a policy plays, whose states come one after the other", lambda run: not acts(run))


@dataclass(frozen=True, kw_only=True)
class NotShuffled(Rule):
    """Each batch holds examples of one kind, because the data are taken in the order in which they lie.

    Detects:
        Batches in which one class prevails far more than in the data as a whole; batches of real targets that differ
        from each other far more than random draws would, in their means or, from one to the next, in their spread.

    Why it matters:
        Each step then undoes what the steps on other classes did: the running training loss is low, as the batch at
        hand was just learnt, and all else is forgotten. The gradient of a batch is no estimate of that of the data.

    Evidence:
        The share of a batch's most frequent class, against that of random draws of the same size and frequencies; the
        share of neighbours of equal class against the sum of squared frequencies; the variance of targets within
        batches against that over all; the order of the loader.

    Known false positives:
        Time series, episodes and samplers that pick a few classes a batch are in order on purpose: where validation
        does as well as training, the finding is a note, as it is where learning goes well and nothing is evaluated.

    Try:
        ``DataLoader(..., shuffle=True)``, or a new ``torch.randperm`` each epoch. Split by time where time matters, and
        shuffle within the training part.

    References:
        LeCun, Bottou, Orr and Müller, "Efficient BackProp", 1998, section 4.2, shuffling the examples; Bengio,
        "Practical recommendations for gradient-based training of deep architectures", 2012, section 3.1.
    """

    code = "D301"
    name = "data not shuffled"
    cause = "data-not-shuffled"
    needs = (signals.LOSS,)
    applies_to = (NO_GAME, ONE_LOSS, TARGETS_OF_EXAMPLES, UNPLAYED)

    excess: float = 0.3  #: way from the share in random draws to a batch of one class (our choice; random gives 0)
    errors: float = 6.0  #: standard errors of it over the batches seen: several hundred runs, no chance
    within: float = 0.4  #: variance of targets within batches over that of all; random batches of 16 give 0.94
    neighbours: float = 0.3  #: correlation of neighbouring targets; random order gives 0
    uneven: float = 0.2  #: deviation of the batches' spreads over their mean; draws of 16 give 0.18 (normal targets)
    gradual: float = 0.5  #: correlation of one batch's spread with the next one's; random order gives 0 (our choice)
    batches: int = 8  #: batches below which frequencies are not known (our choice)
    gap: float = 2.0  #: validation over training loss, above which what was learnt does not hold (our choice)
    accuracy: float = 0.15  #: training accuracy less that of validation, likewise (our choice)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        call = loss_calls(run)[0]
        size = int(batch_size(run, call))
        order = self._classes(run, call, size) or self._values(run, call, size) or self._spreads(run, call)
        if order is None:
            return
        severity, confidence, proof = self._harm(run, order)
        yield self.finding(
            f"the batches are not drawn at random: {order.words}",
            "Shuffle the training examples anew each epoch: DataLoader(..., shuffle=True), or an index from "
            "torch.randperm.",
            severity=severity,
            confidence=confidence,
            where=Where(file=call.file, line=call.line) if call.file else call_place(call),
            evidence=(*order.evidence, *proof),
        )

    def _classes(self, run: Run, call: Loss, size: int) -> _Order | None:
        top = run.series(signals.TARGET_TOP).finite().values
        shares = _shares(call)
        if shares is None or len(top) < self.batches or len(call.target.shape) > 2:
            return None
        draws = np.random.default_rng(0).multinomial(size, shares, 400).max(axis=1) / size
        expected, scatter = float(draws.mean()), float(draws.std())
        if expected > 0.95:
            return None
        excess = (float(top.mean()) - expected) / (1.0 - expected)
        errors = (float(top.mean()) - expected) / max(scatter / math.sqrt(len(top)), 1e-9)
        if excess < self.excess or errors < self.errors:
            return None
        evidence = [
            Evidence(
                signal="target_top",
                value=float(top.mean()),
                threshold=expected + self.excess * (1 - expected),
                note=f"share of a batch's commonest class; {expected:.2f} in random batches of {size}",
            )
        ]
        repeats = run.series(signals.TARGET_REPEATS).finite().values
        if len(repeats):
            note = f"neighbours of equal class; {float((shares**2).sum()):.2f} in random order"
            evidence.append(Evidence(signal="target_repeats", value=float(repeats.mean()), note=note))
        words = f"{top.mean():.0%} of a batch are of one class, where {expected:.0%} would be usual"
        return _Order(excess, excess > 2 * self.excess, words, (*evidence, *_order_of_loader(run)))

    def _values(self, run: Run, call: Loss, size: int) -> _Order | None:
        deviations = run.series(signals.TARGET_STD).finite().values
        means = run.series(signals.TARGET_MEAN).finite().values
        correlation = run.series(signals.TARGET_AUTOCORRELATION).finite().values
        if call.target.type != "real" or min(len(deviations), len(correlation)) < self.batches or _columns(call) > 1:
            return None
        inner = float(np.mean(deviations**2)) * size / max(1, size - 1)
        total = float(np.var(means)) + float(np.mean(deviations**2))
        near = float(np.median(correlation))
        if not total > 0 or inner / total > self.within or near < self.neighbours:
            return None
        words = f"targets vary {1 - inner / total:.0%} between batches and only {inner / total:.0%} within them"
        return _Order(1.0 - inner / total, inner / total < self.within / 2, words, (
            Evidence(
                signal="target_std",
                value=inner / total,
                threshold=self.within,
                note="variance of targets within batches over that of all",
            ),
            Evidence(
                signal="target_autocorrelation",
                value=near,
                threshold=self.neighbours,
                note="of neighbours within a batch",
            ),
            *_order_of_loader(run),
        ))  # fmt: skip

    def _spreads(self, run: Run, call: Loss) -> _Order | None:
        """Neighbours that are alike, in batches whose targets spread now more, now less, as a scan goes on."""
        deviations = run.series(signals.TARGET_STD).finite()
        correlation = run.series(signals.TARGET_AUTOCORRELATION).finite().values
        if call.target.type != "real" or min(len(deviations), len(correlation)) < self.batches or _columns(call) > 1:
            return None
        near, values = float(np.median(correlation)), deviations.values
        successive = np.diff(deviations.steps) == 1
        if near < self.neighbours or values.std() < self.uneven * values.mean() or not successive.any():
            return None
        smooth = 1.0 - float(np.mean(np.diff(values)[successive] ** 2)) / (2.0 * float(values.var()))
        if smooth < self.gradual:
            return None
        words = f"neighbouring targets are alike (correlation {near:.2f}), and so are successive batches"
        return _Order(near, near > 2 * self.neighbours, words, (
            Evidence(
                signal="target_autocorrelation",
                value=near,
                threshold=self.neighbours,
                note="of neighbours within a batch",
            ),
            Evidence(
                signal="target_std",
                value=smooth,
                threshold=self.gradual,
                note="correlation of the spread of a batch's targets with that of the next batch",
            ),
            *_order_of_loader(run),
        ))  # fmt: skip

    def _harm(self, run: Run, order: _Order) -> tuple[Severity, float, tuple[Evidence, ...]]:
        """How much it matters: what was learnt does not hold on other examples, or nothing was learnt at all."""
        learning, validated = Learning.of(run), Validation.of(run)
        end = learning.measured.curve.end.value
        accuracy = run.series(signals.ACCURACY).finite().values
        late = float(np.mean(accuracy[-max(5, len(accuracy) // 4) :])) if len(accuracy) else None
        if validated.accuracy is not None and late is not None:
            proof = Evidence(
                signal="validation_accuracy",
                value=validated.accuracy,
                threshold=late - self.accuracy,
                note=f"training accuracy {late:.0%}",
            )
            if validated.accuracy < late - self.accuracy or validated.accuracy < 0.5:
                return "error", 0.93 if order.certain else 0.75, (proof,)
            return "note", 0.5, (proof,)
        if validated.loss is not None:
            proof = Evidence(
                signal="validation_loss",
                value=validated.loss,
                threshold=self.gap * end,
                note="training loss at the end",
            )
            far = learning.guess is None or validated.loss > 0.3 * learning.guess
            if validated.loss > self.gap * max(end, 0.0) and far:
                return "error", 0.93 if order.certain else 0.75, (proof,)
            return ("warning", 0.6, (proof,)) if learning.seems != "good" and order.certain else ("note", 0.5, (proof,))
        if order.certain and (learning.seems != "good" or order.excess > 0.8):
            return "warning", 0.75, ()
        return "note", 0.5, ()


def _sizes(run: Run) -> set[int]:
    return {int(value) for value in run.series(signals.BATCH_SIZE).finite().values}


def _columns(call: Loss) -> int:
    return int(np.prod(call.target.shape[1:])) if len(call.target.shape) > 1 else 1


def _shares(call: Loss) -> NDArray[np.float64] | None:
    """Frequencies of the classes; of zeros and ones, where those are the targets."""
    if sum(call.classes.counts):
        counts = np.array(call.classes.counts, dtype=np.float64)
        return counts / counts.sum()
    target = call.target
    if target.distinct == 2 and target.minimum == 0 and target.maximum == 1 and target.mean:
        return np.array([1.0 - target.mean, target.mean])
    return None


def _order_of_loader(run: Run) -> tuple[Evidence, ...]:
    loader = max(run.facts(Loader), key=lambda fact: fact.updates, default=None)
    if loader is None or loader.order != "sequential":
        return ()
    return (Evidence(signal="loader", value=float(loader.updates), note="updates from a loader without shuffling"),)
