"""What became of one tensor, from its coordinates."""

from __future__ import annotations

import torch
from torch import Tensor

from unstuck.gradcheck.differences import Evaluator
from unstuck.gradcheck.judge import Judged, State
from unstuck.gradcheck.result import Pattern, TensorCheck, VerdictWord

__all__ = ["row"]

VANISHING = 1e-6
"""Share of a tensor's largest gradient below which a difference is zero."""
EXACTLY = 1e-6
"""Relative distance from a multiple of the differences that rounding of differences leaves."""


def row(evaluator: Evaluator, name: str, judged: Judged, *, faint: float) -> TensorCheck:
    """Put the coordinates of one tensor together.

    Args:
        evaluator: Gave the differences.
        name: The tensor's name.
        judged: Its coordinates.
        faint: Gradient below which a tensor has none.
    """
    x = evaluator.problem.tensors[name]
    state = judged.state
    wrong = (state == State.WRONG).nonzero()[:, 0]
    # The worst is the largest in absolute terms, for relative errors of small entries all look alike.
    size = (judged.analytic - judged.numerical).abs().nan_to_num(posinf=1e300)
    order = wrong[size[wrong].argsort(descending=True)] if len(wrong) else judged.error.argmax().reshape(1)
    worst = int(order[0])
    return TensorCheck(
        name=name,
        shape=tuple(x.shape),
        checked=len(judged.places),
        verdict=_verdict(judged, faint),
        max_relative_error=float(judged.error.max()),
        wrong=_indices(judged.places[order], x) if len(wrong) else (),
        remarkable=_indices(judged.places[judged.remarkable], x),
        analytic=float(judged.analytic[worst]) / evaluator.problem.scale,
        numerical=float(judged.numerical[worst]) / evaluator.problem.scale,
        kinks=int((state == State.KINK).sum()),
        outside=int((state == State.OUTSIDE).sum()),
        pattern=_pattern(judged),
        factor=_factor(judged),
        tiny=int((state == State.TINY).sum()),
        looped=evaluator.looped.get(name, ""),
    )


def _verdict(judged: Judged, faint: float) -> VerdictWord:
    if bool((judged.state == State.WRONG).any()):
        return "wrong"
    tiny = judged.state == State.TINY
    if bool(judged.aside.any()) and bool((judged.aside | tiny).all()):
        return "kink"
    return "precision" if bool(tiny.all()) and float(judged.analytic.abs().max()) > faint else "right"


def _pattern(judged: Judged) -> Pattern:
    wrong = judged.state == State.WRONG
    if not bool(wrong.any()):
        return ""
    a, n = _compared(judged)
    if bool((n.abs() <= VANISHING * a.abs().max()).all()):
        return "straight-through"
    return "reversal" if _factor(judged) < 0.0 else ""


def _factor(judged: Judged) -> float:
    """The number that all differences are multiplied by; 0 where there is none."""
    a, n = _compared(judged)
    size = float(n.square().sum())
    factor = float((a * n).sum()) / size if size > 0.0 else 0.0
    return factor if float((a - factor * n).norm()) <= EXACTLY * float(a.norm()) else 0.0


def _compared(judged: Judged) -> tuple[Tensor, Tensor]:
    return judged.analytic[~judged.aside], judged.numerical[~judged.aside]


def _indices(flat: Tensor, like: Tensor) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(int(i) for i in torch.unravel_index(place, like.shape)) for place in flat.cpu())
