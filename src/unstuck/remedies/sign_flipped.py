"""A flipped update flipped back."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unstuck.learning.curve import Curve
from unstuck.observe.updates import learnable
from unstuck.record import Finding, Run, signals
from unstuck.remedies import effects
from unstuck.remedies.arguments import argument
from unstuck.remedies.change import Change
from unstuck.remedies.interventions import Run as Function
from unstuck.remedies.interventions import around_backward
from unstuck.remedies.remedy import Remedy
from unstuck.remedies.scaled_gradients import scaled_gradients

__all__ = ["SignFlipped"]

MOSTLY = 0.8
"""Share of the losses below zero from which it is the loss that has the wrong sign, and not the update."""

UPHILL = 0.2
"""Cosine of update and gradient from which a parameter climbs, and below the negative of which it descends: noise and
momentum scatter between (our choice)."""


class SignFlipped(Remedy):
    """Turn the sign of what is minimised.

    Changes: where the losses are negative, their negatives are differentiated, and recorded; elsewhere the gradients of
    every backward pass get the other sign, and losses stay what they are. Where some parameters climb and others do not
    (``of="climbing"``), those get it that were seen to move along their gradient.

    Applies: where updates follow the gradient, the loss climbs, or it is negative.

    Proves: an update that climbs the loss.
    """

    name = "sign-flipped"
    proves = ("gradient-sign-flipped",)

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """One: of the loss, or of its gradient."""
        losses = run.series(signals.LOSS).finite()
        if not len(losses):
            return ()
        negative = float(np.mean(losses.values < 0.0)) > MOSTLY
        named = finding is not None and finding.cause in self.proves
        if not (named or negative or _climbs(run)):
            return ()
        of = "loss" if negative else "climbing" if _differ(run) else "gradient"
        return (Change(remedy=self.name, settings={"of": of}),)

    def words(self, change: Change, run: Run) -> str:
        """``"with the sign of the update flipped"``."""
        if change.settings["of"] == "climbing":
            return "with the sign of those updates flipped that climb the loss"
        return f"with the sign of the {'loss' if change.settings['of'] == 'loss' else 'update'} flipped"

    def obstacle(self, run: Run) -> str | None:
        """None is known."""
        return None

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Differentiate the negative, or turn the gradients."""

        def negative(run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            tensors, rest = (args[0], args[1:]) if args else (kwargs.pop("tensors"), ())
            effects.happened(self.name)
            turned = -tensors if isinstance(tensors, Tensor) else [-tensor for tensor in tensors]
            return run(turned, *rest, **kwargs)

        def turned() -> float:
            effects.happened(self.name)
            return -1.0

        climbing = _Climbing(self.name)
        exchanges = {
            "loss": lambda: around_backward(negative),
            "gradient": lambda: scaled_gradients(turned),
            "climbing": lambda: around_backward(climbing.backward),
        }
        with exchanges[str(change.settings["of"])]():
            yield


class _Climbing:
    """Parameters that are seen to move along their gradient from one backward pass to the next."""

    def __init__(self, remedy: str) -> None:
        self._remedy = remedy
        self._before: dict[int, tuple[Tensor, Tensor, Tensor]] = {}
        self._found: set[int] = set()

    def backward(self, run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Turn the gradients of those that are known, and keep what tells of others."""
        roots = argument(args, kwargs, 0, "tensors")
        leaves = learnable(roots if isinstance(roots, Tensor) else next(iter(roots)))
        self._look()
        handles = [leaf.register_hook(torch.neg) for leaf in leaves if id(leaf) in self._found]
        try:
            return run(*args, **kwargs)
        finally:
            for handle in handles:
                handle.remove()
            self._before = {
                id(leaf): (leaf, leaf.detach().clone(), leaf.grad.detach().clone())
                for leaf in leaves
                if leaf.grad is not None
            }

    def _look(self) -> None:
        for known, (leaf, value, gradient) in self._before.items():
            moved = leaf.detach() - value
            size = float(moved.norm() * gradient.norm())
            if known not in self._found and size and float((moved * gradient).sum()) > UPHILL * size:
                self._found.add(known)
                effects.happened(self._remedy)


def _differ(run: Run) -> bool:
    """Whether some parameters climb, and others descend."""
    columns = [column.finite().values for _, column in run.table(signals.UPDATE_GRADIENT_COSINE).columns()]
    directions = [float(np.median(column)) for column in columns if len(column)]
    return min(directions, default=0.0) < -UPHILL and max(directions, default=0.0) > UPHILL


def _climbs(run: Run) -> bool:
    curve = Curve.of(run.series(signals.LOSS))
    ascent = run.table(signals.UPDATE_GRADIENT_COSINE).values
    uphill = (bool(np.isfinite(ascent).any()) and float(np.nanmedian(ascent)) > 0.0) or _differ(run)
    return len(curve) > 0 and uphill and curve.end.value > curve.start
