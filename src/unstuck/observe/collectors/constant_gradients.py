"""Terms of a loss that are made of a gradient without its graph, so that they are constants to the weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from unstuck.observe.autograd.belonging import leads
from unstuck.observe.autograd.graph import TRANSPARENT, GraphWalk, operation
from unstuck.observe.autograd.reductions import SCALINGS
from unstuck.observe.autograd.summands import SUMS
from unstuck.observe.collectors.followed import Followed
from unstuck.observe.collectors.inputs import tensors_of
from unstuck.observe.collectors.view import View
from unstuck.observe.torch_hooks.events import held_parameters
from unstuck.observe.user_code.frames import user_place
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["ConstantGradients"]

ADDITIONS: frozenset[Any] = frozenset(
    {
        *(torch.add, Tensor.add, Tensor.__add__, Tensor.__radd__, Tensor.add_, Tensor.__iadd__),
        *(torch.sub, Tensor.sub, Tensor.__sub__, Tensor.__rsub__, Tensor.sub_, Tensor.__isub__),
    }
)

MOST_LOOKS = 4
"""Steps in which gradients are followed."""

MOST_NODES = 200
"""Sums and factors at the end of a loss that are looked at."""

Place = tuple[str | None, int | None]


class ConstantGradients:
    """Follow what ``torch.autograd.grad`` returns without a graph, in the steps after that was seen, into the loss.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = frozenset[Any]({torch.autograd.grad})

    def __init__(self, view: View) -> None:
        self._view = view
        self._looks = 0
        self._follows = -1
        self._followed = Followed()
        self._sums: dict[Any, Place] = {}

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Gradients are taken, and returned: follow those of the next step, if these have no graph."""
        bare = [gradient for gradient in tensors_of(output) if not gradient.requires_grad]
        if bare and self._looks < MOST_LOOKS and self not in self._view.due:
            self._looks += 1
            self._view.due.append(self)

    def followed(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """A function was called, whichever."""
        if self._follows != self._view.step:
            self._forget()
            self._follows = self._view.step
            self._view.owe(self, self._end)
        if function is torch.autograd.grad:
            for gradient in tensors_of(output):
                if not gradient.requires_grad:
                    self._followed.mark(gradient, {user_place(2)})
            return
        marks = self._followed.call(function, args, kwargs, output)
        if marks and function in ADDITIONS and isinstance(output, Tensor) and output.dim() == 0:
            self._added(args[:2], output)

    def _added(self, terms: tuple[Any, ...], output: Tensor) -> None:
        """Keep a sum of a term that leads to weights, and one that is made of a gradient, and does not."""
        held = self._view.roots.held | held_parameters()
        for term, other in zip(terms, reversed(terms), strict=True):
            made = next(iter(self._followed.of(term)), None)
            if made is None or not isinstance(other, Tensor) or leads(term, held).nearest is not None:
                continue
            if leads(other, self._view.roots.held).nearest is not None:
                self._sums[output.grad_fn] = made  # pyright: ignore[reportArgumentType]

    def given(self, inputs: tuple[Any, ...]) -> None:
        """What enters modules is of no interest."""

    def returned(self, output: Any) -> None:
        """Nor what they return."""

    def backward(self, graph: GraphWalk) -> None:
        """Look whether such a sum is what is differentiated, or a term of it."""
        if self._sums:
            for node in _ends(graph.root.grad_fn):
                if node in self._sums:
                    file, line = self._sums.pop(node)
                    self._view.notice(facts.ConstantGradient(step=self._view.step, file=file, line=line))
            self._sums.clear()

    def _end(self, optimizer: object) -> None:
        self._forget()

    def release(self) -> None:
        """Let go of what is the program's."""
        self._forget()

    def _forget(self) -> None:
        self._sums.clear()
        self._followed = Followed()


def _ends(root: Any) -> Iterator[Any]:
    """Sums, and products with constants, from a loss on."""
    queue = [root]
    for _ in range(MOST_NODES):
        if not queue:
            return
        node = queue.pop()
        if node is not None and operation(node) in SUMS | SCALINGS | TRANSPARENT:
            yield node
            queue += [successor for successor, _ in node.next_functions]
