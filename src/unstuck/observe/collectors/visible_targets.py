"""Does the target of a loss stand in the input of the model, so that copying is all that there is to learn?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, TypeGuard

import torch
from torch import Tensor
from torch.nn import functional

from unstuck.observe.autograd.graph import nodes
from unstuck.observe.autograd.widest_way import leads_whole
from unstuck.observe.collectors.handwritten_losses import LossCall
from unstuck.observe.collectors.numbers_ahead import number_reach, positions_ahead
from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.user_code.frames import user_place
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["Copied", "VisibleTargets", "copied"]

DRAWS: frozenset[Any] = frozenset(
    {
        *(torch.rand, torch.randn, torch.rand_like, torch.randn_like, torch.randperm, torch.randint),
        *(torch.bernoulli, Tensor.bernoulli, Tensor.bernoulli_, torch.normal, torch.multinomial),
        *(Tensor.normal_, Tensor.uniform_, functional.dropout, functional.alpha_dropout, functional.gumbel_softmax),
    }
)
"""What draws random numbers: a model that sees its target through noise cannot copy it."""

CHOICES: frozenset[Any] = frozenset({torch.argmin, torch.argmax, Tensor.argmin, Tensor.argmax})
"""What names the nearest or the likeliest of several: no gradient passes through the number of a choice."""

MOST_STEPS = 8
"""Sampled steps in which targets are looked for."""

MOST_VALUES = 1 << 20
"""Values of an input above which none are."""

MOST_NODES = 5_000
FEWEST_EXAMPLES = 4
FEWEST_COLUMNS = 3
"""Columns from which on a target that is one of them on another scale is no exercise in straight lines (our choice)."""

ROUNDING = 1e-6
"""One less the squared correlation of two columns that are the same on other scales, in single precision."""


class Copied(NamedTuple):
    """Where in an input a target stands.

    Attributes:
        how: As the whole input, its last part, or a column.
        column: Which column.
        columns: Of how many.
    """

    how: Literal["whole", "last", "column"]
    column: int | None = None
    columns: int = 1


def copied(target: Tensor, source: Tensor) -> Copied | None:
    """Where in an input a target stands, example by example; None where it does not.

    Args:
        target: Numbers or class ids, some for each example.
        source: Numbers, at least as many for each example.

    Examples:
        >>> x = torch.tensor([[0.5, 3.0, 1.0], [0.2, 1.0, 4.0], [0.9, 4.0, 1.0], [0.1, 2.0, 5.0]])
        >>> copied(x[:, 1], x), copied(7.0 - 2.0 * x[:, 1:2], x), copied(x[:, 0] * x[:, 1], x)
        (Copied(how='column', column=1, columns=3), Copied(how='column', column=1, columns=3), None)
    """
    rows, count = len(target), target.numel()
    if not rows or source.numel() % count or bool((target == target.reshape(-1)[0]).all()):
        return None
    given, wanted = source.detach(), target.detach().to(source.dtype)
    columns = source.numel() // count
    if columns == 1:
        same = wanted.is_floating_point() and torch.equal(given.reshape(-1), wanted.reshape(-1))
        return Copied("whole") if same else None
    wanted = wanted.reshape(rows, -1)
    if source.dim() > 1 and wanted.shape[1] > 1:
        return Copied("last") if torch.equal(given.reshape(rows, -1)[:, -wanted.shape[1] :], wanted) else None
    return _column(wanted, given.reshape(rows, -1)) if columns >= FEWEST_COLUMNS else None


def _column(wanted: Tensor, given: Tensor) -> Copied | None:
    """The column that a target is, on whatever scale."""
    given, wanted = given.double(), wanted.double()
    moved, asked = given - given.mean(dim=0), wanted - wanted.mean()
    sizes = moved.square().sum(dim=0) * asked.square().sum()
    left = 1.0 - (moved * asked).sum(dim=0).square() / sizes.clamp(min=1e-300)
    found = left.nan_to_num(nan=1.0).argmin()
    return Copied("column", int(found), given.shape[1]) if float(left[found]) < ROUNDING else None


@dataclass(frozen=True)
class _Site:
    found: Copied
    looked: int = 0
    equal: int = 0
    wide: bool | None = None
    noisy: bool = False
    chosen: bool = False
    cut: int = 0
    further: int = 0
    values: int = 1


class VisibleTargets:
    """Compare the targets of losses with what entered the model, in the first sampled steps.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = DRAWS | CHOICES

    def __init__(self, view: View) -> None:
        self._view = view
        self._sites: dict[tuple[str | None, int | None], _Site] = {}
        self._misses = 0
        self._drawn = False
        self._chosen: int | None = None
        self._reaches: list[facts.SequenceReach] = []
        self._followed = False

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Random numbers are drawn, or a choice is made: once a batch has entered, on the way to the output."""
        if self._view.entered:
            if function in CHOICES:
                self._chosen = self._view.step
            else:
                self._drawn = self._drawn or _draws(function, kwargs)

    def loss(self, call: LossCall) -> None:
        """Look for a target in the inputs."""
        if self._misses < MOST_STEPS:
            self._misses += 1
            self._look(call)
            if not self._followed and not self._view.hooked:
                self._look_ahead(call)
            self._drawn = False

    def _look(self, call: LossCall) -> None:
        sources = [x for x in self._view.inputs if _may_hold(x, call.target)]
        place = user_place(1)
        known = self._sites.get(place)
        for source in sources:
            found = copied(call.target, source)
            if found is None or (known is not None and found != known.found):
                continue
            known = known or _Site(found, further=_beside(self._view.inputs))
            wide = leads_whole(call.output, source) if found.how == "whole" and known.wide is None else known.wide
            values = call.target.numel() // len(call.target)
            known = replace(known, equal=known.equal + 1, wide=wide, noisy=known.noisy or self._drawn, values=values)
            chosen = known.chosen or self._chosen == self._view.step
            known = replace(known, chosen=chosen, cut=known.cut + self._is_cut(call.output))
            break
        if known is not None:
            self._sites[place] = replace(known, looked=known.looked + 1)

    def _look_ahead(self, call: LossCall) -> None:
        """Look for a target further on in the inputs, and whether the output that is to foretell it sees it there."""
        first, output = self._view.first, call.output
        if first is None or not first.requires_grad or not output.requires_grad or not is_readable(output):
            return
        if call.value.dim():
            return  # of losses that are weighed afterwards, those of a few positions alone may count
        series = [x for x in self._view.inputs if isinstance(x, Tensor) and x.is_floating_point() and x.dim() > 1]
        if len(series) != 1 or not _may_hold(series[0], call.target):
            return  # of several, such as a past and a future, any may be what the first layer was given
        ahead = positions_ahead(call.target, series[0])
        reach = (
            None if ahead is None else number_reach(call, ahead, first, step=self._view.updates, place=user_place(1))
        )
        if reach is not None:
            self._reaches.append(reach)
            self._followed = True

    def _is_cut(self, output: Tensor) -> bool:
        """Whether an output has a graph, and none that leads to the first that was made of the batch by weights."""
        first = self._view.first
        if first is None or first.grad_fn is None or output.grad_fn is None:
            return False
        return first.grad_fn not in nodes(output, most=MOST_NODES)

    def facts(self) -> Iterator[facts.VisibleTarget | facts.SequenceReach]:
        """What was found."""
        reaches, self._reaches = self._reaches, []
        yield from reaches
        for (file, line), site in self._sites.items():
            yield facts.VisibleTarget(
                looked=site.looked,
                equal=site.equal,
                how=site.found.how,
                column=site.found.column,
                columns=site.found.columns,
                wide=site.wide,
                noisy=site.noisy,
                chosen=site.chosen,
                cut=site.cut,
                further=site.further,
                values=site.values,
                file=file,
                line=line,
            )


def _draws(function: Any, kwargs: dict[str, Any]) -> bool:
    return function is not functional.dropout or bool(kwargs.get("training", True) and kwargs.get("p", 0.5))


def _may_hold(source: object, target: Tensor) -> TypeGuard[Tensor]:
    """Whether an input may hold a target: numbers, as many examples, more than a few."""
    return (
        isinstance(source, Tensor)
        and source.is_floating_point()
        and not source.requires_grad
        and is_readable(source)
        and source.numel() <= MOST_VALUES
        and bool(source.dim() and target.dim())
        and len(source) == len(target) >= FEWEST_EXAMPLES
        and source.device == target.device
    )


def _beside(inputs: tuple[Any, ...]) -> int:
    return max(0, sum(isinstance(value, Tensor) for value in inputs) - 1)
