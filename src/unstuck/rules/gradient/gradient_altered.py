"""G204: gradients are changed between the backward pass and the update."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from unstuck.learning import optimizer_place
from unstuck.record import Evidence, Finding, Run, Severity, Where, signals
from unstuck.record.facts import GradientCall, GradientChange, Model, Optimizer
from unstuck.rules.calls import outcome_of
from unstuck.rules.methods import divides_size
from unstuck.rules.rule import Gate, Rule
from unstuck.rules.step_size import GOOD_RATIO, Steps

__all__ = ["GradientAltered", "usual_norm"]

COMPARISONS = 2
"""Steps compared, below which it may be one odd step (our choice)."""


def _compared(run: Run) -> list[GradientChange]:
    """The comparisons of finite gradients: a GradScaler skips the others."""
    return [c for c in run.facts(GradientChange) if 0.0 < c.before < math.inf and math.isfinite(c.after)]


def _enough(run: Run) -> bool:
    """Whether several were compared, or one that shows its scale, after which weights are no numbers any more."""
    changes = _compared(run)
    return len(changes) >= COMPARISONS or any(change.scale > 1.0 and _kept(change) > 1.0 for change in changes)


COMPARED = Gate(f"fewer than {COMPARISONS} gradients were compared before and after", _enough)


@dataclass(frozen=True, kw_only=True)
class GradientAltered(Rule):
    """Gradients are changed between backward and step, so that the optimizer follows something else.

    Detects:
        Gradients that are clipped while a GradScaler's factor is still in them; clipped or scaled to so little that no
        rate in use would move the weights, or to so much that they fly apart; set to zero or to None after the backward
        pass; replaced by others that have nothing to do with the loss. As a note: gradients that are clipped after the
        update, when nothing reads them any more.

    Why it matters:
        The loss, its gradient and the rate are all right, and look wrong. Clipping to norm 1 before unscale_ clips to
        1 / 65536, and the rate that seems to be needed is a hundred thousand times the right one.

    Evidence:
        The norm of the gradient after the backward pass and as the optimizer got it, the cosine between the two, the
        scaler's factor, and the calls between, in their order.

    Known false positives:
        Clipping that tames rare large gradients changes few steps: the median step counts. Signs and noise that a
        method takes on purpose, and surgery on the gradients of several tasks: silent where learning is good. Adam
        divides by the gradient's size, so that clipping, which changes its size alone, is a note there, unless what is
        left is no larger than its epsilon.

    Try:
        The order backward(), scaler.unscale_(optimizer), clip_grad_norm_, scaler.step(optimizer); a max_norm near the
        norms that are usual, found by printing what clip_grad_norm_ returns; zero_grad() before backward().

    References:
        PyTorch notes, "Automatic mixed precision examples", gradient clipping; Pascanu, Mikolov and Bengio, "On the
        difficulty of training recurrent neural networks", ICML 2013, section 3.2.
    """

    code = "G204"
    name = "gradient altered"
    cause = "gradient-altered"
    needs = (GradientChange, signals.LOSS)
    applies_to = (COMPARED,)

    most: float = 0.5  #: share of the compared steps that must agree: the median (our choice)
    bites: float = 0.5  #: share of its norm that a clipped gradient keeps, above which clipping changes little
    shrunk: float = 0.1  #: the same below which steps are ten times shorter than the rate says (our choice)
    grown: float = 10.0  #: the same above which they are ten times longer
    unlike: float = 0.3  #: cosine below which what is left is not the loss's gradient; signs have 0.5 to 0.8
    low: float = 0.3 * GOOD_RATIO  #: update ratio below which steps are too short (as O202)
    high: float = 0.1  #: update ratio above which they are too long: a tenth of the weights in a step
    fine: float = 10.0  #: entries over Adam's epsilon, above which it divides their size away (our choice)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        changes = _compared(run)
        found = (
            self._zeroed(run, changes)
            or self._clipped_while_scaled(run, changes)
            or self._never_unscaled(run, changes)
            or self._replaced(run, changes)
            or self._resized(run, changes)
            or self._late(changes)
        )
        if found is not None:
            yield found

    def _zeroed(self, run: Run, changes: Sequence[GradientChange]) -> Finding | None:
        gone = [change for change in changes if change.after == 0.0]
        if len(gone) <= self.most * len(changes):
            return None
        call = _last(gone, _is_change)
        return self.finding(
            f"{_named(call)} sets all gradients to zero between the backward pass and the update",
            "Clear gradients before the backward pass: zero_grad(), backward(), step().",
            severity="error",
            confidence=0.95,
            where=_place(run, call),
            evidence=self._evidence(gone, 0.0, 0.0, "of its norm is left when the update begins"),
        )

    def _clipped_while_scaled(self, run: Run, changes: Sequence[GradientChange]) -> Finding | None:
        early = [change for change in changes if change.scale > 1.0 and _clips_before_unscaling(change)]
        kept = float(np.median([_kept(change) for change in early])) if early else 1.0
        if len(early) <= self.most * len(changes) or kept > self.bites:
            return None
        call, scale = _last(early, _is_clip), float(np.median([change.scale for change in early]))
        outcome = outcome_of(run)
        harmless = outcome == "good" or self._divided_away(run, early)
        severity: Severity = "note" if harmless else "error" if outcome == "none" else "warning"
        return self.finding(
            f"{_named(call)} clips gradients that are still multiplied by the scaler's {scale:.6g}: what is left of "
            f"them has a norm of {float(np.median([c.after for c in early])):.2g}",
            "Call scaler.unscale_(optimizer) after the backward pass and before clipping.",
            severity=severity,
            confidence=0.95,
            where=_place(run, call),
            evidence=self._evidence(early, kept, self.bites, "of its unscaled norm is left when the update begins"),
        )

    def _never_unscaled(self, run: Run, changes: Sequence[GradientChange]) -> Finding | None:
        """Updates by gradients of the scaled loss, as where the optimizer is stepped past the scaler."""
        left = [change for change in changes if change.scale > self.grown and _kept(change) > self.grown]
        outcome = outcome_of(run)
        if len(left) <= self.most * len(changes) or outcome == "good" or self._divided_away(run, left):
            return None
        scale, kept = float(np.median([change.scale for change in left])), float(np.median([_kept(c) for c in left]))
        return self.finding(
            f"the optimizer gets gradients that are still multiplied by the scaler's {scale:.6g}",
            "Call scaler.step(optimizer) and scaler.update() in place of optimizer.step().",
            severity="error" if outcome == "none" else "warning",
            confidence=0.95,
            where=optimizer_place(run),
            evidence=self._evidence(left, kept, self.grown, "times its unscaled norm when the update begins"),
        )

    def _replaced(self, run: Run, changes: Sequence[GradientChange]) -> Finding | None:
        cosine = float(np.median([change.cosine for change in changes]))
        call = _last(changes, _is_change)
        if cosine > self.unlike or call is None or outcome_of(run) == "good":
            return None
        return self.finding(
            f"{_named(call)} changes the direction of the gradient: that of the update has a cosine of {cosine:.2f} to "
            "that of the loss",
            "Leave .grad as the backward pass gives it, or see that what replaces it is a gradient of the loss.",
            severity="error" if outcome_of(run) == "none" else "warning",
            confidence=0.85 if cosine < 0.5 * self.unlike else 0.7,
            where=_place(run, call),
            evidence=self._evidence(changes, cosine, self.unlike, "cosine between the gradient before and after"),
        )

    def _resized(self, run: Run, changes: Sequence[GradientChange]) -> Finding | None:
        """Gradients so much shorter, or longer, that undoing it would bring the steps back to a usual size."""
        kept, steps, outcome = float(np.median([_kept(c) for c in changes])), Steps.of(run), outcome_of(run)
        call = _last(changes, _is_clip) or _last(changes, _is_change)
        if call is None or not len(steps) or outcome == "good" or self._divided_away(run, changes):
            return None
        ratio = steps.strongest()
        low = GOOD_RATIO if outcome == "none" else self.low
        short = kept < self.shrunk and 0.0 < ratio < low <= ratio / kept
        long = kept > self.grown and ratio > self.high >= ratio / kept
        if not (short or long):
            return None
        what = "of its norm is left when the update begins"
        times = f"{1.0 / kept:,.0f} times shorter" if short else f"{kept:,.0f} times longer"
        return self.finding(
            f"{_named(call)} makes gradients {times} than the backward pass gave them: steps move the weights by "
            f"{ratio:.2g} of their size",
            self._advice(call, changes),
            severity="error" if outcome == "none" else "warning",
            confidence=0.9,
            where=_place(run, call),
            evidence=self._evidence(changes, kept, self.shrunk if short else self.grown, what),
        )

    def _advice(self, call: GradientCall, changes: Sequence[GradientChange]) -> str:
        usual = _usual(changes)
        if not _is_clip(call):
            return "Leave gradients at the size that the backward pass gives, and set the size of steps by the rate."
        if "value" in call.name:
            return f"Clip by the norm instead, clip_grad_norm_, near the norms that are usual here, {usual:.2g}."
        return f"Raise max_norm to about {usual:.2g}, the norm that is usual here: clipping is for rare larger ones."

    def _late(self, changes: Sequence[GradientChange]) -> Finding | None:
        late = [change for change in changes if any(map(_is_clip, change.late))]
        call = next((call for change in late for call in change.late if _is_clip(call)), None)
        if call is None or any(_is_clip(call) for change in changes for call in change.calls):
            return None
        return self.finding(
            f"{_named(call)} is called after the update: what it clips is cleared before anything reads it",
            "Clip between backward() and step(), or leave it out.",
            severity="note",
            confidence=0.9,
            where=Where(file=call.file, line=call.line),
            evidence=self._evidence(late, 1.0, self.bites, "of its norm was left when the update began: all of it"),
        )

    def _divided_away(self, run: Run, changes: Sequence[GradientChange]) -> bool:
        """Whether the method divides by the gradient's size, which is then no matter."""
        optimizer, model = run.fact(Optimizer), run.fact(Model)
        if optimizer is None or not divides_size(optimizer.type):
            return False
        epsilon = max((group.epsilon or 0.0 for group in optimizer.groups), default=0.0)
        entries = sum(math.prod(p.shape) for p in model.parameters if p.optimized) if model else 1
        entry = float(np.median([change.after for change in changes])) / math.sqrt(max(entries, 1))
        return entry > self.fine * epsilon

    def _evidence(
        self, changes: Sequence[GradientChange], value: float, threshold: float, note: str
    ) -> tuple[Evidence, ...]:
        span = (changes[0].step, changes[-1].step)
        return (
            Evidence(signal=GradientChange.kind, value=value, threshold=threshold, steps=span, note=note),
            Evidence(
                signal=GradientChange.kind,
                value=float(np.median([change.before for change in changes])),
                steps=span,
                note=f"norm of the gradient after the backward pass; {len(changes)} steps were compared",
            ),
        )


