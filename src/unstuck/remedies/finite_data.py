"""Values of the data that are not finite filled in."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unstuck.observe.torch_hooks.aside import Aside
from unstuck.record import Finding, Run, facts, signals
from unstuck.remedies import effects, obstacles
from unstuck.remedies.arguments import argument, with_argument
from unstuck.remedies.change import Change
from unstuck.remedies.interventions import Run as Function
from unstuck.remedies.interventions import around_modules, calls, outermost
from unstuck.remedies.losses import LOSSES, REGRESSIONS
from unstuck.remedies.remedy import Remedy

__all__ = ["FiniteData"]


class FiniteData(Remedy):
    """Fill in what is not finite before the model and the loss are given it.

    Changes: NaN and infinity in the inputs of an outermost module become the mean of what is finite of the same feature
    (the last axis) in the batch, zero where nothing is; in the targets of a loss of numbers what the model answers, so
    that these elements count nothing, and zero in those of other losses.

    Not made: in data that no module is given, in a loss that the script writes out.

    Applies: where values that are not finite were counted, or a finding says so.

    Proves: data that are not finite.
    """

    name = "finite-data"
    proves = ("data-non-finite",)
    decides = False

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """One, where inputs or targets were not finite."""
        named = finding is not None and finding.cause in self.proves
        counted = np.nan_to_num(run.series(signals.INPUT_NONFINITE).values)
        return (Change(remedy=self.name),) if named or bool((counted > 0).any()) else ()

    def words(self, change: Change, run: Run) -> str:
        """``"with what is not finite in the data filled in"``."""
        return "with what is not finite in the data filled in"

    def obstacle(self, run: Run) -> str | None:
        """There must be a module, and no compiled code."""
        model = run.fact(facts.Model)
        if model is not None and not model.type:
            return "the script has no module that data enter"
        return obstacles.compiled(run)

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Fill in inputs and targets."""

        def module(model: nn.Module, run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if not outermost(model):
                return run(*args, **kwargs)
            return run(*map(self._filled, args), **{name: self._filled(value) for name, value in kwargs.items()})

        def loss(run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            output, target = argument(args, kwargs, 0, "input"), argument(args, kwargs, 1, "target")
            if _lacks(target) and isinstance(output, Tensor) and output.shape == target.shape:
                answers = output.detach() if run in ignoring else torch.zeros_like(target)
                effects.happened(self.name)
                args, kwargs = with_argument(args, kwargs, 1, "target", torch.where(target.isfinite(), target, answers))
            return run(*args, **kwargs)

        ignoring = {LOSSES[name] for name in REGRESSIONS}
        with around_modules(module), calls(dict.fromkeys(LOSSES.values(), loss)):
            yield

    def _filled(self, value: Any) -> Any:
        if not _lacks(value) or value.requires_grad:
            return value
        effects.happened(self.name)
        with Aside():
            return _filled_by_mean(value)


def _lacks(value: Any) -> bool:
    """Whether something holds numbers that are not finite."""
    return isinstance(value, Tensor) and value.is_floating_point() and not bool(value.detach().isfinite().all())


def _filled_by_mean(values: Tensor) -> Tensor:
    """Values with the mean of the finite ones of the same last axis in place of the others.

    Examples:
        >>> _filled_by_mean(torch.tensor([[1.0, float("nan")], [float("inf"), 4.0], [3.0, 6.0]]))
        tensor([[1., 5.],
                [2., 4.],
                [3., 6.]])
    """
    known = values.isfinite()
    others = list(range(values.dim() - 1))
    whole = torch.where(known, values, torch.zeros_like(values))
    if others:
        mean = whole.sum(others, keepdim=True) / known.sum(others, keepdim=True).clamp(min=1)
    else:
        mean = whole.sum() / known.sum().clamp(min=1)
    return torch.where(known, values, mean.expand_as(values))
