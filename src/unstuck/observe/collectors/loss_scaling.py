"""What becomes of updates under a ``GradScaler``: its factor, those that it skips, and the layer that overflows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor

from unstuck.observe.collectors.view import View
from unstuck.observe.torch_hooks.events import meet, optimizers
from unstuck.observe.torch_hooks.loss_scaling import Scaled, scaled
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["LossScaling"]

NAMED = 8
"""Parameters that a fact names."""


class LossScaling:
    """State what the scaler has done so far, and the largest values of the latest forward pass in float16.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = frozenset[Any]()

    def __init__(self, view: View) -> None:
        self._view = view
        self._latest: facts.LossScaling | None = None

    def facts(self) -> Iterator[facts.LossScaling]:
        """What is new."""
        known = self._known()
        if known is None:
            return
        scaler, skipped = known.scaler(), known.skipped
        scale = getattr(scaler, "_scale", None)
        names = {id(parameter): name for name, parameter in self._view.named.items()}
        overflowed = [names.get(id(parameter), "") for one in known.overflowed if (parameter := one()) is not None]
        layer = next((path for path, highest in self._view.highest.items() if not bool(highest.isfinite())), "")
        stated = facts.LossScaling(
            step=self._view.updates,
            scale=float(scale) if isinstance(scale, Tensor) else 1.0,
            asked=known.asked,
            skipped=skipped,
            settled=known.settled,
            overflowed=tuple(filter(None, overflowed))[:NAMED],
            layer=layer if skipped else "",
            file=known.place[0],
            line=known.place[1],
        )
        if stated != self._latest:
            self._latest = stated
            yield stated

    def release(self) -> None:
        """Let go of the layers' values."""
        self._view.highest.clear()

    def _known(self) -> Scaled | None:
        number = self._view.optimizer
        return next((scaled.get(one) for one in optimizers() if meet(one) == number), None)
