"""Sums over all examples that are added to each example's own loss, before the mean is taken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor

from unstuck.observe.autograd.axes import result_shape
from unstuck.observe.autograd.graph import TRANSPARENT, GraphWalk, Place, nodes, operation, place_of
from unstuck.observe.autograd.reductions import SCALINGS, reduction
from unstuck.observe.autograd.summands import summands, unscaled
from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.user_code.frames import user_place
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["SummedExamples"]

MOST_SUMS = 64
"""Sums of a step that are known by their line."""

MOST_LOOKS = 6

MOST_NODES = 2_000

WITH_DATA = frozenset({"Addmm", "Mm", "Bmm", "Baddbmm", "Mv", "Convolution", "Embedding", "MiopenRnn", "CudnnRnn"})
"""Operations in which weights meet examples: a penalty of weights alone has none of them."""


class SummedExamples:
    r"""Look for :math:`\frac{1}{N} \sum_n (\ell_n + \sum_m s_m)`, in the first losses whose numbers are known.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = frozenset[Any]()

    def __init__(self, view: View) -> None:
        self._view = view
        self._looks, self._step = 0, -1
        self._sums: dict[Place, tuple[str | None, int | None]] = {}
        self._new: list[facts.SummedExamples] = []

    def number(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Tensor) -> None:
        """Keep where a sum is taken."""
        node = output.grad_fn
        if (
            node is None
            or not node.name().startswith("Sum")
            or self._looks >= MOST_LOOKS
            or len(self._sums) > MOST_SUMS
        ):
            return
        if operation(node) == "Sum" and is_readable(output):
            if self._step != self._view.step:
                self._step, self._sums = self._view.step, {}
            self._sums[place_of(node)] = user_place(2)

    def backward(self, graph: GraphWalk) -> None:
        """Look at what is averaged over the examples of a loss."""
        sums, self._sums = self._sums, {}
        each = _each(graph.root.grad_fn) if sums else None
        if each is None:
            return
        source, examples = each
        self._looks += 1
        found: dict[tuple[str | None, int | None], float] = {}
        for node in summands(source):
            base, factor = unscaled(node)
            where = None if base is None else sums.get(place_of(base))
            if where is not None and result_shape(node) in ((), (1,)) and _adds_up_examples(base, examples):
                found[where] = max(found.get(where, 0.0), abs(factor))
        for place, factor in found.items():
            self._new.append(
                facts.SummedExamples(
                    step=self._view.step, examples=examples, weight=examples * factor, file=place[0], line=place[1]
                )
            )

    def facts(self) -> Iterator[facts.SummedExamples]:
        """What is new."""
        new, self._new = self._new, []
        yield from new

    def release(self) -> None:
        """Let go of the graph."""
        self._sums.clear()


def _each(node: Any) -> tuple[Any, int] | None:
    """The sum, a number for each example, of which a loss is the mean, and how many examples there are."""
    while node is not None and operation(node) in SCALINGS | TRANSPARENT and _alone(node):
        node = node.next_functions[0][0]
    known = None if node is None or operation(node) not in ("Mean", "Sum") else reduction(node)
    if known is None or len(known.shape) != 1 or known.source is None or known.shape[0] < 2:
        return None
    return unscaled(known.source)[0], known.shape[0]


def _alone(node: Any) -> bool:
    return sum(successor is not None for successor, _ in node.next_functions) == 1 and bool(node.next_functions[0][0])


def _adds_up_examples(node: Any, examples: int) -> bool:
    """Whether a sum is over all of a tensor that has a row for each example, and was made of them."""
    shape = tuple(map(int, node._saved_self_sym_sizes))
    if not shape or shape[0] != examples:
        return False
    return any(operation(each) in WITH_DATA for each in nodes(node, most=MOST_NODES))
