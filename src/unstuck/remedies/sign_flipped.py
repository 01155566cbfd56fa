"""A flipped update flipped back."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
from torch import Tensor

from unstuck.learning.curve import Curve
from unstuck.record import Finding, Run, signals
from unstuck.remedies import effects
from unstuck.remedies.change import Change
from unstuck.remedies.interventions import Run as Function
from unstuck.remedies.interventions import around_backward
from unstuck.remedies.remedy import Remedy
from unstuck.remedies.scaled_gradients import scaled_gradients

__all__ = ["SignFlipped"]

MOSTLY = 0.8
"""Share of the losses below zero from which it is the loss that has the wrong sign, and not the update."""


class SignFlipped(Remedy):
    """Turn the sign of what is minimised.

    Changes: where the losses are negative, their negatives are differentiated, and recorded; elsewhere the gradients of
    every backward pass get the other sign, and losses stay what they are.

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
        return (Change(remedy=self.name, settings={"of": "loss" if negative else "gradient"}),)

    def words(self, change: Change, run: Run) -> str:
        """``"with the sign of the update flipped"``."""
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

        of_loss = change.settings["of"] == "loss"
        with ExitStack() as stack:
            stack.enter_context(around_backward(negative) if of_loss else scaled_gradients(turned))
            yield


def _climbs(run: Run) -> bool:
    curve = Curve.of(run.series(signals.LOSS))
    ascent = run.table(signals.UPDATE_GRADIENT_COSINE).values
    uphill = bool(np.isfinite(ascent).any()) and float(np.nanmedian(ascent)) > 0.0
    return len(curve) > 0 and uphill and curve.end.value > curve.start
