"""The output in the shape of the target."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from unstuck.learning.loss_call import loss_calls
from unstuck.record import Finding, Run, facts
from unstuck.remedies import effects, obstacles
from unstuck.remedies.arguments import argument, with_argument
from unstuck.remedies.change import Change
from unstuck.remedies.interventions import Run as Function
from unstuck.remedies.interventions import calls
from unstuck.remedies.losses import BINARY, LOSSES, REGRESSIONS, same_shape
from unstuck.remedies.remedy import Remedy
from unstuck.rules.loss.loss_broadcast import LossBroadcast

__all__ = ["OutputSqueezed"]

DIFFERENCES: tuple[Any, ...] = (torch.sub, Tensor.sub, Tensor.__sub__, Tensor.__rsub__)


class OutputSqueezed(Remedy):
    """Bring the output into the shape of the target before they meet.

    Changes: in losses of numbers and probabilities, in ``gaussian_nll_loss``, and in differences of something learnt
    and something that is not, where both hold as many numbers in other shapes.

    Applies: where two shapes were seen to broadcast in the loss.

    Proves: shapes that broadcast silently.
    """

    name = "output-squeezed"
    proves = ("loss-broadcast",)

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """One."""
        met = any(LossBroadcast().broadcast(call) is not None for call in loss_calls(run))
        return (Change(remedy=self.name),) if met or run.knows(facts.Broadcast) else ()

    def words(self, change: Change, run: Run) -> str:
        """``"with the output in the shape of the target"``."""
        return "with the output in the shape of the target"

    def obstacle(self, run: Run) -> str | None:
        """Calls in compiled code are not reached."""
        return obstacles.compiled(run)

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Reshape outputs on their way into the loss."""

        def shaped(args: tuple[Any, ...], kwargs: dict[str, Any], name: str, position: int) -> Any:
            target = argument(args, kwargs, 1, "target")
            given = argument(args, kwargs, position, name)
            found = same_shape(given, target)
            if found is given:
                return args, kwargs
            effects.happened(self.name)
            return with_argument(args, kwargs, position, name, found)

        def loss(run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            args, kwargs = shaped(args, kwargs, "input", 0)
            return run(*args, **kwargs)

        def gaussian(run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            args, kwargs = shaped(args, kwargs, "input", 0)
            args, kwargs = shaped(args, kwargs, "var", 2)
            return run(*args, **kwargs)

        def difference(run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if len(args) >= 2 and all(isinstance(value, Tensor) for value in args[:2]):
                learnt = [value.requires_grad for value in args[:2]]
                if learnt[0] != learnt[1]:
                    first, second = args[:2]
                    pair = (same_shape(first, second), second) if learnt[0] else (first, same_shape(second, first))
                    if pair[0] is not first or pair[1] is not second:
                        effects.happened(self.name)
                        return run(*pair, *args[2:], **kwargs)
            return run(*args, **kwargs)

        exchanges: dict[Any, Any] = {LOSSES[name]: loss for name in (*REGRESSIONS, *BINARY)}
        exchanges |= {F.gaussian_nll_loss: gaussian} | dict.fromkeys(DIFFERENCES, difference)
        with calls(exchanges):
            yield
