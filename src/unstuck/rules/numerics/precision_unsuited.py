"""N201: a number format too narrow for a constant or a value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from unstuck.learning import optimizer_place
from unstuck.record import Evidence, Finding, Run, Severity, Where, signals
from unstuck.record.facts import LossScaling, Model, NarrowConstant, NonFinite, Optimizer, RoundedAverage
from unstuck.rules.calls import outcome_of
from unstuck.rules.rule import Rule

__all__ = ["PrecisionUnsuited"]

HALVES = ("float16", "bfloat16")

NAMED = 3
"""Weights that a message lists."""

LARGEST = 65_504.0
"""The largest number of float16."""

EDGES = ("Log", "Sqrt", "Rsqrt", "Div", "Reciprocal", "Log1P", "Log2", "Log10")
"""Operations that are infinite at the edge of their range in any precision."""


@dataclass(frozen=True, kw_only=True)
class PrecisionUnsuited(Rule):
    """A number format is too narrow for a constant of the optimizer, for the updates, or for a value of the model.

    Detects:
        Adam and its like on float16 weights with an epsilon that float16 rounds to zero, and weights that became NaN;
        weights in half precision that updates leave as they were, for they are smaller than half the distance to the
        next number, and running averages of weights likewise; values beyond 65,504 in float16, in a training that had
        not exploded; a GradScaler that skips all updates, or many of them after its factor has settled; an epsilon that
        float16 rounds to zero.

    Why it matters:
        A bfloat16 weight has three digits: a step of a thousandth of it, the usual one, is rounded away. In float16
        0 / (0 + 1e-8) is 0 / 0. Nothing is wrong with the model, the rate or the data.

    Evidence:
        The types of the weights; the epsilon against the smallest number of the type; the share of weights that have a
        gradient and stay the same in an update; the first value that was not finite, and its type; the updates that
        the scaler was asked for and skipped, the layer whose values are too large; constants, where they are used.

    Known false positives:
        Autocast keeps weights in float32, with or without a GradScaler, and is silent, as are gradients that overflow
        and whose step the scaler skips. Half-precision weights that learn well all the same get a note, as where
        an optimizer rounds at random on purpose, and none where updates are small at the end alone.

    Try:
        Weights in float32, with torch.autocast for the forward pass, and a GradScaler where it computes in float16;
        bfloat16 in place of float16 where values are large. In float16 throughout: eps=1e-4.

    References:
        Micikevicius et al., "Mixed precision training", ICLR 2018, section 3.1, on master weights and updates that
        vanish; Higham, "Accuracy and Stability of Numerical Algorithms", chapter 2.
    """

    code = "N201"
    name = "precision unsuited"
    cause = "precision-unsuited"
    needs = (Model,)

    smallest: float = 2.0**-25  #: half of float16's smallest number: what lies below is rounded to zero
    minimum: int = 3  #: sampled updates, below which it may be the start alone (our choice)
    lost: float = 0.5  #: share lost of updates: of weights at the median late step, of those a scaler is asked for
    asked: int = 20  #: updates asked of a scaler, below which it may still be finding its factor: 16 halvings to 1
    risen: float = 10.0  #: last finite losses over the first, above which the training had exploded (as N101)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        found = (
            self._epsilon(run)
            or self._skipped(run)
            or self._constant(run)
            or self._overflow(run)
            or self._lost(run)
            or self._averaged(run)
        )
        if found is not None:
            yield found

    def _epsilon(self, run: Run) -> Finding | None:
        optimizer = run.fact(Optimizer)
        epsilons = [group.epsilon for group in optimizer.groups if group.epsilon] if optimizer else []
        broken = bool((np.nan_to_num(run.table(signals.WEIGHT_NONFINITE).values) > 0).any())
        if optimizer is None or not epsilons or "float16" not in _types(run) or not broken:
            return None
        if min(epsilons) >= self.smallest:
            return None
        return self.finding(
            f"eps={min(epsilons):g} in {optimizer.type} is zero in float16, the type of the weights: where a gradient "
            "is zero or small, the update is 0 / 0",
            "Keep the weights in float32 and compute under torch.autocast; or take eps=1e-4.",
            severity="error",
            confidence=0.95,
            where=optimizer_place(run),
            evidence=(
                Evidence(
                    signal=Optimizer.kind,
                    value=min(epsilons),
                    threshold=self.smallest,
                    note="epsilon, against what float16 rounds to zero; weights became NaN",
                ),
            ),
        )

    def _skipped(self, run: Run) -> Finding | None:
        """Updates that a GradScaler never makes, or leaves out again and again after its factor has settled."""
        scaling = run.fact(LossScaling)
        if scaling is None or scaling.asked < self.asked:
            return None
        none, share = scaling.skipped == scaling.asked, scaling.settled / scaling.asked
        if not none and (share < self.lost or outcome_of(run) == "good"):
            return None
        layer = f"{scaling.layer} gives values beyond {LARGEST:,.0f}, the largest number of float16"
        lasting = none or scaling.scale < 1.0
        why = layer if scaling.layer else "its factor falls for ever" if lasting else "its factor grows too far"
        advice = (
            "Compute in bfloat16 (torch.autocast(..., dtype=torch.bfloat16)), whose range is that of float32 and which "
            "needs no scaler; or keep that layer in float32, or bring its values down by a normalisation."
            if scaling.layer or lasting
            else "Let its factor grow more seldom: GradScaler(growth_interval=2000), and init_scale=2**10."
        )
        first = scaling.overflowed[0] if scaling.overflowed else None
        several = f", and of {len(scaling.overflowed) - 1} more" if len(scaling.overflowed) > 1 else ""
        gradient = f"; the gradient of {first}{several} is not finite" if first else ""
        return self.finding(
            f"the GradScaler skips {scaling.skipped} of {scaling.asked} updates: {why}{gradient}",
            advice,
            severity="error" if none or outcome_of(run) == "none" else "warning",
            confidence=0.95 if none else 0.8,
            where=Where(module=scaling.layer or None, file=scaling.file, line=scaling.line),
            evidence=(
                Evidence(
                    signal=LossScaling.kind,
                    value=scaling.skipped / scaling.asked,
                    threshold=self.lost,
                    note=f"share of the updates that were skipped; the factor is {scaling.scale:.3g} at the end",
                ),
            ),
        )

    def _constant(self, run: Run) -> Finding | None:
        """An epsilon that is zero, or a mask's value that is infinite, where values that are not finite came up."""
        constants, scaling = run.facts(NarrowConstant), run.fact(LossScaling)
        broken = run.facts(NonFinite) or not np.isfinite(run.series(signals.LOSS).values).all()
        if not constants or not (broken or (scaling is not None and scaling.settled)):
            return None
        places = {(fact.file, fact.line) for fact in run.facts(NonFinite)}
        constant = next((one for one in constants if (one.file, one.line) in places), constants[0])
        what = "zero" if constant.becomes == "zero" else "infinite"
        advice = (
            "Take an epsilon of 1e-4 or more there"
            if constant.becomes == "zero"
            else "Take torch.finfo(x.dtype).min there, or masked_fill(mask, float('-inf')) with no row masked whole"
        )
        return self.about(
            constant,
            f"{constant.value:g} is {what} in {constant.type}, the type that {constant.function} takes it in",
            f"{advice}; or compute that line in float32 (x.float()), or the whole in bfloat16.",
            value=constant.value,
            threshold=self.smallest if constant.becomes == "zero" else LARGEST,
            note=f"the constant, against what {constant.type} can hold; values that are not finite came up",
            severity="error",
            confidence=0.9,
        )

    def _overflow(self, run: Run) -> Finding | None:
        fact = min(run.facts(NonFinite), key=lambda fact: fact.step, default=None)
        if fact is None or fact.type != "float16" or fact.what != "activation" or fact.where in EDGES:
            return None
        if self._exploded(run, fact.step) or not self._lasting(run):
            return None
        place = f" at {fact.where}" if fact.where else ""
        return self.finding(
            f"a value{place} is beyond {LARGEST:,.0f}, the largest number of float16, at step {fact.step}",
            "Compute in bfloat16, whose range is that of float32; or keep that operation in float32 "
            "(torch.autocast(..., enabled=False) around it), or bring the values down by a normalisation.",
            severity="error",
            confidence=0.85,
            where=Where(file=fact.file, line=fact.line) if fact.file else Where(module=None),
            evidence=(
                Evidence(
                    signal=NonFinite.kind,
                    value=float(fact.count),
                    threshold=0.0,
                    steps=(fact.step, fact.step),
                    note="float16 values that are not finite; neither the loss nor the inputs had grown",
                ),
            ),
        )

    def _exploded(self, run: Run, step: int) -> bool:
        before = run.series(signals.LOSS).between(0, step - 1).finite().values if step > 0 else np.empty(0)
        return len(before) > 1 and float(np.abs(before[-5:]).max()) > self.risen * max(abs(float(before[0])), 1e-12)

    def _lasting(self, run: Run) -> bool:
        """Whether the loss did not come back; a GradScaler brings overflows of its own factor to an end."""
        return not bool(np.isfinite(run.series(signals.LOSS).values[-5:]).all())

    def _lost(self, run: Run) -> Finding | None:
        shares = run.series(signals.UPDATE_LOST).finite()
        outcome, halves = outcome_of(run), sorted(_types(run) & set(HALVES))
        if len(shares) < self.minimum or not halves:
            return None
        late = shares.steps >= shares.steps[-1] / 2  # samples are dense at the start
        share, early = float(np.median(shares.values[late])), shares.values[~late]
        if share < self.lost or (outcome == "good" and not np.median(early) >= self.lost):
            return None  # where all is well, small updates at the end are those of a schedule
        severity: Severity = "error" if outcome == "none" else "note" if outcome == "good" else "warning"
        most = _most_lost(run)
        first = most[0].rpartition(" ")[0] if most else None
        return self.finding(
            f"{share:.0%} of the weights in {halves[0]} stay as they were at an update, for it is smaller than half "
            "the distance to the next number" + (f"; most in {', '.join(most)}" if most else ""),
            "Keep the weights in float32 and compute under torch.autocast: it is the forward pass that half precision "
            "makes fast.",
            severity=severity,
            confidence={"none": 0.9, "good": 0.5}.get(outcome, 0.7),
            where=replace(optimizer_place(run), parameter=first),
            evidence=(
                Evidence(
                    signal=signals.UPDATE_LOST.key,
                    value=share,
                    threshold=self.lost,
                    steps=(int(shares.steps[0]), int(shares.steps[-1])),
                    note="share of the weights with a gradient that an update did not change, at the median step",
                ),
            ),
        )

    def _averaged(self, run: Run) -> Finding | None:
        """A running average of the weights that stays where it began."""
        fact = next((fact for fact in run.facts(RoundedAverage) if fact.share >= self.lost), None)
        if fact is None:
            return None
        return self.about(
            fact,
            f"the running average of the weights is kept in {fact.type}, which rounds its steps away: along "
            f"{fact.share:.0%} of the way to the weights it does not move",
            "Keep the average in float32 and cast a copy of it where it is used; or average more seldom, by a larger "
            "share.",
            value=fact.share,
            threshold=self.lost,
            note="share of the distance between average and weights along which a step is below half the distance to "
            "the next number",
            severity="error",
            confidence=0.9,
        )


def _most_lost(run: Run) -> list[str]:
    """The weights that lose the most of their updates in the second half, with their shares: ``"head.weight 98%"``."""
    table = run.table(signals.UPDATE_LOST_OF)
    late = table.values[table.steps >= table.steps[-1] / 2] if len(table) else table.values
    known = {name: late[:, i][np.isfinite(late[:, i])] for i, name in enumerate(table.names)}
    shares = {name: float(np.median(column)) for name, column in known.items() if len(column)}
    return [f"{name} {shares[name]:.0%}" for name in sorted(shares, key=lambda name: -shares[name])[:NAMED]]


def _types(run: Run) -> set[str]:
    """The types of the weights that the optimizer changes."""
    model = run.fact(Model)
    return {parameter.type for parameter in model.parameters if parameter.optimized} if model else set()
