"""N101: the loss or the weights are not finite."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from unstuck.learning import optimizer_place
from unstuck.learning.curve import Curve
from unstuck.record import Evidence, Finding, Run, Where, signals
from unstuck.record.facts import Loss, NonFinite
from unstuck.rules.rule import Rule
from unstuck.rules.step_size import Steps

__all__ = ["LossNotFinite"]


@dataclass(frozen=True)
class _Origin:
    """Why the values ceased to be finite."""

    cause: str
    confidence: float
    words: str
    advice: str
    where: Where


@dataclass(frozen=True, kw_only=True)
class LossNotFinite(Rule):
    """The loss became NaN or infinite, from where it does not come back.

    Detects:
        Losses or weights that are NaN or infinite, with the module, the batch and the examples in which that
        began, and one of four causes: the data held such values; all targets of a batch were left out of the loss, so
        that it is a mean over none; the weights had exploded; or none of these, so that a formula overflows (the
        logarithm of zero, a root at zero, softmax followed by a logarithm).

    Why it matters:
        One NaN in a gradient makes every weight NaN in the next update; all steps after it are lost.

    Evidence:
        The first value that was not finite, and what held it; the loss, the gradient norms and the update ratios of the
        steps just before.

    Known false positives:
        Loss scaling for half precision skips updates whose gradients overflow, by design: gradients and activations
        alone never fire this rule. A loop that skips a bad batch and goes on gets a note. A mean over no targets has no
        gradient and harms no weights: as long as other batches have targets it is a warning.

    Try:
        Data: drop or repair the rows named. No targets: skip such examples, cut prompts and not answers. Explosion:
        lower the rate, clip the gradient norm. Formula: the stable function that takes logits (cross_entropy,
        binary_cross_entropy_with_logits, log_softmax), or an epsilon inside the logarithm or root.

    References:
        Goodfellow, Bengio and Courville, "Deep Learning", section 4.1, overflow and underflow; PyTorch notes,
        "Automatic mixed precision: gradient scaling".
    """

    code = "N101"
    name = "loss not finite"
    cause = "loss-unstable"
    needs = (signals.LOSS,)

    growth: float = 10.0  #: rise of the loss just before, in units of its scale, that is an explosion (our choice)
    gradient_growth: float = 1e3  #: gradient norm just before, as a multiple of its median (our choice: 60 dB)
    large_ratio: float = 0.1  #: update ratio just before: a tenth of the weights in a step, a hundred times the usual
    before: int = 5  #: samples looked at before the first bad value

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        losses = run.series(signals.LOSS)
        bad = ~np.isfinite(losses.values)
        weights = run.table(signals.WEIGHT_NONFINITE).values
        lost = bool((np.nan_to_num(weights) > 0).any())
        if not bad.any() and not lost:
            return
        fact = min(run.facts(NonFinite), key=lambda fact: fact.step, default=None)
        step = int(losses.steps[bad][0]) if bad.any() else int(losses.steps[-1])
        step = min(step, fact.step) if fact else step
        origin = self._origin(run, fact, step)
        harmless = fact is not None and fact.ignored is not None and not bad.all()
        recovered = not lost and (harmless or bool(np.isfinite(losses.values[-self.before :]).all()))
        count = int(bad.sum())
        share = f"{count} of {len(bad)} losses" if bad.any() else "weights"
        yield self.finding(
            f"{share} are NaN or infinite, first at step {step}: {origin.words}",
            origin.advice,
            severity="note" if recovered and count < 0.01 * len(bad) else "warning" if recovered else "error",
            confidence=origin.confidence,
            cause=origin.cause,
            where=origin.where,
            evidence=(
                Evidence(
                    signal=NonFinite.kind,
                    value=float(count),
                    threshold=0.0,
                    steps=(step, int(losses.steps[-1])),
                    note="losses that are not finite",
                ),
                *self._statistics(run, step),
            ),
        )

    def _origin(self, run: Run, fact: NonFinite | None, step: int) -> _Origin:
        if fact is not None and fact.ignored is not None:
            return self._without_targets(run, fact.ignored)
        dirty = run.series(signals.INPUT_NONFINITE)
        in_inputs = bool((np.nan_to_num(dirty.values[dirty.steps <= step]) > 0).any())
        if in_inputs or (fact is not None and fact.what in ("input", "target")):
            return self._in_data(fact)
        if self._exploded(run, step):
            return _Origin(
                "lr-too-high",
                0.8,
                "the loss, the gradients or the updates had exploded before",
                "Lower the learning rate by a factor of ten, and clip the gradient norm "
                "(torch.nn.utils.clip_grad_norm_) where single batches throw it.",
                optimizer_place(run),
            )
        return self._in_formula(run, fact)

    def _in_data(self, fact: NonFinite | None) -> _Origin:
        what = "targets" if fact is not None and fact.what == "target" else "inputs"
        rows = f" (examples {', '.join(map(str, fact.examples))} of that batch)" if fact and fact.examples else ""
        return _Origin(
            "data-non-finite",
            0.95,
            f"the {what} of the batch hold such values{rows}",
            f"Find the rows with ~torch.isfinite({what}) before training; drop or fill them. A division by a feature's "
            "standard deviation of zero is a common source.",
            Where(module=fact.where or None) if fact else Where(),
        )

    def _without_targets(self, run: Run, ignored: int) -> _Origin:
        loss = run.fact(Loss)
        return _Origin(
            "mask-wrong",
            0.95,
            f"all targets of that batch are ignored (ignore_index={ignored}), and the mean over none is NaN",
            "Skip examples without targets when the data are made, and batches of nothing else; where sequences are "
            'cut to a length, cut the prompt and not the answer. Or divide a sum (reduction="sum") by max(1, count).',
            Where() if loss is None else Where(file=loss.file, line=loss.line),
        )

    def _in_formula(self, run: Run, fact: NonFinite | None) -> _Origin:
        loss = run.fact(Loss)
        place = Where(module=(fact.where or None) if fact and fact.what == "activation" else None)
        if fact is not None and fact.what in ("gradient", "weight"):
            place = Where(parameter=fact.where or None)
        if fact is not None and fact.file:
            place = replace(place, file=fact.file, line=fact.line)
        elif loss is not None:
            place = replace(place, file=loss.file, line=loss.line)
        return _Origin(
            "loss-unstable",
            0.75,
            f"inputs were finite and nothing had exploded; {_first(fact)}",
            "Look for log, sqrt, a division or exp at the edge of its range there: use the functions that take logits "
            "(cross_entropy, binary_cross_entropy_with_logits, log_softmax), or add an epsilon inside.",
            place,
        )

    def _exploded(self, run: Run, step: int) -> bool:
        """Whether the steps before the first bad value show growth that overflow is the end of."""
        curve = Curve.of(run.series(signals.LOSS).between(0, step - 1)) if step > 0 else None
        if curve is not None and len(curve) >= 2:
            before = float(curve.values[-self.before :].max())
            if before - curve.first > self.growth * curve.scale:
                return True
        steps = Steps.of(run)
        late = steps.largest.between(0, step).values[-self.before :] if len(steps) else np.empty(0)
        if len(late) and float(late.max()) > self.large_ratio and (curve is None or self._rising(curve)):
            return True
        return any(last > self.gradient_growth * middle for last, middle in self._gradients(run, step))

    def _rising(self, curve: Curve) -> bool:
        return len(curve) < 2 or float(curve.values[-1]) > curve.first

    def _gradients(self, run: Run, step: int) -> Iterator[tuple[float, float]]:
        """For each parameter, its largest gradient norm just before, and its median before that."""
        for _, series in run.table(signals.GRADIENT_NORM).columns():
            values = series.finite().between(0, step).values
            if len(values) > self.before:
                yield float(values[-self.before :].max()), float(np.median(values[: -self.before]))

    def _statistics(self, run: Run, step: int) -> Iterator[Evidence]:
        losses = run.series(signals.LOSS).finite().between(0, step - 1)
        if len(losses):
            steps = (int(losses.steps[-self.before :][0]), int(losses.steps[-1]))
            value = float(losses.values[-self.before :].max())
            yield Evidence(signal="loss", value=value, steps=steps, note="largest of the last finite losses")
        gradients = run.table(signals.GRADIENT_NORM)
        rows = gradients.values[gradients.steps <= step][-self.before :]
        norms = rows[np.isfinite(rows)]
        if len(norms):
            yield Evidence(signal="gradient_norm", value=float(norms.max()), note="largest of a parameter just before")


def _first(fact: NonFinite | None) -> str:
    """What the first value that was not finite was."""
    if fact is None:
        return "its origin is unseen"
    if fact.what == "weight" and fact.suspects:
        slopes = " or ".join(fact.suspects[:3])
        return f"the loss was finite, its gradient was not: the slope of {slopes} is infinite at the edge of its range"
    if fact.file and fact.what == "activation":
        return f"the first came out of {fact.where}"
    return f"the first was the {fact.what}{f' of {fact.where}' if fact.where else ''}"
