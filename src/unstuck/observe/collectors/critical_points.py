"""Where the gradient is next to nothing: what does the loss do about this point?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor

from unstuck.observe.autograd.curvature import curvature
from unstuck.observe.autograd.extra_pass import HOOKING, runs_program_code
from unstuck.observe.autograd.graph import GraphWalk
from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.distributed import alone
from unstuck.observe.tensors.readable import is_readable
from unstuck.record import facts, signals
from unstuck.record.signals import Signal

__all__ = ["CriticalPoints"]

NOTHING = 1e-6
"""Share of the loss that a gradient promises, for a change of the weights by their own size, and is next to nothing."""

MOST_LOOKS = 3
"""Points of a training that are looked at: where it begins, and where it may have been caught since."""

APART = 8
"""Times as many steps must have been made before the next look."""

MOST_WEIGHTS = 2_000_000
"""Weights above which products with the Hessian take too long."""


class CriticalPoints:
    """Differentiate the loss twice at steps whose graph is walked, after a sample whose gradient was next to nothing.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = HOOKING

    def __init__(self, view: View) -> None:
        self._view = view
        self._looks = self._next = 0
        self._found: list[facts.CriticalPoint] = []

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """The program hooks a tensor, or takes hold of a node of the graph, which it may hook."""
        self._view.hooked = True

    def backward(self, graph: GraphWalk) -> None:
        """Look, if the latest gradient was next to nothing and an extra backward pass runs no code of the program's."""
        view, root = self._view, graph.root
        if self._looks >= MOST_LOOKS or view.updates < self._next or view.step != view.updates or not alone():
            return
        if root.numel() != 1 or not is_readable(root) or root.is_complex():
            return
        loss = float(root.detach())
        if self._promised() > NOTHING * abs(loss) or view.hooked or graph.custom or runs_program_code(root):
            return
        weights = [p for p in view.parameters if p.requires_grad and id(p) in graph.leaves and is_readable(p)]
        ordinary = all(p.is_floating_point() and p.device == root.device and not _hooked(p) for p in weights)
        count = sum(p.numel() for p in weights)
        if not weights or not ordinary or count > MOST_WEIGHTS:
            return
        self._looks += 1
        self._next = APART * max(view.updates, 1)
        about = curvature(root, weights)
        if about is not None and all(map(math.isfinite, about)):
            self._found.append(
                facts.CriticalPoint(
                    step=view.updates,
                    loss=loss,
                    gradient=about.gradient,
                    least=about.least,
                    greatest=about.greatest,
                    dimensions=count,
                )
            )

    def _promised(self) -> float:
        """By how much the loss may fall, to first order, if all weights change by their own size, or by one."""
        learnt = [parameter.requires_grad for parameter in self._view.parameters]
        norms = (self._view.sample.get(signal) for signal in (signals.GRADIENT_NORM, signals.WEIGHT_NORM))
        gradient, weight = (_norm(each, learnt) for each in norms)
        return math.inf if gradient is None else gradient * max(weight or 0.0, 1.0)

    def facts(self) -> Iterator[facts.CriticalPoint]:
        """What was found."""
        found, self._found = self._found, []
        yield from found


def _norm(norms: Sequence[float] | None, learnt: Sequence[bool]) -> float | None:
    """Of all parameters that learn together; frozen ones may still hold a gradient of before."""
    known = [norm for norm, learns in zip(norms or (), learnt, strict=False) if learns and not math.isnan(norm)]
    return math.sqrt(sum(norm * norm for norm in known)) if known else None


def _hooked(parameter: Tensor) -> bool:
    """Whether hooks that are not ours would run in a pass to a parameter."""
    hooks = getattr(parameter, "_backward_hooks", None) or {}
    return any(not type(hook).__module__.startswith("unstuck.") for hook in hooks.values())
