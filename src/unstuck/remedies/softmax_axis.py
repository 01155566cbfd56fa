"""A softmax over the axis that it should run over."""

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
from unstuck.remedies.activations import SOFTMAXES
from unstuck.remedies.arguments import argument, with_argument
from unstuck.remedies.change import Change, Setting
from unstuck.remedies.interventions import Run as Function
from unstuck.remedies.interventions import calls
from unstuck.remedies.remedy import Remedy

__all__ = ["SoftmaxAxis"]

NORMALISATIONS: dict[Any, int] = {F.normalize: 2, F.cosine_similarity: 2}
"""Position of the argument ``dim``."""


class SoftmaxAxis(Remedy):
    """Let a softmax, or a norm, run over another axis.

    Changes: calls over axis ``given`` of a tensor of ``dimensions`` axes run over axis ``axis``.

    Applies: where one was seen over the first axis, which counts examples, over an axis of length 1, or, before a loss
    over classes, over another than that of the classes; where the weights of an attention are summed over another axis.

    Proves: a softmax or a normalisation over the wrong dimension.
    """

    name = "softmax-axis"
    proves = ("wrong-axis",)
    decides = False

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """One for each axis that may be wrong."""
        found: list[tuple[int, int, int]] = []
        for call in loss_calls(run):
            softmax = call.output.softmax
            if softmax is not None and softmax.class_axis not in (None, softmax.axis):
                found.append((softmax.axis, softmax.class_axis or 0, len(softmax.shape)))
            elif softmax is not None and softmax.axis == 0 and len(softmax.shape) > 1:
                found.append((0, 1, len(softmax.shape)))
        for fact in run.facts(facts.Contraction):
            if fact.axis != fact.contracted:
                found.append((fact.axis, fact.contracted, len(fact.shape)))
        for fact in (*run.facts(facts.Softmax), *run.facts(facts.Normalisation)):
            last = len(fact.shape) - 1
            image = isinstance(fact, facts.Softmax) and fact.of_output and last == 3 and fact.axis >= 2
            if last > 0 and (fact.axis == 0 or (fact.shape[fact.axis] == 1 and fact.axis < last) or image):
                found.append((fact.axis, 1 if image else last, last + 1))
        return [self._change(*axes) for axes in dict.fromkeys(found)]

    def words(self, change: Change, run: Run) -> str:
        """``"with the softmax over axis 1"``."""
        return f"with the softmax over axis {change.number('axis'):.0f}"

    def obstacle(self, run: Run) -> str | None:
        """Calls in compiled code are not reached."""
        return obstacles.compiled(run)

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Exchange the axis of these calls."""
        given, axis, dimensions = (round(change.number(name) or 0.0) for name in ("given", "axis", "dimensions"))

        def over(position: int) -> Any:
            def exchange(run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
                source = argument(args, kwargs, 0, "input")
                if not isinstance(source, Tensor) or source.dim() != dimensions:
                    return run(*args, **kwargs)
                default = None if run in SOFTMAXES else 1
                stated = argument(args, kwargs, position, "dim", default)
                present = _by_default(dimensions) if stated is None else stated % dimensions
                if present != given:
                    return run(*args, **kwargs)
                effects.happened(self.name)
                args, kwargs = with_argument(args, kwargs, position, "dim", axis)
                return run(*args, **kwargs)

            return exchange

        exchanges: dict[Any, Any] = {function: over(1) for function in (*SOFTMAXES, torch.special.softmax)}
        with calls(exchanges | {function: over(position) for function, position in NORMALISATIONS.items()}):
            yield

    def _change(self, given: int, axis: int, dimensions: int) -> Change:
        settings: dict[str, Setting] = {"given": given, "axis": axis, "dimensions": dimensions}
        return Change(remedy=self.name, settings=settings)


def _by_default(dimensions: int) -> int:
    """The axis that PyTorch takes where none is given."""
    return 0 if dimensions in (0, 1, 3) else 1
