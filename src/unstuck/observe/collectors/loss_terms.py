"""The terms that the loss of a step adds up: their values, and what they are multiplied by."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from unstuck.observe.autograd.graph import operation
from unstuck.observe.autograd.reductions import Reduction, reduction
from unstuck.observe.autograd.summands import ADDED, summands, unscaled
from unstuck.observe.collectors.handwritten_losses import LossCall
from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.torch_hooks.backward import Backward
from unstuck.observe.user_code.frames import Site, user_site
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["LossTerms"]

ADDITIONS: frozenset[Any] = frozenset(
    {torch.add, Tensor.add, Tensor.__add__, torch.sub, Tensor.sub, Tensor.__sub__, Tensor.__rsub__}
)

MOST_TERMS = 8

MOST_PASSES = 8
"""Backward passes of one step that are taken apart: later ones, of micro-batches, are alike."""

MOST_ADDED = 32
"""Tensors that are kept until the backward pass, of those that are added up element by element."""

MOST_ELEMENTS = 1 << 20
"""Elements of each: terms of a loss have one for each example, or for each part of it."""

EARLY = 8
"""Samples, of which those at powers of two are looked at."""

GROWTH = 1.36
"""Growth of the number of steps from look to look after them, so that one lies near the end: that of four samples, as
they mostly come, or of a single one where they are rare."""

ROUNDING = 1e-3
"""Relative error of a number that is computed from the elements of which it is the sum or the mean."""

Terms = dict[tuple[Any, ...], facts.LossTerm]


@dataclass(frozen=True)
class _Number:
    """A number that a call has given."""

    value: Tensor
    name: str
    site: Site
    base: Any
    reduction: Reduction | None = None


@dataclass(frozen=True)
class _Elements:
    """A tensor that is added up element by element, or a sum of such."""

    values: Tensor
    version: int
    site: Site
    base: Any
    factor: float
    reduction: Reduction | None = None

    @property
    def mean(self) -> float:
        """The mean of its elements; NaN where the program has changed them since."""
        return float(self.values.double().mean()) if self.values._version == self.version else math.nan


class LossTerms:
    """Take the loss apart where it is a sum, on the first three samples, those at powers of two, later on some.

    A sum of numbers, or of tensors of which the sum or mean is taken; several losses of one step, each with a backward
    pass of its own, are one sum too.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = ADDITIONS

    def __init__(self, view: View) -> None:
        self._view = view
        self._sampled = 0
        self._step = -1
        self._looked = 0
        self._numbers: dict[Any, _Number] = {}
        self._elements: dict[Any, _Elements] = {}
        self._losses: dict[Any, tuple[str, Site]] = {}
        self._passes: list[Terms | None] = []
        self._roots: list[tuple[str, Site] | None] = []
        self._new: list[facts.LossTerms] = []

    @property
    def different(self) -> float | None:
        """How many different losses the passes of this step have differentiated, each of a call of its own.

        Infinite where each pass has its own; None where there was one pass only, or where it is not known of all.
        """
        known = set(self._roots)
        if len(self._roots) < 2 or None in known:
            return None
        return math.inf if len(known) == len(self._roots) else len(known)

    @property
    def _looks(self) -> bool:
        """Whether there is room for another pass of a step that is looked at."""
        return len(self._passes) < MOST_PASSES

    def number(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Tensor) -> None:
        """Keep a number that something may be learnt from."""
        if self._looks and output.grad_fn is not None and is_readable(output):
            name = str(getattr(function, "__name__", "")).strip("_")
            node, value = output.grad_fn, output.detach().clone()
            self._numbers[node] = _Number(value, name, user_site(2), unscaled(node)[0], reduction(node))

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Keep what is added element by element, outside of the model."""
        view = self._view
        within = view.module is not None and view.module in view.roots
        if (
            view.apart
            and self._looks
            and not within
            and isinstance(output, Tensor)
            and output.ndim
            and output.grad_fn is not None
        ):
            for tensor in (*args[:ADDED], output):
                if isinstance(tensor, Tensor) and tensor.numel() <= MOST_ELEMENTS and is_readable(tensor):
                    self._keep(tensor)

    def _keep(self, tensor: Tensor) -> None:
        node = tensor.grad_fn
        if node is not None and node not in self._elements and len(self._elements) < MOST_ADDED:
            base, factor = unscaled(node)
            self._elements[node] = _Elements(
                tensor.detach(), tensor._version, user_site(2), base, factor, reduction(base)
            )

    def loss(self, call: LossCall) -> None:
        """Note which of them are losses."""
        value = call.value if not call.handwritten else call.written
        if self._view.apart and self._looks and value is not None and value.grad_fn is not None:
            self._losses[value.grad_fn] = (
                call.function,
                call.site if call.handwritten else user_site(1),
            )

    def before_backward(self, first: bool) -> None:
        """Forget passes whose gradients were cleared, and not used."""
        if first:
            self._passes.clear()
            self._roots.clear()

    def after_backward(self, backward: Backward) -> None:
        """Take a loss of this step apart."""
        if not (self._view.apart and backward.accumulates and backward.roots):
            return
        root, between = backward.roots[0].grad_fn, self._view.between
        number = self._numbers.get(root)
        if number is None and between.began and not between.watched and self._roots:
            self._roots.append(self._roots[-1])  # of another micro-batch: the last one has brought nothing new
        elif self._looks:
            key = number and (number.name, number.site)
            between.news |= key is not None and key not in self._roots
            self._roots.append(key)
            self._passes.append(self._taken(root))
            if not self._looks:
                self._forget()

    def update(self, optimizer: object) -> None:
        """Join the losses of the step, and decide whether to take apart those of the next sample."""
        view = self._view
        if view.apart:
            self._join()
        before, self._step, self._sampled = self._step, view.step, self._sampled + 1
        self._looked = self._step if view.apart else self._looked
        view.apart = self._looks_next(self._step**2 / max(before, 1))

    def _join(self) -> None:
        found = _added(self._passes if len(self._passes) == len(self._roots) else self._unlike())
        if ADDED <= len(found) <= MOST_TERMS:
            self._new.append(facts.LossTerms(step=self._view.step, terms=tuple(found.values())))
        self._forget()
        self._passes.clear()
        self._roots.clear()

    def _unlike(self) -> Iterator[Terms | None]:
        """Each pass that has not come before: of some that were not seen it is known only that they are like these."""
        for place, terms in enumerate(self._passes):
            if self._roots[place] not in self._roots[:place]:
                yield terms

    def _looks_next(self, expected: float) -> bool:
        """Whether to look at the next sample, which is expected at some step."""
        if self._sampled < EARLY:
            return self._sampled & (self._sampled - 1) == 0
        return expected >= GROWTH * self._looked

    def _taken(self, root: Any) -> Terms | None:
        """The terms of one loss; None where one of them is not known."""
        found: Terms = {}
        for node in summands(root):
            weighted = self._numbers.get(node)
            base = self._numbers.get(weighted.base) if weighted is not None else None
            if base is None or weighted is None:
                return None
            for term in self._by_elements(base, weighted) or (self._whole(base, weighted),):
                key = _key(term)
                known = found.get(key)
                found[key] = term if known is None else _joined((known, term))
        return found

    def _whole(self, base: _Number, weighted: _Number) -> facts.LossTerm:
        known = base.reduction
        loss, site = self._loss(weighted.base, known, base.site)
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

    def _by_elements(self, base: _Number, weighted: _Number) -> Sequence[facts.LossTerm]:
        """The terms of a sum of tensors, the sum or mean of which a number is; none where it is not of such."""
        known, number = base.reduction, float(base.value)
        source = self._elements.get(known.source) if known is not None else None
        parts = [self._elements.get(node) for node in summands(known.source)] if known and source else []
        if known is None or source is None or len(parts) < ADDED:
            return ()
        unit, means = known.weight * math.prod(known.shape), [part.mean if part else math.nan for part in parts]
        scale = abs(unit) * sum(map(abs, means))
        if not number or not abs(unit * source.mean - number) <= ROUNDING * scale:
            return ()
        factor = float(weighted.value) / number
        return [
            self._element(part, unit * mean, factor, known) for part, mean in zip(parts, means, strict=True) if part
        ]

    def _element(self, part: _Elements, value: float, factor: float, outer: Reduction) -> facts.LossTerm:
        """A term of such a sum, of its value as it is added before the constants of the whole sum."""
        inner = part.reduction
        loss, site = self._loss(part.base, inner, part.site)
        share = outer.weight * math.prod(outer.shape) / max(part.values.numel(), 1)
        return facts.LossTerm(
            function=loss,
            operation=operation(part.base).lower(),
            shape=inner.shape if inner else tuple(part.values.shape),
            summed=outer.summed * (inner.summed if inner else 1),
            share=share * (inner.weight if inner else 1.0),
            file=site.file,
            line=site.line,
            column=site.column,
            value=value / part.factor if part.factor else value,
            weighted=factor * value,
        )

    def _loss(self, node: Any, known: Reduction | None, site: Site) -> tuple[str, Site]:
        """The loss that a node is, or that sums and means were taken of, and where it is called."""
        return self._losses.get(node) or self._losses.get(known.source if known else None) or ("", site)

    def facts(self) -> Iterator[facts.LossTerms]:
        """What is new."""
        new, self._new = self._new, []
        yield from new

    def release(self) -> None:
        """Let go of the graph."""
        self._forget()

    def _forget(self) -> None:
        self._numbers, self._elements, self._losses = {}, {}, {}


def _key(term: facts.LossTerm) -> tuple[Any, ...]:
    return term.function, term.operation, term.file, term.line, term.column


def _joined(terms: Sequence[facts.LossTerm]) -> facts.LossTerm:
    """Terms of one sum that one line gives, as one."""
    return replace(terms[0], value=sum(t.value for t in terms), weighted=sum(t.weighted for t in terms))


def _added(passes: Iterable[Terms | None]) -> Terms:
    """The terms of all losses of a step; none where some are not known.

    What one line gives in several passes, as for micro-batches, is a mean over these that is added several times.
    """
    each: dict[tuple[Any, ...], list[facts.LossTerm]] = {}
    for terms in passes:
        if terms is None:
            return {}
        for key, term in terms.items():
            each.setdefault(key, []).append(term)
    return {key: replace(_joined(terms), value=_joined(terms).value / len(terms)) for key, terms in each.items()}
