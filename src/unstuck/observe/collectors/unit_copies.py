"""Are the units of a layer copies of each other? Asked at the first steps, and each time that their number doubles."""

from __future__ import annotations

from typing import Any

from unstuck.observe.collectors.view import Measurement, View
from unstuck.observe.tensors.unit_symmetry import unit_spread
from unstuck.record import signals

__all__ = ["UnitCopies"]


class UnitCopies:
    """Compare the units of each weight.

    Args:
        view: What is known of the step.
    """

    measures = (signals.UNIT_SPREAD,)
    functions = frozenset[Any]()

    def __init__(self, view: View) -> None:
        self._view = view
        self._compared = 0

    def update(self, optimizer: object) -> Measurement | None:
        """How far they differ."""
        step = self._view.step
        if 1 < step < 2 * self._compared:
            return None
        spread = unit_spread(self._view.parameters)
        if spread is None:
            return None
        self._compared = step
        return Measurement([spread], lambda numbers: {signals.UNIT_SPREAD: numbers[0]})
