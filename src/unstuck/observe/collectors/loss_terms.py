"""The terms that a loss adds up: their values, and what they are multiplied by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from unstuck.observe.autograd.graph import TRANSPARENT, operation
from unstuck.observe.autograd.reductions import SCALINGS, Reduction, reduction
from unstuck.observe.collectors.handwritten_losses import LossCall
from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.torch_hooks.backward import Backward
from unstuck.observe.user_code.frames import Site, user_site
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["LossTerms"]

MOST_TERMS = 8
MOST_NODES = 200

EARLY = 8
"""Samples, of which those at powers of two are looked at."""

GROWTH = 1.36
"""Growth of the number of steps from look to look after them, so that one lies near the end: that of four samples, as
they mostly come, or of a single one where they are rare."""

SUMS = frozenset({"Add", "Sub", "Rsub"})
FACTORS = 2


@dataclass(frozen=True)
class _Number:
    """A number that a call has given."""

    value: Tensor
    name: str
    site: Site
    reduction: Reduction | None = None


class LossTerms:
    """Take the loss apart where it is a sum, on the first three samples, those at powers of two, later on some.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = frozenset[Any]()

    def __init__(self, view: View) -> None:
        self._view = view
        self._sampled = 0
        self._step = -1
        self._looked = 0
        self._numbers: dict[Any, _Number] = {}
        self._losses: dict[Any, tuple[str, Site]] = {}
        self._new: list[facts.LossTerms] = []

    def number(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Tensor) -> None:
        """Keep a number that something may be learnt from."""
        if output.grad_fn is not None and is_readable(output):
            name = str(getattr(function, "__name__", "")).strip("_")
            node, value = output.grad_fn, output.detach().clone()
            self._numbers[node] = _Number(value, name, user_site(2), reduction(node))

    def loss(self, call: LossCall) -> None:
        """Note which of them are losses."""
        value = call.value if not call.handwritten else call.written
        if self._view.apart and value is not None and value.grad_fn is not None:
            self._losses[value.grad_fn] = (
                call.function,
                call.site if call.handwritten else user_site(1),
            )

    def after_backward(self, backward: Backward) -> None:
        """Take the loss apart, and decide whether to do so at the next sample."""
        if self._view.apart and backward.accumulates and backward.roots:
            self._take(backward.roots[0].grad_fn)
        if self._view.step != self._step:
            before, self._step, self._sampled = self._step, self._view.step, self._sampled + 1
            self._looked = self._step if self._view.apart else self._looked
            self._view.apart = self._looks_next(self._step**2 / max(before, 1))
        if not self._view.apart:
            self._numbers, self._losses = {}, {}

    def _looks_next(self, expected: float) -> bool:
        """Whether to look at the next sample, which is expected at some step."""
        if self._sampled < EARLY:
            return self._sampled & (self._sampled - 1) == 0
        return expected >= GROWTH * self._looked

    def _take(self, root: Any) -> None:
        merged: dict[tuple[Any, ...], facts.LossTerm] = {}
        for outer, inner in _terms(root):
            base, weighted = self._numbers.get(inner), self._numbers.get(outer)
            if base is None or weighted is None:
                return
            source = base.reduction.source if base.reduction else None
            term = _term(base, weighted, *self._losses.get(inner, self._losses.get(source, ("", base.site))))
            key = (term.function, term.operation, term.file, term.line, term.column)
            merged[key] = _joined(merged[key], term) if key in merged else term
        self._numbers, self._losses = {}, {}
        if FACTORS <= len(merged) <= MOST_TERMS:
            self._new.append(facts.LossTerms(step=self._view.step, terms=tuple(merged.values())))

    def facts(self) -> Iterator[facts.LossTerms]:
        """What is new."""
        new, self._new = self._new, []
        yield from new

    def release(self) -> None:
        """Let go of the graph."""
        self._numbers, self._losses = {}, {}


def _term(base: _Number, weighted: _Number, loss: str, site: Site) -> facts.LossTerm:
    known = base.reduction
    return facts.LossTerm(
        function=loss,
        operation=base.name,
        shape=known.shape if known else (),
        summed=known.summed if known else 1,
        share=known.weight if known else None,
        file=site.file,
        line=site.line,
        column=site.column,
        value=float(base.value),
        weighted=float(weighted.value),
    )


def _joined(first: facts.LossTerm, second: facts.LossTerm) -> facts.LossTerm:
    """Two terms that one line gives."""
    return replace(first, value=first.value + second.value, weighted=first.weighted + second.weighted)


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
