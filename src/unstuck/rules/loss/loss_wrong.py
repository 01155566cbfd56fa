"""L101: a loss for another task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Evidence, Finding, Run, Severity
from unstuck.record.facts import Loss, LossTarget
from unstuck.rules.calls import UNBOUNDED, call_place, loss_calls, outcome_of
from unstuck.rules.gates import LOSS_CALLED
from unstuck.rules.reach import SIMILARITY
from unstuck.rules.rule import Rule

__all__ = ["LossWrong"]

BINARY = ("binary_cross_entropy", "binary_cross_entropy_with_logits")


@dataclass(frozen=True)
class _Fault:
    """Why a loss does not fit what it is given."""

    summary: str
    advice: str
    evidence: Evidence
    confidence: float
    certain: bool = False  #: whether the result is wrong however the curve looks


@dataclass(frozen=True, kw_only=True)
class LossWrong(Rule):
    """The loss measures another task than the targets set.

    Detects:
        cross_entropy over a single output, or with real targets that are no distributions; squared or absolute error
        between one output and targets that are the numbers of classes; squared error on one-hot targets
        behind a softmax; a binary loss on one-hot targets that exclude each other, each where learning is not good.

    Why it matters:
        Cross-entropy over one output is zero for every weight. Squared error on class numbers says that a three is
        nearer to a four than to a nine. Behind a softmax it has almost no gradient where the model is surely wrong.

    Evidence:
        The shapes of outputs and targets; whether targets are whole numbers from 0 up, each about equally frequent;
        the sums of their rows.

    Known false positives:
        Counts and ratings are whole numbers too: these seldom are equally frequent from 0 up, and where learning is
        good the rule is silent. Soft labels sum to one in each row, and pass. How alike two things are, by a cosine,
        is no class: silent.

    Try:
        Classes: one output each and cross_entropy with integer targets. Several labels at once:
        binary_cross_entropy_with_logits. Numbers: mse_loss or smooth_l1_loss.

    References:
        Bishop, "Pattern recognition and machine learning", section 5.2: pairs of output activation and error function;
        PyTorch documentation of the losses named.
    """

    code = "L101"
    name = "loss wrong"
    cause = "loss-wrong"
    needs = (Loss,)
    applies_to = (LOSS_CALLED,)

    row: float = 0.01  #: distance of a row's sum from one that is no rounding
    uniform: float = 0.25  #: relative distance of mean and variance from those of equally frequent classes
    fewest: int = 3  #: classes from which their numbers are told from a yes and no

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        outcome = outcome_of(run)
        for call in loss_calls(run):
            fault = self._entropy(call) or self._numbers(call) or self._squared(call) or self._binary(call)
            if fault is None or (outcome == "good" and not fault.certain):
                continue
            severity: Severity = "error" if fault.certain or outcome == "none" else "warning"
            yield self.finding(
                fault.summary,
                fault.advice,
                severity=severity,
                confidence=fault.confidence,
                where=call_place(call),
                evidence=(fault.evidence,),
            )
            return

    def _entropy(self, call: Loss) -> _Fault | None:
        """Cross-entropy of what is no choice among classes."""
        if call.function != "cross_entropy" or len(call.output.shape) < 2:
            return None
        if call.output.shape[1] == 1:
            return _Fault(
                f"cross_entropy is given one output, of shape {call.output.shape}: over a single class it is zero, or "
                "does not depend on the weights",
                "A yes or no: binary_cross_entropy_with_logits. A number: mse_loss. Classes: one output each.",
                Evidence(signal="loss", value=1.0, threshold=2.0, note="outputs that the softmax runs over"),
                0.95,
                certain=True,
            )
        low, high, sums = call.target.minimum, call.target.maximum, call.target.row_sums
        if call.target.type != "real" or low is None or high is None:
            return None
        negative = low < -self.row
        off = sums is not None and (sums[0] < 1.0 - self.row or sums[1] > 1.0 + self.row)
        if not negative and not off:
            return None
        many = not negative and high <= 1.0 + self.row
        advice = (
            "Several labels at once: binary_cross_entropy_with_logits."
            if many
            else "A regression: mse_loss or smooth_l1_loss. Classes: integer targets."
        )
        value = low if negative else sums[1] if sums is not None else high
        return _Fault(
            f"cross_entropy is given real targets from {low:.3g} to {high:.3g} that are no distributions over "
            f"{call.output.shape[1]} classes",
            advice,
            Evidence(signal="loss", value=float(value), threshold=0.0 if negative else 1.0, note=_sums(call)),
            0.9 if negative or high > 1.0 + self.row else 0.75,
            certain=negative,
        )

    def _numbers(self, call: Loss) -> _Fault | None:
        """Numbers of classes as the targets of a regression."""
        target = call.target
        distinct, low, high = target.distinct, target.minimum, target.maximum
        if call.function not in UNBOUNDED or not target.integers or distinct is None or low != 0.0 or not high:
            return None
        classes = int(high) + 1
        alike = call.output.reach is not None and call.output.reach.operation == SIMILARITY
        single = not alike and all(length == 1 for length in call.output.shape[1:])
        if not single or classes < self.fewest or distinct < min(classes, 17) or not self._even(target, classes):
            return None
        return _Fault(
            f"{call.function} compares one output with the numbers 0 to {classes - 1}, each about equally frequent, "
            "as if classes had an order",
            f"Give the model {classes} outputs and use cross_entropy with integer targets.",
            Evidence(signal="loss", value=float(distinct), threshold=float(self.fewest), note="distinct whole targets"),
            0.8,
        )

    def _even(self, target: LossTarget, classes: int) -> bool:
        """Whether the targets have about the mean and the variance of equally frequent numbers from 0 up."""
        mean, variance = (classes - 1) / 2, (classes**2 - 1) / 12
        if target.mean is None or target.variance is None:
            return False
        return abs(target.mean / mean - 1.0) < self.uniform and abs(target.variance / variance - 1.0) < self.uniform

    def _one_hot(self, call: Loss) -> bool:
        target, shape = call.target, call.output.shape
        zero_one = target.integers and target.minimum == 0.0 and target.maximum == 1.0
        return bool(zero_one and target.row_sums == (1.0, 1.0) and len(shape) == 2 and shape[1] > 2)

    def _squared(self, call: Loss) -> _Fault | None:
        """Squared error on one-hot targets behind a softmax."""
        output = call.output
        if call.function not in UNBOUNDED or output.operation not in ("Softmax", "Sigmoid") or not self._one_hot(call):
            return None
        return _Fault(
            f"{call.function} behind a {output.operation.lower()} on one-hot targets of {output.shape[1]} classes: "
            "its gradient vanishes where the model is surely wrong",
            "Use cross_entropy on the raw scores with integer targets.",
            Evidence(signal="loss", value=float(call.output.shape[1]), threshold=2.0, note=_sums(call)),
            0.75,
        )

    def _binary(self, call: Loss) -> _Fault | None:
        """A binary loss on classes that exclude each other."""
        if call.function not in BINARY or not self._one_hot(call):
            return None
        return _Fault(
            f"{call.function} on one-hot targets of {call.output.shape[1]} classes, of which each example has one",
            "Use cross_entropy on the raw scores with integer targets: classes that exclude each other compete.",
            Evidence(signal="loss", value=float(call.output.shape[1]), threshold=2.0, note=_sums(call)),
            0.6,
        )


def _sums(call: Loss) -> str:
    sums = call.target.row_sums
    return f"rows of targets sum to {sums[0]:.3g} up to {sums[1]:.3g}" if sums else f"targets of {call.target.shape}"
