"""The terms that a loss adds up: their values, and what they are multiplied by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from unstuck.observe.autograd.graph import TRANSPARENT, operation
from unstuck.observe.collectors.handwritten_losses import LossCall
from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.torch_hooks.backward import Backward
from unstuck.observe.user_code.frames import user_place
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["LossTerms"]

MOST_TERMS = 8
MOST_NODES = 200

EARLY, EVERY = 8, 4
"""Samples after which every fourth is looked at, so that one of them lies near the end."""

SUMS = frozenset({"Add", "Sub", "Rsub"})
SCALINGS = frozenset({"Mul", "Div", "Neg"})
FACTORS = 2


@dataclass(frozen=True)
class _Number:
    """A number that a call has given."""

    value: Tensor
    name: str
    place: tuple[str | None, int | None]


class LossTerms:
    """Take the loss apart where it is a sum, on the first three samples, those at powers of two, later every fourth.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = frozenset[Any]()

    def __init__(self, view: View) -> None:
        self._view = view
        self._sampled = 0
        self._step = -1
        self._numbers: dict[Any, _Number] = {}
        self._losses: dict[Any, str] = {}
        self._new: list[facts.LossTerms] = []

    def number(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Tensor) -> None:
        """Keep a number that something may be learnt from."""
        if output.grad_fn is not None and is_readable(output):
            name = str(getattr(function, "__name__", "")).strip("_")
            self._numbers[output.grad_fn] = _Number(output.detach().clone(), name, user_place(2))

    def loss(self, call: LossCall) -> None:
        """Note which of them are losses."""
        scalar = call.value if not call.handwritten else call.written
        if self._view.apart and scalar is not None and scalar.grad_fn is not None:
            self._losses[scalar.grad_fn] = call.function

    def after_backward(self, backward: Backward) -> None:
        """Take the loss apart, and decide whether to do so at the next sample."""
        if self._view.apart and backward.accumulates and backward.roots:
            self._take(backward.roots[0].grad_fn)
        if self._view.step != self._step:
            self._step, self._sampled = self._view.step, self._sampled + 1
            early = self._sampled < EARLY and self._sampled & (self._sampled - 1) == 0
            self._view.apart = early or (self._sampled >= EARLY and self._sampled % EVERY == 1)
        if not self._view.apart:
            self._numbers, self._losses = {}, {}

    def _take(self, root: Any) -> None:
        terms: list[tuple[_Number, _Number, str]] = []
        for outer, inner in _terms(root):
            base, weighted = self._numbers.get(inner), self._numbers.get(outer)
            if base is None or weighted is None:
                return
            terms.append((base, weighted, self._losses.get(inner, "")))
        self._numbers, self._losses = {}, {}
        merged: dict[tuple[Any, ...], tuple[float, float]] = {}
        for base, weighted, loss in terms:
            key = (loss, base.name, *base.place)
            value, product = merged.get(key, (0.0, 0.0))
            merged[key] = (value + float(base.value), product + float(weighted.value))
        found = tuple(
            facts.LossTerm(function=loss, operation=name, file=file, line=line, value=value, weighted=product)
            for (loss, name, file, line), (value, product) in merged.items()
        )
        if FACTORS <= len(found) <= MOST_TERMS:
            self._new.append(facts.LossTerms(step=self._view.step, terms=found))

    def facts(self) -> Iterator[facts.LossTerms]:
        """What is new."""
        new, self._new = self._new, []
        yield from new

    def release(self) -> None:
        """Let go of the graph."""
        self._numbers, self._losses = {}, {}


def _terms(root: Any) -> Iterator[tuple[Any, Any]]:
    """Each term of a sum: the node of the product that is added, and that of what stands in it beside constants."""
    queue = [root]
    for _ in range(MOST_NODES):
        if not queue:
            return
        node = queue.pop()
        known = [successor for successor, _ in node.next_functions if successor is not None] if node else []
        if node is None:
            continue
        if operation(node) in SUMS and len(known) == FACTORS:
            queue.extend(reversed(known))
        elif operation(node) in SUMS | TRANSPARENT and len(known) == 1:
            queue.append(known[0])  # a constant that is added
        else:
            yield node, _unscaled(node)


def _unscaled(node: Any) -> Any:
    """What a product with constants is made of."""
    for _ in range(MOST_NODES):
        known = [successor for successor, _ in node.next_functions if successor is not None]
        if operation(node) not in SCALINGS | TRANSPARENT or len(known) != 1:
            return node
        node = known[0]
    return node
