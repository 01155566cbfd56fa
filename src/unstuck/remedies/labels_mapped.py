"""Labels brought into the range that the loss expects."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from unstuck.learning.loss_call import loss_calls
from unstuck.record import Finding, Run, facts
from unstuck.remedies import effects, obstacles
from unstuck.remedies.arguments import argument, with_argument
from unstuck.remedies.change import Change
from unstuck.remedies.interventions import Run as Function
from unstuck.remedies.interventions import calls
from unstuck.remedies.losses import BINARY, CLASSES, LOSSES
from unstuck.remedies.remedy import Remedy

__all__ = ["LabelsMapped"]

SIGNS: dict[str, Any] = {"soft_margin_loss": F.soft_margin_loss, "hinge_embedding_loss": F.hinge_embedding_loss}
"""Losses of labels -1 and 1."""

FUNCTIONS: dict[str, Any] = {name: LOSSES[name] for name in (*BINARY, *CLASSES)} | SIGNS


class LabelsMapped(Remedy):
    r"""Give the loss other labels: y' = (y - shift) / divisor.

    Changes: the targets of one loss function.

    Applies: where the labels of a binary loss lie outside of 0 to 1, those of a margin loss are 0 and 1, or class ids
    run from 1 to the number of outputs.

    Proves: labels out of the range that the loss expects.
    """

    name = "labels-mapped"
    proves = ("labels-out-of-range",)

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """One for each loss whose labels are out of range."""
        found: list[Change] = []
        for call in loss_calls(run):
            mapped = _mapped(call)
            if mapped is not None:
                shift, divisor = mapped
                settings = {"function": call.function or "", "shift": shift, "divisor": divisor}
                found.append(Change(remedy=self.name, settings=settings))
        return found

    def words(self, change: Change, run: Run) -> str:
        """``"with the labels as (y + 1) / 2"``."""
        shift, divisor = change.number("shift") or 0.0, change.number("divisor") or 1.0
        shifted = f"(y {'-' if shift > 0 else '+'} {abs(shift):g})" if shift and divisor != 1.0 else "y"
        only = f"y {'-' if shift > 0 else '+'} {abs(shift):g}"
        return f"with the labels as {only if divisor == 1.0 else f'{shifted} / {divisor:g}'}"

    def obstacle(self, run: Run) -> str | None:
        """Calls in compiled code are not reached."""
        return obstacles.compiled(run)

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Map the targets."""
        shift, divisor = change.number("shift") or 0.0, change.number("divisor") or 1.0

        def exchange(run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            target = argument(args, kwargs, 1, "target")
            if not isinstance(target, Tensor):
                return run(*args, **kwargs)
            effects.happened(self.name)
            mapped = target - int(shift) if divisor == 1.0 else (target - shift) / divisor
            args, kwargs = with_argument(args, kwargs, 1, "target", mapped)
            return run(*args, **kwargs)

        with calls({FUNCTIONS[str(change.settings["function"])]: exchange}):
            yield


def _mapped(call: facts.Loss) -> tuple[float, float] | None:
    """Shift and divisor; None where the labels are in range, or no map is plain."""
    low, high = call.target.minimum, call.target.maximum
    if call.function not in FUNCTIONS or low is None or high is None:
        return None
    if call.function in SIGNS:
        return (0.5, 0.5) if (low, high) == (0.0, 1.0) and call.target.distinct == 2 else None
    if call.function in CLASSES:
        return (1.0, 1.0) if call.target.type == "class" and (low, high) == (1.0, call.classes.number) else None
    if (low, high) == (-1.0, 1.0):
        return -1.0, 2.0
    return (0.0, high) if low >= 0.0 and high > 1.0 else None
