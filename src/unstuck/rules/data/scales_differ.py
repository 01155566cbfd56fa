"""D104: evaluated inputs are not scaled as those of training are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.learning import Learning
from unstuck.learning.validation import Validation
from unstuck.record import Evidence, Finding, Run, Severity
from unstuck.record.facts import Shift
from unstuck.rules.rule import Rule

__all__ = ["ScalesDiffer"]


@dataclass(frozen=True, kw_only=True)
class ScalesDiffer(Rule):
    """The model is evaluated on inputs of another scale than it was trained on.

    Detects:
        Inputs of evaluations whose spread is many times that of the training inputs, or a small part of it, or whose
        mean lies many standard deviations away, while they are told far worse: a scaler, a division or a normalisation
        that only one of the two parts went through.

    Why it matters:
        To the model these are other data. It looks like overfitting, and no regularisation helps.

    Evidence:
        The deviation of training inputs over that of evaluated ones, and the distance of their means, value by value
        of an example; the validation loss.

    Known false positives:
        An evaluation of what lies outside the training range on purpose, such as extrapolation or foreign data, is of
        another scale too. Silent where evaluated examples are told as well as trained ones.

    Try:
        Fit the scaling on the training part, and apply that same scaling to every part: scaler.fit on training data,
        scaler.transform on all.

    References:
        CS231n, "Neural Networks Part 2", data preprocessing, common pitfall; scikit-learn user guide, "Common pitfalls:
        inconsistent preprocessing".
    """

    code = "D104"
    name = "scales differ"
    cause = "inputs-not-scaled"
    needs = (Shift,)

    ratio: float = 8.0  #: quotient of the deviations, either way, which hardly any two samples of one source have
    distance: float = 5.0  #: distance of the means in standard deviations (our choice)
    beyond: float = 30.0  #: quotient of the deviations, or distance, beyond doubt: pixels undivided by 255 have more

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        shift, validated = run.fact(Shift), Validation.of(run)
        if shift is None or shift.spread <= 0:
            return
        quotient = max(shift.spread, 1.0 / shift.spread)
        if quotient < self.ratio and shift.distance < self.distance:
            return
        learning = Learning.of(run)
        if not validated.lags(learning):
            return
        worthless = validated.loss is not None and validated.loss > learning.reference
        severity: Severity = "error" if worthless else "warning"
        if quotient >= self.ratio:
            words = f"spread {quotient:.3g} times {'narrower' if shift.spread > 1 else 'wider'} than"
            value, threshold, note = quotient, self.ratio, "quotient of the deviations of training and evaluated inputs"
        else:
            words = f"lie {shift.distance:.3g} standard deviations away from"
            value, threshold, note = shift.distance, self.distance, "distance of their means, in standard deviations"
        evidence = [Evidence(signal="inputs", value=value, threshold=threshold, note=note)]
        if validated.loss is not None:
            left = f"the training loss ends at {learning.measured.curve.end.value:.3g}"
            evidence.append(Evidence(signal="validation_loss", value=validated.loss, note=left))
        yield self.finding(
            f"the evaluated inputs are scaled otherwise: they {words} those of training",
            "Apply the scaling that was fitted on the training part to every part: scaler.transform(x_val), or the "
            "same division and normalisation.",
            severity=severity,
            confidence=0.9 if max(quotient, shift.distance) > self.beyond else 0.75,
            evidence=tuple(evidence),
        )
