"""Gradients clipped by their norm."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch.optim import Optimizer

from unstuck.record import Finding, Run, signals
from unstuck.remedies import effects, obstacles
from unstuck.remedies.change import Change
from unstuck.remedies.interventions import before_updates
from unstuck.remedies.remedy import Remedy

__all__ = ["Clipping"]

USUAL = 1.0
"""The norm that gradients are usually clipped to."""

WORTH_A_TRY = ("lr-too-high", "data-corrupt", "loss-unstable", "init-scale-wrong")


class Clipping(Remedy):
    r"""Clip the gradient of each optimizer before its step.

    Changes: the gradient g of all its parameters together becomes

    .. math:: g \, \min(1, c / \|g\|)

    Applies: where gradients were seen that are longer than that.

    Proves: single batches that throw the loss, and a rate that is too high for rare steep places.

    Source: Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", ICML 2013, section
    3.2, where c is half to ten times the average norm.
    """

    name = "clipping"
    proves = ("data-corrupt", "lr-too-high")
    decides = False

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """At a norm of 1; where most gradients are longer than that, at their median norm first."""
        if finding is not None and finding.cause not in WORTH_A_TRY:
            return ()
        table = run.table(signals.GRADIENT_NORM).values
        norms = np.sqrt(np.nansum(np.square(table), axis=1)) if len(table) else np.empty(0)
        norms = norms[np.isfinite(norms) & (norms > 0.0)]
        if not len(norms) or norms.max() <= USUAL:
            return ()
        typical = float(f"{np.median(norms):.1g}")
        values = (typical, USUAL) if typical > 2.0 * USUAL else (USUAL,)
        return [Change(remedy=self.name, settings={"norm": value}) for value in values]

    def words(self, change: Change, run: Run) -> str:
        """``"with gradients clipped to a norm of 1"``."""
        return f"with gradients clipped to a norm of {change.number('norm'):.3g}"

    def obstacle(self, run: Run) -> str | None:
        """There must be an optimizer."""
        return obstacles.without_optimizer(run)

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Clip before each step."""
        norm = change.number("norm") or USUAL

        def clip(optimizer: Optimizer) -> None:
            parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
            if float(torch.nn.utils.clip_grad_norm_(parameters, norm)) > norm:
                effects.happened(self.name)

        with before_updates(clip):
            yield
