"""D201: the targets are not of the range or kind that the loss expects."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Evidence, Finding, Run
from unstuck.record.facts import End, Loss
from unstuck.rules.calls import call_place, loss_calls, shape_in_words
from unstuck.rules.gates import LOSS_CALLED
from unstuck.rules.rule import Rule

__all__ = ["LabelsOutOfRange"]

CLASSES = ("cross_entropy", "nll_loss", "multi_margin_loss")
PROBABILITIES = ("binary_cross_entropy", "binary_cross_entropy_with_logits")
SIGNS = (
    *("soft_margin_loss", "hinge_embedding_loss", "margin_ranking_loss", "cosine_embedding_loss"),
    *("hinge_loss", "squared_hinge_loss"),  # written out: torch has no function of these
)

OUT_OF_BOUNDS = re.compile(r"target .*out of bounds|t >= 0 && t < n_classes|target.*between 0 and 1", re.IGNORECASE)
WRONG_KIND = re.compile(
    r"expected scalar type long|expected floating point type for target|multi-target not supported"
    r"|nll_loss.* not implemented for|can't be cast to the desired output type long|expected target size"
    r"|found dtype (long|int|bool|double) but expected",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Fault:
    """What is wrong with the targets: words, what to do, the number and the bound that it crossed."""

    summary: str
    advice: str
    value: float
    threshold: float
    confidence: float


@dataclass(frozen=True, kw_only=True)
class LabelsOutOfRange(Rule):
    """The loss is given targets that its formula has no meaning for.

    Detects:
        Class ids of 1 to C where 0 to C - 1 are meant, or ids beyond the outputs; -1 and 1, percentages or 8-bit
        masks where a probability is asked; rows of class probabilities that hold other numbers; 0 and 1 for a margin
        loss that asks for -1 and 1; targets of a type that the loss refuses.

    Why it matters:
        Outside its range a loss has no minimum where it should: a binary cross-entropy with a target of -1 or 16 falls
        below zero without end, and the outputs run off to infinity. Class ids out of range end the script, or on a GPU
        the whole process.

    Evidence:
        Smallest and greatest target seen at the call of the loss, against the range of that loss; for a script that
        crashed, the arguments of the call that failed and its message.

    Known false positives:
        Ids left out by ``ignore_index`` (-100, 255) are out of range on purpose: class ids are reported only if the
        call failed. Soft labels between 0 and 1 are targets in range.

    Try:
        Count classes from 0; write masks and labels as 0 and 1 (divide an 8-bit mask by 255); give
        ``cross_entropy`` ids of type long, or rows of probabilities that sum to 1.

    References:
        PyTorch documentation of CrossEntropyLoss, BCEWithLogitsLoss, SoftMarginLoss and HingeEmbeddingLoss, "target".
    """

    code = "D201"
    name = "labels out of range"
    cause = "labels-out-of-range"
    needs = (Loss,)
    applies_to = (LOSS_CALLED,)

    slack: float = 1e-3  #: how far beyond 0 or 1 a probability may lie: rounding in half precision is 5e-4

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        end = run.fact(End)
        message = end.message if end is not None and end.reason == "crashed" else ""
        for call in loss_calls(run):
            fault = self._crashed(call, message) or self._in_range(call)
            if fault is not None:
                yield self._report(call, fault)
                return

    def _crashed(self, call: Loss, message: str) -> _Fault | None:
        outputs = call.classes.number
        if call.function in CLASSES and outputs and _bounds(call) is not None:
            low, high = _bounds(call) or (0.0, 0.0)
            beyond = high >= outputs or (low < 0 and low != -100)
            if beyond and message and (OUT_OF_BOUNDS.search(message) or "Error" in message.split(":")[0]):
                shifted = low == 1 and high == outputs
                return _Fault(
                    f"class ids run from {low:.0f} to {high:.0f}, but the model has {outputs} outputs: "
                    f"0 to {outputs - 1} are accepted",
                    "Subtract 1 from the ids, or number the classes from 0."
                    if shifted
                    else f"Number the classes from 0 without gaps, or give the model {high + 1:.0f} outputs.",
                    high if high >= outputs else low,
                    float(outputs - 1) if high >= outputs else 0.0,
                    0.97 if OUT_OF_BOUNDS.search(message) else 0.9,
                )
        if message and (WRONG_KIND.search(message) or OUT_OF_BOUNDS.search(message)):
            return _Fault(
                f"{call.function} refused its targets, of shape {shape_in_words(call.target.shape)} "
                f"against outputs of shape {shape_in_words(call.output.shape)}: {message}",
                "Class ids: type long, shape (N,), for outputs of shape (N, C). Probabilities: floats of the outputs' "
                "shape and type.",
                1.0,
                0.0,
                0.8,
            )
        return None

    def _in_range(self, call: Loss) -> _Fault | None:
        bounds = _bounds(call)
        if bounds is None:
            return None
        low, high = bounds
        between = f"targets run from {low:.4g} to {high:.4g}"
        if call.function in PROBABILITIES and (low < -self.slack or high > 1 + self.slack):
            scale = "divide them by 255" if high == 255 else f"divide them by {high:.4g}" if low >= 0 else ""
            signs = "map -1 to 0" if low == -1 and high == 1 else scale or "scale them into [0, 1]"
            value, bound = (high, 1.0) if high > 1 + self.slack else (low, 0.0)
            return _Fault(
                f"{call.function} expects probabilities from 0 to 1, but {between}",
                f"Bring the targets between 0 and 1: {signs}.",
                value,
                bound,
                0.97,
            )
        beyond = low < -self.slack or high > 1 + self.slack
        # One output, or numbers of all sizes: no labels but a regression, and the wrong loss for it.
        measured = call.output.shape[1:] == (1,) or ((call.target.distinct or 0) > 16 and not call.target.integers)
        rows = call.target.type == "real" and call.target.shape == call.output.shape and not measured
        if call.function == "cross_entropy" and rows and beyond:
            return _Fault(
                f"cross_entropy takes floating-point targets as class probabilities, but {between}",
                "Give class ids of type long, or rows of probabilities that sum to 1.",
                high if high > 1 + self.slack else low,
                1.0 if high > 1 + self.slack else 0.0,
                0.93,
            )
        if call.function in SIGNS and low == 0 and high == 1 and call.target.distinct == 2:
            return _Fault(
                f"{call.function} expects targets -1 and 1, but they are 0 and 1: a target of 0 teaches nothing",
                "Write the labels as 2 * y - 1.",
                low,
                -1.0,
                0.93,
            )
        return None

    def _report(self, call: Loss, fault: _Fault) -> Finding:
        return self.finding(
            fault.summary,
            fault.advice,
            severity="error",
            confidence=fault.confidence,
            where=call_place(call),
            evidence=(
                Evidence(
                    signal="loss",
                    value=fault.value,
                    threshold=fault.threshold,
                    note=f"target of {call.function}, against the end of the range that it accepts",
                ),
            ),
        )


def _bounds(call: Loss) -> tuple[float, float] | None:
    """Smallest and greatest target; None where they were not seen or are not finite."""
    low, high = call.target.minimum, call.target.maximum
    if low is None or high is None or low != low or high != high:
        return None
    return low, high
