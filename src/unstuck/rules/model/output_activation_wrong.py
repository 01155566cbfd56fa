"""M101: the last activation cannot give the targets, or is applied twice."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Evidence, Finding, Run, Severity
from unstuck.record.facts import Loss, OutputReach
from unstuck.rules.calls import UNBOUNDED, call_place, loss_calls, outcome_of
from unstuck.rules.gates import LOSS_CALLED
from unstuck.rules.reach import SIMILARITY, bounds_of, name_of
from unstuck.rules.rule import Rule

__all__ = ["OutputActivationWrong"]

LOGITS = ("cross_entropy", "binary_cross_entropy_with_logits")
"""Losses that apply the last activation themselves."""

LOG_PROBABILITIES = ("nll_loss", "kl_div")

COMPARED = (*UNBOUNDED, "gaussian_nll_loss")
"""Losses that compare the output with the target itself."""

ROUNDING = 1e-2
"""Share by which outputs of half precision may lie outside of the range that they come from."""

CERTAIN_ODDS = 19.0
"""Odds of a probability of 95%, which a classifier must be able to give."""


@dataclass(frozen=True)
class _Fault:
    """What is wrong with the output of one loss call."""

    summary: str
    advice: str
    evidence: Evidence
    confidence: float = 0.95
    harmless: bool = False  #: whether learning may be good all the same, which then gives a note
    never: bool = False  #: whether it does no harm at all
    least: float = 0.0  #: the least loss that such outputs can have, for predictions that are all right
    cause: str | None = None  #: another than the rule's, if any


@dataclass(frozen=True, kw_only=True)
class OutputActivationWrong(Rule):
    """What the loss is given is not what it expects: an activation too many, too few, or of the wrong range.

    Detects:
        By the operation that made the outputs and the range of outputs and targets: softmax or sigmoid before a loss
        that applies it itself; softmax over a single unit; scores without log_softmax in nll_loss; scores
        without sigmoid in binary_cross_entropy, also where a clamp makes them look right; any activation that has a
        bound (a rectifier, also a smooth one such as SiLU or GELU, a sigmoid, a tanh, a clamp) before a loss whose
        targets lie outside of its range, or of which no score becomes a probability of 95%.

    Why it matters:
        A softmax applied twice bounds the loss from below (1.46 for ten classes) and flattens its gradient; a softmax
        over one unit is 1 whatever the weights; a rectifier cannot give a negative number. Training runs, and
        learns little or the wrong thing.

    Evidence:
        The last operation, by the autograd graph of the outputs; the range of outputs and targets over the batches
        seen.

    Known false positives:
        A rectifier or tanh before the loss, with which learning goes well, may be intended: a note; so is one whose
        loss has come down to the least that it allows, as where a recurrent layer's states are the scores. A
        log_softmax before cross_entropy changes nothing: a note. A leaky rectifier only squeezes, and is reported where
        the outputs seen do not reach half-way to the lowest target.

    Try:
        Give cross_entropy and binary_cross_entropy_with_logits the raw scores, nll_loss log_softmax, and
        binary_cross_entropy a sigmoid; end a regression with a linear layer.

    References:
        PyTorch documentation, torch.nn.CrossEntropyLoss ("the input is expected to contain the unnormalized logits"),
        NLLLoss, BCEWithLogitsLoss.
    """

    code = "M101"
    name = "output activation wrong"
    cause = "output-activation-wrong"
    needs = (Loss,)
    applies_to = (LOSS_CALLED,)

    outside: float = 0.1  #: distance of targets from the range, in their standard deviations, that noise is not
    many: float = 1.2  #: standard deviations about the mean that leave the range: of normal targets, a tenth does
    near: float = 1.4  #: multiple of the least loss that such outputs can have, below which all is learnt (our choice)
    positive: float = 1e-3  #: a log-probability above zero by more than rounding

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        outcome = outcome_of(run)
        for call in loss_calls(run):
            fault = self._fault(call)
            if fault is None:
                continue
            severity: Severity = "error"
            if fault.never or (fault.harmless and (outcome == "good" or self._came_down(call, fault))):
                severity = "note"
            elif fault.harmless and outcome == "partial":
                severity = "warning"
            yield self.finding(
                fault.summary,
                fault.advice,
                severity=severity,
                confidence=fault.confidence,
                where=call_place(call),
                evidence=(fault.evidence,),
                cause=fault.cause or self.cause,
            )
            return

    def _came_down(self, call: Loss, fault: _Fault) -> bool:
        """Whether the loss is the least that such outputs can have, so that what they predict is right."""
        return call.late is not None and call.late.value < self.near * fault.least

    def _fault(self, call: Loss) -> _Fault | None:
        return (
            self._one_unit(call)
            or self._twice(call)
            or self._never_certain(call)
            or self._clamped(call)
            or self._not_logarithms(call)
            or self._not_probabilities(call)
            or self._out_of_range(call)
        )

    def _one_unit(self, call: Loss) -> _Fault | None:
        """A softmax over an axis of length 1 is 1."""
        softmax = call.output.softmax
        if softmax is None or len(softmax.shape) <= softmax.axis:
            return None
        if softmax.shape[softmax.axis] != 1 or max(softmax.shape) == 1:
            return None
        return _Fault(
            f"the softmax before {call.function} runs over one unit: its result is 1 for every input",
            "Use torch.sigmoid for one unit (or its raw score with binary_cross_entropy_with_logits), or one unit for "
            "each class.",
            Evidence(
                signal="loss",
                value=1.0,
                threshold=2.0,
                note=f"outputs of shape {softmax.shape}, softmax over axis {softmax.axis}",
            ),
        )

    def _twice(self, call: Loss) -> _Fault | None:
        """An activation before a loss that applies its own."""
        function, made_by = call.function, call.output.operation
        if function not in LOGITS:
            return None
        own = "softmax" if function == "cross_entropy" else "sigmoid"
        if made_by in ("Softmax", "Sigmoid"):
            return _Fault(
                f"{function} is given the result of a {made_by.lower()}, and applies {own} itself",
                f"Remove the last {made_by.lower()}: {function} expects raw scores. Apply it to predictions only.",
                _range(call),
            )
        if made_by == "LogSoftmax" and function == "cross_entropy":
            return _Fault(
                "cross_entropy is given the result of a log_softmax: it applies it again, which changes nothing",
                "Use nll_loss, or remove the log_softmax.",
                _range(call),
                never=True,
            )
        if made_by == "LogSoftmax":
            return _Fault(
                f"{function} is given the result of a log_softmax, and applies sigmoid itself",
                "Remove the log_softmax, or use nll_loss with class ids.",
                _range(call),
            )
        return None

    def _never_certain(self, call: Loss) -> _Fault | None:
        """Scores of which no certain probability can be made."""
        reach = call.output.reach
        if call.function not in LOGITS or reach is None or reach.slope is not None:
            return None
        low, high = bounds_of(reach)
        least = 0.0
        if call.function == "cross_entropy":
            others = max((call.classes.number or 2) - 1, 1)
            cramped = high - low < math.log(CERTAIN_ODDS * others) or reach.operation == "Relu"
            least = math.log1p(others * math.exp(low - high))
        else:
            cramped = low > -math.log(CERTAIN_ODDS) or high < math.log(CERTAIN_ODDS)
        if not cramped:
            return None
        made_by = name_of(reach)
        return _Fault(
            f"{call.function} is given the result of a {made_by}: {_limits(reach)}",
            f"Remove the {made_by} behind the last layer.",
            _range(call),
            confidence=0.8,
            harmless=call.function == "cross_entropy" or high - low < math.inf,
            least=least,
        )

    def _clamped(self, call: Loss) -> _Fault | None:
        """Scores that a clamp makes look like probabilities: where it cuts off, no gradient comes through."""
        share, logarithm = call.output.clamped_off, call.output.operation == "Log"
        taken = LOG_PROBABILITIES if logarithm else ("binary_cross_entropy",)
        if call.function not in taken or not share:
            return None
        return _Fault(
            f"{call.function} is given scores for probabilities: {share:.0%} of them lie outside of 0 to 1, and are "
            "clamped into it, where they get no gradient",
            "Put a softmax (a sigmoid, where classes do not exclude each other) behind the last layer, or use a loss "
            "that takes raw scores (in Keras: from_logits=True).",
            Evidence(signal="loss", value=share, threshold=0.0, note="largest share of the outputs outside of 0 to 1"),
        )

    def _not_logarithms(self, call: Loss) -> _Fault | None:
        """Values above zero are no logarithms of probabilities."""
        if call.function not in LOG_PROBABILITIES or call.output.maximum is None:
            return None
        if call.output.operation == "LogSoftmax" or call.output.maximum <= self.positive:
            return None
        given = "probabilities" if call.output.operation in ("Softmax", "Sigmoid") else "raw scores"
        return _Fault(
            f"{call.function} expects logarithms of probabilities, and gets {given} up to {call.output.maximum:.3g}",
            "Put log_softmax(..., dim=1) before it"
            + (", or use cross_entropy on the raw scores." if call.function == "nll_loss" else "."),
            Evidence(signal="loss", value=call.output.maximum, threshold=0.0, note="largest output seen"),
        )

    def _not_probabilities(self, call: Loss) -> _Fault | None:
        """Values outside 0 to 1 are no probabilities."""
        low, high = call.output.minimum, call.output.maximum
        if call.function != "binary_cross_entropy" or low is None or high is None:
            return None
        if low >= -self.positive and high <= 1.0 + self.positive:
            return None
        return _Fault(
            f"binary_cross_entropy expects probabilities, and is given values from {low:.3g} to {high:.3g}",
            "Use binary_cross_entropy_with_logits, or put a sigmoid before it.",
            Evidence(signal="loss", value=high if high > 1.0 else low, threshold=1.0 if high > 1.0 else 0.0),
        )

    def _out_of_range(self, call: Loss) -> _Fault | None:
        """Targets that the last activation cannot give."""
        reach, low, high = call.output.reach, call.target.minimum, call.target.maximum
        if call.function not in COMPARED or reach is None or low is None or high is None or not _kept(call, reach):
            return None
        std, mean = max((call.target.variance or 0.0) ** 0.5, 1e-12), call.target.mean or 0.0
        lowest, highest = bounds_of(reach)
        below = low < lowest - self.outside * std and mean - self.many * std < lowest
        above = high > highest + self.outside * std and mean + self.many * std > highest
        if not below and not above:
            return None
        made_by, alike = name_of(reach), reach.operation == SIMILARITY
        return _Fault(
            f"the outputs come from a {made_by}, which gives values {_interval(reach)}; "
            f"targets go from {low:.3g} to {high:.3g}",
            f"Scale the targets into that range: divide them by {max(abs(low), abs(high)):.3g}."
            if alike
            else f"Remove the {made_by} behind the last layer, or scale the targets into its range.",
            Evidence(
                signal="loss",
                value=low if below else high,
                threshold=lowest if below else highest,
                note="smallest target seen" if below else "largest target seen",
            ),
            confidence=0.9 if reach.slope is None else 0.8,
            harmless=True,
            cause="labels-out-of-range" if alike else None,
        )


def _kept(call: Loss, reach: OutputReach) -> bool:
    """Whether the outputs seen stay within the range; of a leaky rectifier, far above the lowest targets."""
    low, high = call.output.minimum, call.output.maximum
    lowest, highest = bounds_of(reach)
    if low is None or high is None:
        return reach.slope is None
    if reach.slope is not None:
        return low > min(call.target.minimum or 0.0, 0.0) / 2
    return low >= lowest - ROUNDING * (1.0 + abs(low)) and high <= highest + ROUNDING * (1.0 + abs(high))


def _interval(reach: OutputReach) -> str:
    low, high = bounds_of(reach)
    if reach.slope is not None:
        return f"from {low:.3g} up, and squeezes those below it to {reach.slope:.0%}"
    if low == -math.inf:
        return f"up to {high:.3g}"
    return f"from {low:.3g} to {high:.3g}" if high < math.inf else f"from {low:.3g} up"


def _limits(reach: OutputReach) -> str:
    low, high = bounds_of(reach)
    if high == math.inf:
        return "no score can be negative" if low == 0.0 else f"no score can be below {low:.3g}"
    return f"no score can be above {high:.3g}" if low == -math.inf else f"scores end at {low:.3g} and {high:.3g}"


def _range(call: Loss) -> Evidence:
    value = call.output.maximum if call.output.maximum is not None else 0.0
    low = "" if call.output.minimum is None else f"outputs from {call.output.minimum:.3g} to {value:.3g}"
    return Evidence(
        signal="loss", value=value, threshold=1.0, note=f"last operation {call.output.operation}; {low}".strip("; ")
    )
