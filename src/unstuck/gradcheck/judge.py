"""Decide for each coordinate whether its gradient is right, wrong, at a kink, or too small to tell."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

import torch
from torch import Tensor

from unstuck.gradcheck.differences import Evaluator, Slopes
from unstuck.gradcheck.tolerance import Tolerance

__all__ = ["Judged", "State", "judge"]

SHRINKS = 0.3
"""Ratio of two differences, at steps a factor of ten apart, that shows an error of the step and not of the gradient."""


class State(IntEnum):
    """What became of one coordinate."""

    RIGHT = 0
    TINY = 1  # too small for the arithmetic: neither right nor wrong
    KINK = 2
    OUTSIDE = 3  # the function is not defined on both sides
    WRONG = 4


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One tensor's coordinates, each field of shape (K,).

    Attributes:
        places: Flat indices.
        analytic: Gradient by automatic differentiation.
        numerical: Gradient by differences, at the step that decided.
        error: Relative error; 0 where the gradient is too small to tell or set aside.
        state: Values of :class:`State`.
        remarkable: Whether an error that is small enough is larger than float64 leaves, at every step.
    """

    places: Tensor
    analytic: Tensor
    numerical: Tensor
    error: Tensor
    state: Tensor
    remarkable: Tensor

    @property
    def aside(self) -> Tensor:
        """What was set aside: at kinks, and where the function ends."""
        return (self.state == State.KINK) | (self.state == State.OUTSIDE)


def judge(evaluator: Evaluator, name: str, places: Tensor, gradient: Tensor, h: float, tolerance: Tolerance) -> Judged:
    """Compare, and look again at what does not agree.

    A gradient is right where it agrees with the centred difference, unless this is the mean of two slopes that stay
    apart, as those of ``abs`` at 0. Where it does not agree, the step is made smaller: an error that vanishes came from
    a kink between x - h and x + h, or from curvature. What stays, with equal slopes on both sides and all operations on
    one branch, is wrong; what stays with two slopes is a kink at x itself. A coordinate that no step can move to both
    sides lies where the function ends.
    """
    a = gradient.reshape(-1)[places].double()
    slopes = evaluator.slopes(name, places, h)
    n = slopes.centred
    state = torch.full_like(places, State.WRONG)
    state[_agrees(a, n, slopes.noise, tolerance)] = State.RIGHT
    state[_tiny(a, n, slopes.noise)] = State.TINY
    state[_bent(evaluator, name, places, a, slopes, h, state)] = State.KINK
    n = n.clone()
    # A first pass with larger steps lifts small gradients out of the rounding.
    for larger in (100.0, 1000.0):
        small = (_blurred(a, n, slopes.noise, tolerance) & (state != State.KINK)).nonzero()[:, 0]
        if not len(small) or h * larger > 0.02:
            break
        wide = evaluator.slopes(name, places[small], h * larger)
        clear = ~_blurred(a[small], wide.centred, wide.noise, tolerance)
        right = _agrees(a[small], wide.centred, wide.noise, tolerance) & clear
        state[small[right]] = State.RIGHT
        n[small[right]] = wide.centred[right]
        slopes.noise[small[right]] = wide.noise[right]
    suspects = (state == State.WRONG).nonzero()[:, 0]
    if len(suspects):
        state[suspects], n[suspects] = _again(evaluator, name, places[suspects], a[suspects], h, tolerance)
    blurred = _blurred(a, n, slopes.noise, tolerance)
    error = _relative(a, n)
    error[(state != State.WRONG) & ((state != State.RIGHT) | blurred)] = 0.0
    unremarkable = torch.zeros_like(state, dtype=torch.bool)
    judged = Judged(places=places, analytic=a, numerical=n, error=error, state=state, remarkable=unremarkable)
    return judged if tolerance.remark is None else _remarked(evaluator, name, judged, h, tolerance)


def _bent(
    evaluator: Evaluator, name: str, places: Tensor, a: Tensor, slopes: Slopes, h: float, state: Tensor
) -> Tensor:
    """Which of the coordinates that agree lie at a kink, between two slopes that stay apart at a smaller step."""
    bent = ((state != State.WRONG) & _apart(slopes, a)).nonzero()[:, 0]
    if len(bent):
        closer = evaluator.slopes(name, places[bent], 0.1 * h, choices=True)
        bent = bent[_kinked(closer, slopes.gap[bent], a[bent])]
    return bent


def _remarked(evaluator: Evaluator, name: str, judged: Judged, h: float, tolerance: Tolerance) -> Judged:
    """Look again at errors that are small enough, and larger than float64 leaves: they may be those of the step."""
    remark = tolerance.remark or 0.0
    doubtful = ((judged.state == State.RIGHT) & (judged.error > remark)).nonzero()[:, 0]
    if not len(doubtful):
        return judged
    a = judged.analytic[doubtful]
    strict = replace(tolerance, error=remark)
    again, better = _again(evaluator, name, judged.places[doubtful], a, h, strict)
    numerical, error, remarkable = judged.numerical.clone(), judged.error.clone(), judged.remarkable.clone()
    remarkable[doubtful] = again == State.WRONG
    closer = (again == State.RIGHT) & (_relative(a, better) < error[doubtful])
    numerical[doubtful] = torch.where(closer, better, numerical[doubtful])
    error[doubtful] = _relative(a, numerical[doubtful])
    return replace(judged, numerical=numerical, error=error, remarkable=remarkable)


