"""Classes weighted by how rare they are."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn import functional as F

from unstuck.learning.loss_call import loss_calls
from unstuck.record import Finding, Run, facts
from unstuck.remedies import effects, obstacles
from unstuck.remedies.arguments import argument
from unstuck.remedies.change import Change
from unstuck.remedies.interventions import Run as Function
from unstuck.remedies.interventions import calls
from unstuck.remedies.losses import BINARY, CLASSES
from unstuck.remedies.remedy import Remedy

__all__ = ["ClassesWeighted"]

MAJORITY = 0.7
"""Share of the commonest class from which weights are worth a trial where no finding asks for one."""


class ClassesWeighted(Remedy):
    r"""Weigh each class of a loss by the inverse of how often it was seen.

    .. math:: w_c = \frac{N}{C n_c}

    Changes: ``weight`` of ``cross_entropy`` and ``nll_loss``; of ``binary_cross_entropy_with_logits`` the factor
    ``pos_weight``, which is the number of zeros over that of ones. Losses that are weighted already stay as they are.

    Applies: where classes of one loss were counted and one of them is most of the examples.

    Proves: classes so rare that the loss is won by ignoring them.
    """

    name = "classes-weighted"
    proves = ("class-imbalance",)
    decides = False

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """One, with the counts of the run."""
        named = finding is not None and finding.cause in self.proves
        for call in loss_calls(run):
            counts = _counts(call)
            imbalanced = counts and max(counts) > MAJORITY * sum(counts)
            if counts and min(counts) > 0 and not call.weighted and (named or imbalanced):
                return (Change(remedy=self.name, settings={"counts": ",".join(f"{n:g}" for n in counts)}),)
        return ()

    def words(self, change: Change, run: Run) -> str:
        """``"with the classes weighted"``."""
        return "with the classes weighted by their rarity"

    def obstacle(self, run: Run) -> str | None:
        """Calls in compiled code are not reached."""
        return obstacles.compiled(run)

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Weigh the loss."""
        counts = [float(count) for count in str(change.settings["counts"]).split(",")]
        weights = [sum(counts) / (len(counts) * count) for count in counts]

        def classes(run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            output = argument(args, kwargs, 0, "input")
            if argument(args, kwargs, 2, "weight") is not None or output.shape[1:2] != (len(weights),):
                return run(*args, **kwargs)
            effects.happened(self.name)
            return run(*args, **(kwargs | {"weight": torch.tensor(weights, dtype=output.dtype, device=output.device)}))

        def binary(run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            output = argument(args, kwargs, 0, "input")
            if kwargs.get("pos_weight") is not None or len(counts) != 2:
                return run(*args, **kwargs)
            effects.happened(self.name)
            factor = torch.tensor(counts[0] / counts[1], dtype=output.dtype, device=output.device)
            return run(*args, **(kwargs | {"pos_weight": factor}))

        exchanges: dict[Any, Any] = {F.cross_entropy: classes, F.nll_loss: classes}
        with calls(exchanges | {F.binary_cross_entropy_with_logits: binary}):
            yield


def _counts(call: facts.Loss) -> tuple[float, ...]:
    if call.function in CLASSES:
        return tuple(float(count) for count in call.classes.counts)
    if call.function in BINARY and call.target.mean is not None and len(call.classes.recalls) == 2:
        return 1_000.0 * (1.0 - call.target.mean), 1_000.0 * call.target.mean
    return ()
