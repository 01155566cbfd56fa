"""I102: initial weights far too large or far too small for their fan-in."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unstuck.learning import Learning
from unstuck.learning.validation import Validation
from unstuck.record import Evidence, Finding, NotEvaluated, Run, Severity, Where, signals
from unstuck.record.facts import Model, Wiring
from unstuck.rules.calls import outcome_of
from unstuck.rules.rule import Gate, Rule
from unstuck.rules.wires import Wires

__all__ = ["WeightScaleOff"]


@dataclass(frozen=True)
class _Weight:
    """A weight matrix before training, in units of what its fan-in asks for: 1 is Glorot, 1.4 He, 0.58 PyTorch."""

    name: str
    least: float
    most: float
    size: float


def _learns_poorly(run: Run) -> bool:
    return outcome_of(run) != "good" or Validation.of(run).lags(Learning.of(run))


def _not_normalised(run: Run) -> bool:
    wires = Wires.of(run)
    return wires is None or not wires.normalised


POOR_BEYOND_THE_EXAMPLES = Gate("learning went well, on evaluated examples too", _learns_poorly)

NOT_NORMALISED = Gate("layers normalise what they are given, whatever the scale of the weights", _not_normalised)


@dataclass(frozen=True, kw_only=True)
class WeightScaleOff(Rule):
    """Weights start at a scale at which signals explode or die out on their way through the layers.

    Detects:
        Most weight matrices start with entries far from 1 / sqrt(fan in): many times larger, so that units saturate or
        the outputs are huge, or many times smaller, so that a few layers leave nothing of the input. Reported where
        learning is not good; of weights far too large, also where only the training examples are learnt.

    Why it matters:
        Each layer multiplies the signal by its weights' scale times the root of the fan-in. Over ten layers a factor of
        two is a thousand; the gradient fares the same on its way back. Weights that start large hardly change, and what
        they learn is learnt by heart.

    Evidence:
        The root mean square of each matrix before the first update, times the root of its fan-in: 0.58 in PyTorch's
        default, 1 for Glorot, 1.4 for He. The product over the layers.

    Known false positives:
        Layer and batch norms make the scale of what comes before them immaterial, so such models are passed over.
        Matrices that start at zero are another rule's. Small steps from a small start can be intended: learning well
        silences the rule.

    Try:
        torch.nn.init.kaiming_normal_ for ReLU networks, xavier_uniform_ for tanh and sigmoid, or
        torch.randn(m, n) / m ** 0.5.

    References:
        Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010; He et al.,
        "Delving deep into rectifiers", 2015; Nielsen, chapter 3; Chizat, Oyallon and Bach, "On lazy training in
        differentiable programming", NeurIPS 2019.
    """

    code = "I102"
    name = "weight scale off"
    cause = "init-scale-wrong"
    needs = (signals.WEIGHT_NORM, signals.UPDATE_NORM, Model, Wiring)
    applies_to = (NOT_NORMALISED, POOR_BEYOND_THE_EXAMPLES)

    large: float = 4.0  #: times 1 / sqrt(fan in); He gives 1.4, orthogonal with gain 5/3 at most 1.7
    small: float = 0.1  #: times 1 / sqrt(fan in); GPT-2's 0.02 at width 768 gives 0.55
    most: float = 0.6  #: share of the matrices that must be off
    signal: float = 0.02  #: product of the scales over the layers, below which no signal is left
    rate_bound: float = 0.5  #: first update over the weights, from which the start can no longer be told

    def check(self, run: Run) -> Iterator[Finding | NotEvaluated]:
        """Judge one stream of a run."""
        wires = Wires.of(run)
        weights = [] if wires is None else list(self._weights(run, wires))
        if not weights:
            yield NotEvaluated(reason="no untrained weight matrix was seen before and after the first update")
            return
        outcome = outcome_of(run)
        by_heart = outcome == "good"
        large = [weight for weight in weights if weight.least > self.large]
        small = [weight for weight in weights if weight.most < self.small]
        product = math.prod(weight.most for weight in weights)
        severity: Severity = "error" if outcome == "none" else "warning"
        if len(large) >= self.most * len(weights):
            worst = max(large, key=lambda weight: weight.least)
            yield self._report(worst, worst.least, self.large, len(large), len(weights), severity, "large")
        elif not by_heart and len(small) >= self.most * len(weights) and len(weights) > 1 and product < self.signal:
            worst = min(small, key=lambda weight: weight.most)
            yield self._report(worst, worst.most, self.small, len(small), len(weights), severity, "small")

    def _weights(self, run: Run, wires: Wires) -> Iterator[_Weight]:
        norms, updates = run.table(signals.WEIGHT_NORM), run.table(signals.UPDATE_NORM)
        if not len(norms) or not len(updates) or norms.steps[0] > 0 or updates.steps[0] > 0:
            return
        for wire in wires.chain:
            parameter = wires.parameters.get(wire.parameter)
            if parameter is None or wire.parameter not in norms.names or len(parameter.shape) < 2:
                continue
            if parameter.fresh is False:  # trained before, and nobody would draw it anew
                continue
            position = norms.names.index(wire.parameter)
            after, change = float(norms.values[0, position]), float(updates.values[0, position])
            size = math.sqrt(math.prod(parameter.shape))
            if not np.isfinite(after) or not np.isfinite(change) or after + change == 0.0 or size == 0.0:
                continue
            least_fan, most_fan = wires.fan_in(wire.parameter)
            lowest = max(0.0, after - change) / size
            highest = (after + change) / size
            if change > self.rate_bound * after and highest * math.sqrt(most_fan) > self.small:
                continue
            yield _Weight(wire.parameter, lowest * math.sqrt(least_fan), highest * math.sqrt(most_fan), highest)

    def _report(
        self, worst: _Weight, value: float, threshold: float, off: int, total: int, severity: Severity, word: str
    ) -> Finding:
        effect = "units saturate and outputs are huge" if word == "large" else "no signal is left after a few layers"
        return self.finding(
            f"{off} of {total} weight matrices start far too {word}: {worst.name} at {value:.2g} times "
            f"1 / sqrt(fan in), so that {effect}",
            "Initialise with torch.nn.init.kaiming_normal_ (ReLU) or xavier_uniform_ (tanh, sigmoid), or scale a "
            "normal one by 1 / sqrt(fan in).",
            severity=severity,
            confidence=0.9 if severity == "error" else 0.8,
            where=Where(parameter=worst.name),
            evidence=(
                Evidence(
                    signal="weight_norm",
                    value=value,
                    threshold=threshold,
                    steps=(0, 0),
                    note=f"of {worst.name}: root mean square {worst.size:.3g} times the root of its fan-in",
                ),
            ),
        )
