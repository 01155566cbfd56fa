"""D101: the inputs are not scaled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from unstuck.learning import Learning
from unstuck.record import Evidence, Finding, Run, Severity, signals
from unstuck.record.facts import InitialLoss, Inputs, Model
from unstuck.rules.policy.returns import began_beyond
from unstuck.rules.rule import Gate, Rule
from unstuck.rules.stable_rate import too_high_for

__all__ = ["InputsNotScaled"]

BOUNDED = ("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell")
"""Layers whose outputs stay within one, however large what they are given."""

NORMALISATIONS = ("BatchNorm", "LayerNorm", "GroupNorm", "InstanceNorm", "RMSNorm")


@dataclass(frozen=True)
class _Fault:
    """How the inputs are off, the measure of it and its bound."""

    summary: str
    measure: str
    value: float
    threshold: float
    gross: bool


def _features(run: Run) -> list[Inputs]:
    """Inputs that are numbers, with statistics of each."""
    return [fact for fact in run.facts(Inputs) if fact.kind_of != "ids" and fact.feature_stds]


@dataclass(frozen=True, kw_only=True)
class InputsNotScaled(Rule):
    """Features lie far from zero mean and unit scale, so that their sizes set the steps and not their meaning.

    Detects:
        Raw values (0 to 255, or thousands), also of a second input that the model joins to the first, such as a time in
        steps; columns whose sizes differ by orders of magnitude while some are
        large; means many standard deviations from zero; values so small that they were scaled twice.

    Why it matters:
        The curvature of the loss along a weight grows with the square of its feature: columns of sizes 1 and 1,000 give
        a valley a million times longer than wide. Large inputs saturate or kill the first layer's units at once.

    Evidence:
        Mean and standard deviation of each feature or channel over the batches seen, or of what they were joined to
        before the first layer, and the root of their squares'
        sum, the feature's size; the size of the first layer's outputs, which shows that the model does not rescale.

    Known false positives:
        A model that scales its inputs itself: silent where a normalisation comes first or right behind the first layer,
        or where that layer's outputs are of moderate size. Standardised data, images in [0, 1], ids, counts and binary
        columns are silent: no column of them is large. Where training goes well all the same, or the inputs are only
        somewhat large, the finding is a note, unless a check of the first loss says that the inputs already spoil it.

    Try:
        Standardise each feature with mean and standard deviation of the training part alone; divide 8-bit images
        by 255 once.

    References:
        LeCun, Bottou, Orr and Müller, "Efficient BackProp", 1998, section 4.3; CS231n, "Neural Networks Part 2", data
        preprocessing.
    """

    code = "D101"
    name = "inputs not scaled"
    cause = "inputs-not-scaled"
    needs = (Inputs,)
    applies_to = (Gate("the model takes no floating-point features", lambda run: bool(_features(run))),)

    raw: float = 5.0  #: median size of a feature that is worth a note; standardised features have size 1
    large: float = 10.0  #: median size of a feature; standardised features have size 1, images in [0, 1] at most 1
    gross: float = 30.0  #: median size beyond doubt; 8-bit images have about 80
    spread: float = 100.0  #: largest size over the median one, where the largest is above ``large``
    small: float = 0.02  #: largest size of a feature: below 1/50, data were scaled twice (1/255 twice gives 0.002)
    offset: float = 10.0  #: mean in standard deviations, for most features
    first_layer: float = 3.0  #: spread of the first layer's outputs; standardised inputs give about 0.6 to 1.4

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        inputs = max(_features(run), key=lambda fact: fact.examples)
        means, stds = inputs.joined_means or inputs.feature_means, inputs.joined_stds or inputs.feature_stds
        fault = self._fault(np.array(means), np.array(stds)) or self._shrunk(inputs)
        if fault is None or self._model_scales(run) or (fault.threshold != self.spread and self._rescaled(run)):
            return
        first = self._first_layer(run)
        if first is not None and fault.value > fault.threshold and first[1] < self.first_layer:
            return
        severity, confidence = self._weigh(run, fault)
        evidence = [Evidence(signal="inputs", value=fault.value, threshold=fault.threshold, note=fault.measure)]
        if first is not None:
            note = f"of the outputs of {first[0]}"
            evidence.append(Evidence(signal="activation_std", value=first[1], threshold=self.first_layer, note=note))
        joined = "as they are joined before the first layer, " if inputs.joined_stds else ""
        yield self.finding(
            joined + fault.summary,
            "Scale each feature to zero mean and unit standard deviation with the statistics of the training part "
            "(for 8-bit images: divide by 255, once), and do the same to validation data.",
            severity=severity,
            confidence=confidence,
            evidence=tuple(evidence),
        )

    def _fault(self, means: NDArray[np.float64], stds: NDArray[np.float64]) -> _Fault | None:
        sizes = np.hypot(means, stds)
        used = np.isfinite(sizes) & (sizes > 0)
        if not used.any():
            return None
        means, stds, sizes = means[used], stds[used], sizes[used]
        typical, largest = float(np.median(sizes)), float(sizes.max())
        measure = "root mean square of a feature"
        if typical > self.raw:
            words = f"the inputs are raw: a typical feature has mean {np.median(means):.3g} and size {typical:.3g}"
            return _Fault(words, f"{measure}, median over features", typical, self.raw, typical > self.gross)
        if largest > self.large and largest > self.spread * typical:
            words = f"features differ in size by {largest / sizes.min():.2g} times; the largest has {largest:.3g}"
            return _Fault(
                words, "largest feature over the median one", largest / typical, self.spread, largest > self.gross
            )
        if largest < self.small:
            words = f"the inputs are tiny, as if scaled twice: the largest feature has size {largest:.2g}"
            return _Fault(words, f"{measure}, the largest", largest, self.small, largest < 0.5 * self.small)
        varied = stds > 0
        far = np.abs(means[varied]) / stds[varied]
        if len(far) and float(np.median(far)) > self.offset and typical > 1.0:
            words = f"the inputs lie {np.median(far):.3g} standard deviations from zero"
            return _Fault(words, "|mean| / std, median over features", float(np.median(far)), self.offset, False)
        return None

    def _shrunk(self, inputs: Inputs) -> _Fault | None:
        """What the model itself makes of inputs of a usual size before its first layer with weights."""
        size = inputs.first_layer
        if size is None or not 0.0 < size < self.small:
            return None
        words = f"the inputs are tiny where they reach the first layer ({size:.2g}), as if scaled twice"
        return _Fault(words, "root mean square before the first layer", size, self.small, size < 0.5 * self.small)

    def _model_scales(self, run: Run) -> bool:
        """Whether the first layer that has parameters, or the first of all, is a normalisation."""
        model = run.fact(Model)
        if model is None:
            return False
        owners = {parameter.name.rpartition(".")[0] for parameter in model.parameters}
        first = next((layer for layer in model.layers if layer.path in owners), None)
        leading = [layer for layer in (*model.layers[:1], first) if layer is not None]
        return any(layer.type.startswith(NORMALISATIONS) for layer in leading)

    def _rescaled(self, run: Run) -> bool:
        """Whether a normalisation follows the first layer with weights, so that the common size of inputs is gone."""
        model = run.fact(Model)
        layers = model.layers if model is not None else ()
        owners = {parameter.name.rpartition(".")[0] for parameter in model.parameters} if model is not None else set()
        pairs = ((one, behind) for one, behind in pairwise(layers) if one.path in owners)
        first = next(pairs, None)
        return first is not None and first[1].type.startswith(NORMALISATIONS)

    def _first_layer(self, run: Run) -> tuple[str, float] | None:
        """The first layer that weighs numbers, and the spread of its outputs at the start.

        None where it is unknown, and where it has a bound that hides it.
        """
        model, table = run.fact(Model), run.table(signals.ACTIVATION_STD)
        if model is None or not len(table):
            return None
        owners = {parameter.name.rpartition(".")[0] for parameter in model.parameters}
        for layer in model.layers:
            if layer.path in owners and layer.path in table.names and not layer.type.startswith("Embedding"):
                if layer.type in BOUNDED:
                    return None
                values = table.column(layer.path).finite().values
                return (layer.path, float(values[0])) if len(values) else None
        return None

    def _weigh(self, run: Run, fault: _Fault) -> tuple[Severity, float]:
        losses = run.series(signals.LOSS)
        if not len(losses.finite()):
            return "error", 0.9
        first = run.fact(InitialLoss)
        if first is not None and first.value > first.expected + first.tolerance:
            return "warning", 0.8
        if began_beyond(run):
            return "error", 0.8
        learning = Learning.of(run)
        rate_high_for = too_high_for(run)
        somewhat = fault.threshold == self.raw and fault.value <= self.large
        if somewhat and (learning.seems != "none" or rate_high_for != "these inputs"):
            return "note", 0.6
        if learning.seems != "good" and rate_high_for == "any inputs":
            return "warning", 0.6
        if learning.seems == "none" or not np.isfinite(losses.values[-1]):
            return "error", 0.9 if fault.gross else 0.75
        if learning.seems == "partial":
            return "warning", 0.8 if fault.gross else 0.6
        return "note", 0.6