def usual_norm(run: Run) -> float | None:
    """The norm that gradients have after the backward pass, near which advice lets them be clipped; None if unknown."""
    changes = _compared(run)
    return _usual(changes) if changes else None


def _usual(changes: Sequence[GradientChange]) -> float:
    return float(np.median([change.before / change.scale for change in changes]))


def _kept(change: GradientChange) -> float:
    """The share of its unscaled norm that the gradient keeps."""
    return change.after * change.scale / change.before


def _is_clip(call: GradientCall) -> bool:
    return "clip" in call.name or "clamp" in call.name


def _is_change(call: GradientCall) -> bool:
    return call.name != "unscale_"


def _clips_before_unscaling(change: GradientChange) -> bool:
    names = [call.name for call in change.calls]
    clips = next((position for position, call in enumerate(change.calls) if _is_clip(call)), None)
    return clips is not None and "unscale_" not in names[:clips]


def _last(changes: Sequence[GradientChange], wanted: Callable[[GradientCall], bool]) -> GradientCall | None:
    """The last such call before an update."""
    return next((call for change in changes for call in reversed(change.calls) if wanted(call)), None)


def _named(call: GradientCall | None) -> str:
    if call is None:
        return "the program"
    return "an assignment to .grad" if call.name == "__set__" else call.name


def _place(run: Run, call: GradientCall | None) -> Where:
    return optimizer_place(run) if call is None or call.file is None else Where(file=call.file, line=call.line)