def _again(
    evaluator: Evaluator, name: str, places: Tensor, a: Tensor, h: float, tolerance: Tolerance
) -> tuple[Tensor, Tensor]:
    """Look at suspects at ever smaller steps; their states, and the differences that decided."""
    count = len(places)
    state = torch.full((count,), int(State.WRONG), dtype=torch.int64, device=places.device)
    decided = torch.zeros(count, dtype=torch.bool, device=places.device)
    kinked = decided.clone()  # whether the last meaningful step saw a kink
    once_kinked = decided.clone()  # whether any did
    numerical = torch.full((count,), float("nan"), dtype=torch.float64, device=places.device)
    seen = decided.clone()
    defined = decided.clone()  # whether any step stayed where the function is defined
    switched = decided.clone()
    previous_gap: Tensor | None = None
    previous_factor = 1.0
    difference = torch.full_like(numerical, float("inf"))  # between the gradients, at the last meaningful step
    shrinking = decided.clone()
    for factor in tolerance.shrink:
        slopes = evaluator.slopes(name, places, h * factor, choices=True)
        n = slopes.centred
        # A coarse answer is enough to tell a kink's error, which is as large as the gradient, from none.
        meaningful = (slopes.noise <= 0.1 * torch.maximum((a - n).abs(), tolerance.error * n.abs())) & ~decided
        meaningful |= torch.isfinite(n) & ~defined & ~decided
        defined |= torch.isfinite(n)
        kink = _kinked(slopes, previous_gap, a)
        agrees = _agrees(a, n, slopes.noise, tolerance) & ~decided
        once_kinked |= kink & ~decided
        switched |= slopes.switched if slopes.switched is not None else False
        found = agrees
        at_kink = once_kinked & (switched | ~_curved(slopes.gap, previous_gap, factor / previous_factor))
        state[found & at_kink] = int(State.KINK)
        state[found & ~at_kink] = int(State.RIGHT)
        numerical[found] = n[found]
        kinked = torch.where(meaningful, kink, kinked)
        numerical = torch.where(meaningful & ~found, n, numerical)
        seen |= meaningful
        shrinking = torch.where(meaningful, (a - n).abs() < SHRINKS * difference, shrinking)
        shrinking &= torch.isfinite(difference) | ~meaningful
        difference = torch.where(meaningful, (a - n).abs(), difference)
        decided |= found
        previous_gap, previous_factor = slopes.gap, factor
    state[~decided & (kinked | shrinking)] = int(State.KINK)
    state[~decided & ~seen] = int(State.TINY)
    state[~defined] = int(State.OUTSIDE)
    return state, numerical


def _kinked(slopes: Slopes, previous_gap: Tensor | None, a: Tensor) -> Tensor:
    """Whether the two sides differ by more than curvature and rounding make them."""
    apart = _apart(slopes, a)
    if previous_gap is not None:
        # Over a curve the gap shrinks with the step; at a kink it stays.
        apart &= ~(slopes.gap <= 0.5 * previous_gap)  # nor where the function was not defined at the step before
    if slopes.switched is not None:
        # A branch that was seen to switch is believed at a smaller gap; operations that we do not see show theirs only.
        apart |= slopes.switched & (slopes.gap > 1e-6 * _scale(slopes, a) + slopes.noise)
    return apart


def _apart(slopes: Slopes, a: Tensor) -> Tensor:
    return slopes.gap > 1e-3 * _scale(slopes, a) + 4.0 * slopes.noise


def _scale(slopes: Slopes, a: Tensor) -> Tensor:
    return torch.maximum(torch.maximum(slopes.forward.abs(), slopes.backward.abs()), a.abs())


def _curved(gap: Tensor, previous_gap: Tensor | None, ratio: float) -> Tensor:
    """Whether the gap of the two sides shrank as the step did, as over a curve; beside a kink it is gone at once."""
    if previous_gap is None:
        return torch.zeros_like(gap, dtype=torch.bool)
    return (gap - ratio * previous_gap).abs() < 0.5 * ratio * previous_gap


def _relative(a: Tensor, n: Tensor) -> Tensor:
    error = (a - n).abs() / torch.maximum(a.abs(), n.abs())
    return torch.where((a == 0) & (n == 0), torch.zeros_like(error), error).nan_to_num(nan=float("inf"))


def _agrees(a: Tensor, n: Tensor, noise: Tensor, tolerance: Tolerance) -> Tensor:
    return (a - n).abs() <= tolerance.error * torch.maximum(a.abs(), n.abs()) + noise


def _tiny(a: Tensor, n: Tensor, noise: Tensor) -> Tensor:
    return torch.maximum(a.abs(), n.abs()) <= noise


def _blurred(a: Tensor, n: Tensor, noise: Tensor, tolerance: Tolerance) -> Tensor:
    return noise > tolerance.resolution * torch.maximum(a.abs(), n.abs())
