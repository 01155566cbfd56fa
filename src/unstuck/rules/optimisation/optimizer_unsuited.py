"""O101: a constant of the optimizer that keeps it from working."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unstuck.learning import Learning, optimizer_place
from unstuck.record import Evidence, Finding, Run, Severity, signals
from unstuck.record.facts import Model, Optimizer
from unstuck.rules.gates import NO_GAME, NOT_PRETRAINED, POOR, losses
from unstuck.rules.rate import placed
from unstuck.rules.rule import Rule

__all__ = ["OptimizerUnsuited"]

FULL_BATCH = ("Rprop", "LBFGS")
"""Methods that take a change of the gradient for one of the loss's slope, not for another batch's."""


@dataclass(frozen=True, kw_only=True)
class OptimizerUnsuited(Rule):
    """A constant of the optimizer, or the method itself, does not fit: an epsilon that swamps the gradients, say.

    Detects:
        An adaptive method whose epsilon is many times larger than the gradients that it is added to; a momentum, or a
        first beta, whose memory spans a good part of the training; a first beta above the second; Rprop or L-BFGS on
        batches that change from step to step. Each only where learning is poor.

    Why it matters:
        With a large epsilon Adam is descent with momentum at the rate lr / epsilon, which is far too low. A momentum of
        0.999 multiplies the rate by a thousand and carries the weights on for hundreds of steps after the slope turned.
        Rprop sees in a gradient that changes its sign a minimum that was passed, and L-BFGS in its change the
        curvature: with a new batch at each step both see noise.

    Evidence:
        The constants; the root mean square of the gradient's entries; the number of updates; the loss that is left.

    Known false positives:
        Gradients that have vanished lie below any epsilon: none is blamed where the default would be too large as well.
        A large epsilon together with a high rate is used for some networks (Inception used 0.1 and 1): silent where
        learning is good. The same holds for a momentum near 1 with a small rate.

    Try:
        The defaults: eps=1e-8, betas=(0.9, 0.999), momentum=0.9.

    References:
        Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015; Choi et al., "On empirical comparisons
        of optimizers for deep learning", 2019; Goh, "Why momentum really works", Distill 2017; Hinton, "Neural networks
        for machine learning", lecture 6e, why rprop does not work with mini-batches.
    """

    code = "O101"
    name = "unsuited optimizer"
    cause = "optimizer-unsuited"
    needs = (Optimizer, signals.LOSS)
    applies_to = (losses(20), NO_GAME, NOT_PRETRAINED, POOR)

    epsilon: float = 10.0  #: epsilon over the gradient's entries: steps are that many times too short (our choice)
    usual: float = 1e-8  #: the default of Adam and RMSprop, at which no epsilon is to blame (Kingma and Ba, 2015)
    momentum: float = 0.99  #: momentum with a memory of 100 steps, ten times the usual (Goh, 2017)
    repeated: float = 0.5  #: share of the second batch that the first one held: it is all there is (our choice)
    memory: float = 0.05  #: that memory, 1 / (1 - momentum), as a share of the updates made (our choice)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        optimizer, learning = run.fact(Optimizer), Learning.of(run)
        if optimizer is None:
            return
        updates = int(learning.curve.steps[-1]) + 1
        found = (
            self._epsilon(run, optimizer, learning)
            or self._swapped(run, optimizer, learning)
            or self._memory(run, optimizer, learning, updates)
            or self._deterministic(run, optimizer, learning)
        )
        if found is not None:
            yield found

    def _epsilon(self, run: Run, optimizer: Optimizer, learning: Learning) -> Finding | None:
        adaptive = any(word in optimizer.type.lower() for word in ("adam", "prop", "adagrad"))
        largest = max((group.epsilon or 0.0 for group in optimizer.groups), default=0.0)
        entry = _entry(run)
        if not adaptive or entry is None or largest < self.epsilon * entry:
            return None
        if largest <= self.usual or self.usual > self.epsilon * entry:
            return None  # the default is as much too large for gradients that have vanished: these are to blame
        return self._report(
            run,
            f"eps={largest:g} in {optimizer.type} is {largest / entry:.0f} times larger than the gradients: its "
            "steps are that many times too short",
            f"Lower {placed(run, f'eps={largest:g}')}: try eps=1e-08; 1e-6 to 1e-4 where half precision needs it.",
            learning,
            confidence=0.92 if largest > 10 * self.epsilon * entry else 0.75,
            evidence=Evidence(
                signal="gradient_norm",
                value=largest / entry,
                threshold=self.epsilon,
                note=f"epsilon over the root mean square of the gradient's entries, {entry:.2g}",
            ),
        )

    def _swapped(self, run: Run, optimizer: Optimizer, learning: Learning) -> Finding | None:
        for group in optimizer.groups:
            if group.betas and len(group.betas) >= 2 and group.betas[0] > group.betas[1]:
                first, second = group.betas[:2]
                return self._report(
                    run,
                    f"betas=({first:g}, {second:g}) in {optimizer.type}: the first is the larger, as if exchanged",
                    "Try betas=(0.9, 0.999): the average of the gradients forgets faster than that of their squares.",
                    learning,
                    confidence=0.85,
                    evidence=Evidence(
                        signal="optimizer", value=first, threshold=second, note="first beta over the second"
                    ),
                )
        return None

    def _memory(self, run: Run, optimizer: Optimizer, learning: Learning, updates: int) -> Finding | None:
        momenta = [
            group.momentum if group.momentum is not None else (group.betas or (0.0,))[0] for group in optimizer.groups
        ]
        highest = max((momentum for momentum in momenta if momentum < 1.0), default=0.0)
        memory = 1.0 / (1.0 - highest)
        if highest < self.momentum or memory < self.memory * updates:
            return None
        heavy = any(group.momentum is not None for group in optimizer.groups)
        name, usual = ("momentum", "momentum=0.9") if heavy else ("betas[0]", "betas=(0.9, 0.999)")
        return self._report(
            run,
            f"momentum={highest:g} in {optimizer.type} remembers {memory:.0f} steps, of {updates} in all, and "
            f"multiplies the rate by {memory:.0f}",
            f"Lower {placed(run, f'{name}={highest:g}')}: try {usual}; with more, lower the rate by the same factor.",
            learning,
            confidence=0.88 if highest >= 0.995 else 0.75,
            evidence=Evidence(
                signal="optimizer",
                value=highest,
                threshold=self.momentum,
                note=f"momentum, with a memory 1 / (1 - momentum) of {memory:.0f} steps",
            ),
        )

    def _deterministic(self, run: Run, optimizer: Optimizer, learning: Learning) -> Finding | None:
        """A method for gradients without noise, on batches that change."""
        seen = run.series(signals.BATCH_SEEN_BEFORE).values[1:4]
        if optimizer.type not in FULL_BATCH or not len(seen) or np.median(seen) > self.repeated:
            return None
        return self._report(
            run,
            f"{optimizer.type} is made for gradients without noise, of all examples at once, and is given another "
            "batch at every step",
            "Take Adam, or SGD with momentum; or hand all examples to each step, if they fit.",
            learning,
            confidence=0.8,
            evidence=Evidence(
                signal="batch_seen_before",
                value=float(np.median(seen)),
                threshold=self.repeated,
                note="share of a batch's examples that the steps before had",
            ),
        )

    def _report(
        self, run: Run, summary: str, advice: str, learning: Learning, *, confidence: float, evidence: Evidence
    ) -> Finding:
        severity: Severity = "error" if learning.seems == "none" else "warning"
        curve = learning.curve
        left = Evidence(
            signal="loss",
            value=curve.end.value,
            threshold=learning.reference,
            steps=(int(curve.steps[0]), int(curve.steps[-1])),
            note="end, against what learning is measured from",
        )
        return self.finding(
            summary,
            advice,
            severity=severity,
            confidence=confidence,
            where=optimizer_place(run),
            evidence=(evidence, left),
        )


def _entry(run: Run) -> float | None:
    """Root mean square of the gradient's entries: the median over weights and samples; None where not sampled."""
    table, model = run.table(signals.GRADIENT_NORM), run.fact(Model)
    sizes = {p.name: math.prod(p.shape) for p in model.parameters} if model else {}
    entries = [
        float(np.median(values)) / math.sqrt(sizes[name])
        for name, series in table.columns()
        if sizes.get(name) and len(values := series.finite().values)
    ]
    positive = [entry for entry in entries if entry > 0]
    return float(np.median(positive)) if positive else None
