"""Gradients as the backward pass left them: clipping lifted, and all else that is done to them undone."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.amp.grad_scaler import GradScaler
from torch.optim import Optimizer

from unstuck.record import Finding, Run, facts
from unstuck.remedies import effects, obstacles
from unstuck.remedies.change import Change
from unstuck.remedies.interventions import around_backward, before_updates, optimizers_made, patched
from unstuck.remedies.remedy import Remedy
from unstuck.rules.gradient.gradient_altered import usual_norm
from unstuck.rules.optimisation.learning_rate_too_low import CLIPPED_AT
from unstuck.rules.step_size import clipped_norm

__all__ = ["GradientsKept"]

UNTOUCHED = 0.99
"""Share of its norm that a gradient keeps which nobody has changed but by rounding."""


class GradientsKept(Remedy):
    """Hand the optimizer the gradients that the backward pass gave, whatever the script did to them since.

    Changes: before each step ``.grad`` of every parameter becomes what it was behind the last backward pass, divided by
    the scale of a ``GradScaler`` once that was unscaled; then it is clipped to ``norm``, where one is given.

    Applies: where gradients were seen to change between the backward pass and the step.

    Proves: gradients that are clipped to nothing, clipped before they are unscaled, overwritten or set to zero; and a
    rate that is too low only because every gradient is clipped.
    """

    name = "gradients-kept"
    proves = ("gradient-altered", "lr-too-low")

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """Clipped to the usual norm, and not clipped at all."""
        if finding is not None and finding.cause == "lr-too-low":
            clipped = clipped_norm(run)
            loosened = Change(remedy=self.name, settings={"norm": CLIPPED_AT})
            return (loosened,) if clipped is not None and clipped < CLIPPED_AT else ()
        changes = run.facts(facts.GradientChange)
        altered = [change for change in changes if change.after < UNTOUCHED * change.before / change.scale]
        named = finding is not None and finding.cause in self.proves
        if not changes or not (named or altered):
            return ()
        norm = usual_norm(run)
        at_most = [] if norm is None else [Change(remedy=self.name, settings={"norm": float(f"{norm:.2g}")})]
        return [*at_most, Change(remedy=self.name)]

    def words(self, change: Change, run: Run) -> str:
        """``"with gradients as the backward pass gives them"``."""
        norm = change.number("norm")
        kept = "with gradients as the backward pass gives them"
        return kept if norm is None else f"{kept}, clipped to a norm of {norm:.2g} at most"

    def obstacle(self, run: Run) -> str | None:
        """There must be an optimizer."""
        return obstacles.without_optimizer(run)

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Keep a copy of the gradients behind each backward pass, and put it back before the step."""
        norm, kept = change.number("norm"), _Kept()

        def backward(run: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            result = run(*args, **kwargs)
            kept.keep()
            return result

        def restore(optimizer: Optimizer) -> None:
            kept.meet(optimizer)
            if kept.restore(optimizer):
                effects.happened(self.name)
            if norm is not None:
                torch.nn.utils.clip_grad_norm_(_parameters(optimizer), norm)

        def around_unscale(unscale: Callable[..., Any]) -> Callable[..., Any]:
            def changed(self: GradScaler, optimizer: Optimizer) -> None:
                scale = self.get_scale() if self.is_enabled() else 1.0
                unscale(self, optimizer)
                kept.divide(optimizer, scale)

            return changed

        with (
            optimizers_made(kept.meet),
            around_backward(backward),
            patched(GradScaler, "unscale_", around_unscale),
            before_updates(restore),
        ):
            yield


class _Kept:
    """Copies of the gradients of all parameters that optimizers hold."""

    def __init__(self) -> None:
        self._optimizers: weakref.WeakSet[Optimizer] = weakref.WeakSet()
        self._copies: dict[int, Tensor] = {}

    def meet(self, optimizer: Optimizer) -> None:
        self._optimizers.add(optimizer)

    def keep(self) -> None:
        self._copies = {
            id(parameter): parameter.grad.detach().clone()
            for optimizer in self._optimizers
            for parameter in _parameters(optimizer)
            if parameter.grad is not None
        }

    def divide(self, optimizer: Optimizer, scale: float) -> None:
        for parameter in _parameters(optimizer):
            if id(parameter) in self._copies:
                self._copies[id(parameter)].mul_(1.0 / scale)

    def restore(self, optimizer: Optimizer) -> bool:
        """Put them back; whether that changes anything."""
        different = False
        for parameter in _parameters(optimizer):
            copy = self._copies.pop(id(parameter), None)
            if copy is not None:
                different |= parameter.grad is None or not torch.equal(parameter.grad, copy)
                parameter.grad = copy
        return different


def _parameters(optimizer: Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
