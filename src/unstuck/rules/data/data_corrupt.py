"""D501: single batches out of all proportion throw the loss."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from unstuck.learning import Learning
from unstuck.learning.curve import CERTAIN, CHUNKS, Curve, Level, level
from unstuck.learning.spikes import WINDOW, spikes, without
from unstuck.record import Evidence, Finding, NotEvaluated, Run, Severity, signals
from unstuck.record.facts import ThrownBatch, ThrownTensor
from unstuck.record.numbers import number
from unstuck.rules.rule import Rule

__all__ = ["DataCorrupt"]

GUMBEL_SPREAD = 1.137
"""Robust deviation of a Gumbel distribution of scale one: 1.4826 times its median absolute deviation, 0.767."""

GUMBEL_TAIL = 2.604
"""From its median to its 95% quantile: a few great values among many of a normal size show in the tail alone."""

STRETCHES = 40
"""Parts of a training whose levels are compared."""

AFTERMATH = 16
"""Losses behind a thrown one that show whether the weights were moved."""

NAMED = 4
"""Steps and rows that are named one by one."""


@dataclass(frozen=True, kw_only=True)
class DataCorrupt(Rule):
    r"""Single batches hold values out of all proportion, and throw the loss.

    Detects:
        Steps whose loss is far above the level before, and whose inputs or targets, as they stood before the update of
        that step, reach far beyond what all other batches reach.

    Why it matters:
        The gradient of a squared error grows with the error, so that one row that is a thousand times too large moves
        the weights as a thousand batches do. What was learnt is lost, and the averages of Adam remember it for
        1 / (1 - beta2) steps.

    Evidence:
        The steps, the losses, and the greatest absolute value of inputs and targets in these steps beside that in the
        sampled ones; the rows that hold it; the level of the loss before and after. The greatest of a batch of
        power-law values has a Gumbel distribution on a scale of logarithms. A value must lie where the greatest
        of all N batches of a training lies once in a thousand trainings,

        .. math::
            \ln(x / m) > \beta (\ln N + \ln(\ln 2 / p)), \qquad
            \beta = \max(s / 1.137, \ln(q / m) / 2.604), \quad p = 0.001

        with the median m, the robust deviation s of the logarithm, and the 95% quantile q: more than eight s where
        N > 13.

    Known false positives:
        A rare event that is real, such as the one catastrophe in a table of insurance claims, looks the same. What a
        model makes itself, such as the targets of Q-learning, may leap without a fault of the data. Losses on an
        accelerator are known too late to look at their batch.

    Try:
        Find the rows by their size and see where they come from: another unit, a sensor that failed, a column read as
        another one. Drop or clip them before training. Where such values are real: a Huber loss, a logarithm of the
        targets, clipping of the gradient's norm.

    References:
        Huber, "Robust estimation of a location parameter", 1964. Gumbel, "Statistics of extremes", 1958. Chowdhery et
        al., "PaLM", 2022, section 5.1, on spikes that single batches cause.
    """

    code = "D501"
    name = "batches out of all proportion"
    cause = "data-corrupt"
    needs = (signals.LOSS,)

    factor: float = 5.0  #: times what 95% of batches stay below, so that a hair's breadth is no finding (our choice)
    chance: float = 1e-3  #: trainings that power-law data may throw beyond the limit (our choice)
    fewest: int = 16  #: ordinary batches: all of the first sixteen steps are sampled
    share: float = 0.5  #: thrown steps whose data must be unusual, or something else throws the loss (our choice: most)
    harm: float = 0.05  #: rise above the best level, as a share of that, that is harm (our choice)

    def check(self, run: Run) -> Iterator[Finding | NotEvaluated]:
        """Judge one stream of a run."""
        looks = sorted({fact.step: fact for fact in run.facts(ThrownBatch)}.values(), key=lambda fact: fact.step)
        curve = Curve.of(run.series(signals.LOSS))
        if not looks:
            thrown = spikes(curve)
            if thrown:
                yield NotEvaluated(
                    reason=f"the loss was thrown ({_at([spike.step for spike in thrown])}), and the batch was not seen"
                )
            return
        steps = int(curve.steps[-1]) + 1 if len(curve) else 1
        odd = {look.step: odd for look in looks if (odd := self._odd(look, steps))}
        if odd and len(odd) >= self.share * len(_counted(looks, odd)):
            yield self._found(run, curve, [look for look in looks if look.step in odd], odd)

    def _odd(self, look: ThrownBatch, steps: int) -> ThrownTensor | None:
        """The tensor that is furthest from what is usual, if any is out of all proportion."""
        odd = [tensor for tensor in look.tensors if self._out_of_proportion(tensor, steps)]
        return max(odd, key=lambda tensor: tensor.largest / tensor.usual, default=None)

    def _out_of_proportion(self, tensor: ThrownTensor, steps: int) -> bool:
        if tensor.seen < self.fewest or not tensor.largest > self.factor * tensor.high:
            return False
        if tensor.later is not None and tensor.largest < self.factor * tensor.later:
            return False  # it is the first of those that are usual from then on
        scale = max(tensor.spread / GUMBEL_SPREAD, math.log(tensor.high / tensor.usual) / GUMBEL_TAIL)
        surprise = scale * (math.log(steps) + math.log(math.log(2.0) / self.chance))
        return math.log(tensor.largest / tensor.usual) > surprise

    def _found(self, run: Run, curve: Curve, looks: Sequence[ThrownBatch], odd: Mapping[int, ThrownTensor]) -> Finding:
        worst, steps = max(looks, key=lambda look: look.loss), [look.step for look in looks]
        tensor, usual = odd[worst.step], _before(curve, steps[0])
        severity, lost = self._lost(run, curve, steps)
        thrown = "a batch" if len(steps) == 1 else f"{len(steps)} batches"
        return self.finding(
            f"{thrown} out of all proportion threw the loss, {_at(steps)}: from {number(usual)} to "
            f"{number(worst.loss)}, where the {tensor.what}s reach {number(tensor.largest)}, elsewhere "
            f"{number(tensor.usual)}{_rows(tensor, worst)}; {lost}",
            f"Look for {tensor.what}s above {number(self.factor * tensor.high)}: another unit, a failed reading, one "
            "column taken for another. Mend, drop or clip them before training; where they are real, use a Huber loss "
            "or clip the norm of the gradient.",
            severity=severity,
            confidence=0.95 if len(steps) > 1 else 0.9,
            evidence=(
                Evidence(
                    signal="thrown_batch",
                    value=tensor.largest,
                    threshold=self.factor * tensor.high,
                    steps=(steps[0], steps[-1]),
                    note=f"greatest {tensor.what} of the batch, beyond {self.factor:g} times what 95% of {tensor.seen} "
                    "others reach",
                ),
                Evidence(
                    signal="loss",
                    value=worst.loss,
                    threshold=worst.level,
                    steps=(worst.step, worst.step),
                    note="loss of the batch, beyond eight robust deviations of the logarithm of the losses before",
                ),
            ),
        )

    def _lost(self, run: Run, curve: Curve, steps: Sequence[int]) -> tuple[Severity, str]:
        """How bad it is, and what was lost against the best level reached, in words."""
        learning, calm = Learning.of(run), without(curve, steps)
        if learning.broken is not None or not len(calm):
            return "error", "since then the loss is not finite any more"
        levels = _levels(calm)
        best, end = min(levels, key=lambda found: found.value + found.error), levels[-1]
        lost = end.value - best.value
        if lost > CERTAIN * math.hypot(end.error, best.error) and lost > self.harm * best.value:
            came_back = f"it has come back to {number(end.value)}, the best level was {number(best.value)}"
            return "error" if learning.relapse else "warning", came_back
        if any(_lasts(calm, step) for step in steps):
            return "warning", "it takes some steps to come back"
        return "note", "it comes back at once"


def _counted(looks: Sequence[ThrownBatch], odd: Mapping[int, ThrownTensor]) -> list[ThrownBatch]:
    """Those that count: a loss soon after an unusual batch is thrown by what that has done to the weights."""
    return [look for look in looks if look.step in odd or not any(0 < look.step - step <= WINDOW for step in odd)]


def _levels(curve: Curve) -> list[Level]:
    """The levels of the fortieths of a training, or of fewer stretches where these hold too few losses."""
    return [level(part) for part in np.array_split(curve.values, max(1, min(STRETCHES, len(curve) // CHUNKS)))]


def _before(curve: Curve, step: int) -> float:
    """The median of the losses before a step."""
    before = curve.values[curve.steps < step][-WINDOW:]
    return float(np.median(before)) if len(before) else math.nan


def _lasts(curve: Curve, step: int) -> bool:
    """Whether most losses behind a step lie above nearly all before it."""
    before, after = curve.values[curve.steps < step][-WINDOW:], curve.values[curve.steps > step][:AFTERMATH]
    return len(before) > 0 and len(after) > 0 and float(np.median(after)) > float(np.quantile(before, 0.9))


def _at(steps: Sequence[int]) -> str:
    named = ", ".join(f"{step:,}" for step in steps[:NAMED])
    more = f" and {len(steps) - NAMED} more" if len(steps) > NAMED else ""
    return f"at step{'s' if len(steps) > 1 else ''} {named}{more}"


def _rows(tensor: ThrownTensor, look: ThrownBatch) -> str:
    """The rows that are out of range, or, of several rows an example, the examples, with their places in the data."""
    count = tensor.shape[0] if tensor.shape else 1
    if not tensor.rows or count == 1:
        return ""
    what, rows, among = "row", tensor.first_rows, count
    places = look.examples(rows, count)
    whole = len(rows) == tensor.rows
    if places and count > len(look.places):
        each = count // len(look.places)
        what, among, rows = "example", len(look.places), tuple(dict.fromkeys(row // each for row in rows))
    plural = f"{what}s" if len(rows) > 1 else what
    if whole and len(rows) <= NAMED:
        return f" ({plural} {', '.join(map(str, rows))} of {among:,}{_named(places)})"
    number = f"{len(rows) if whole else tensor.rows:,}" if what == "row" or whole else f"at least {len(rows):,}"
    first = f", the first {_named(places[:NAMED]).removeprefix(', ')}" if places else ""
    return f" ({number} of {among:,} {what}s{first})"


def _named(places: Sequence[int]) -> str:
    return "".join(f", dataset[{place}]" for place in places)
