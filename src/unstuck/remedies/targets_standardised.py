"""Targets standardised, and the loss told in the old unit."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from unstuck.learning import single_loss
from unstuck.record import Finding, Run, facts
from unstuck.remedies import effects, obstacles
from unstuck.remedies.change import Change, Setting
from unstuck.remedies.interventions import around_modules, module_outputs, outermost, seen
from unstuck.remedies.losses import REGRESSIONS, SQUARED
from unstuck.remedies.remedy import Remedy

__all__ = ["TargetsStandardised"]

OFF = 3.0
"""Size of the targets above which, or one over it below which, standardising is worth a trial where no finding asks."""


class TargetsStandardised(Remedy):
    r"""Let the model give standardised numbers, and hand them on in the unit of the targets.

    .. math:: y' = m + s y

    Changes: what an outermost module returns, where it has as many numbers for an example as the loss takes. The
    gradient that it gets is that of the loss of standardised targets: a squared error is :math:`s^2` times, other
    losses of numbers s times what they are of standardised ones. Losses, predictions and evaluations are in the unit
    of the script.

    Applies: where one loss of numbers is called. m and s are the mean and deviation of all its targets in the run.

    Proves: targets of a scale that the output layer cannot follow.
    """

    name = "targets-standardised"
    proves = ("targets-not-scaled",)

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """One, with the mean and the deviation that advice names."""
        named = finding is not None and finding.cause in self.proves
        call = single_loss(run)
        if call is None or call.function not in REGRESSIONS or not call.target.variance or not call.output.shape:
            return ()
        mean, deviation = call.target.mean or 0.0, math.sqrt(call.target.variance)
        size = math.hypot(mean, deviation)
        if not math.isfinite(size) or not (named or size > OFF or size < 1.0 / OFF):
            return ()
        outputs = math.prod(call.output.shape[1:])
        settings: dict[str, Setting] = {"mean": mean, "deviation": deviation, "outputs": outputs}
        return (Change(remedy=self.name, settings=settings | {"squared": call.function in SQUARED}),)

    def words(self, change: Change, run: Run) -> str:
        """``"with the targets standardised"``."""
        mean, deviation = change.number("mean") or 0.0, change.number("deviation") or 1.0
        return f"with the targets standardised, (y - {mean:.3g}) / {deviation:.3g}"

    def obstacle(self, run: Run) -> str | None:
        """There must be a module, and no compiled code."""
        model = run.fact(facts.Model)
        if model is not None and not model.type:
            return "the script has no module whose outputs could be scaled"
        return obstacles.compiled(run)

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Scale what the model gives."""
        mean, deviation = change.number("mean") or 0.0, change.number("deviation") or 1.0
        outputs, squared = change.number("outputs"), bool(change.settings.get("squared"))

        def standardised(gradient: Tensor) -> Tensor:
            """What the loss of standardised targets hands back, before this is multiplied by the deviation."""
            return gradient / deviation / deviation if squared else gradient / deviation

        def scale(module: nn.Module, output: Any) -> Any:
            if not (isinstance(output, Tensor) and output.is_floating_point() and output.dim() and outermost(module)):
                return None
            if math.prod(output.shape[1:]) != outputs:
                return None
            effects.happened(self.name)
            told = mean + deviation * output
            if told.requires_grad:
                told.register_hook(standardised)
            return told

        with around_modules(seen), module_outputs(scale):
            yield
